"""What the session shows, as plain data: rows that grow with a sitting's events, and the choice of those in sight."""
