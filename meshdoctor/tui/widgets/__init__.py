"""One widget a file. A widget draws and posts messages; the screen decides what it draws."""
