"""Stage 5: results as text or bytes, one file per format. Nothing here reads a capture, a rule or an environment."""
