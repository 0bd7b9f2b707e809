"""What pods ask for by their own configuration: hosts they want, and secrets that stand there in plain text."""
