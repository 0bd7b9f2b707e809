"""Fixes in the session: planned, tried, applied and undone in threads of their own, whatever screen is in front."""
