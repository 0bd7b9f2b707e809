"""One widget a file. A widget draws and tells of keys; what it draws is decided by the screen."""
