"""What users read, as blocks that any front end draws: every sentence stands here once."""
