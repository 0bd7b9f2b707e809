"""A finding's fix as changes to objects, with their diffs, their owners and the kubectl lines for them."""
