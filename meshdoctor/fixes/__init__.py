"""What a mend is: the objects it changes, whom that touches, who else owns them, and how it is written to files."""
