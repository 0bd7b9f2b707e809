"""Parses and redacts text, and makes it safe for a terminal. Independent of Istio."""
