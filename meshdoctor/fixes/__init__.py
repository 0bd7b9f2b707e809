"""Mends: what a fix changes in which object, whom that touches, and how it is shown, written to files and exported."""
