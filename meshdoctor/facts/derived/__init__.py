"""Facts derived from several objects: the lists of the sheet, one module each."""
