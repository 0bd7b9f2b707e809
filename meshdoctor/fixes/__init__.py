"""Stage 6: a finding's mend as changes to objects, whom it touches, and where it is written."""
