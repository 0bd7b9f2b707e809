"""Facts that need several objects at once: what the lists of the sheet hold. Each list has its module."""
