"""What the session shows, as plain data: rows that grow with a session's events, and the choice of those in sight."""
