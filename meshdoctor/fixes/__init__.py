"""Fixes: planned as changes to objects, rated by their impact, written to a cluster or to files, verified, undone."""
