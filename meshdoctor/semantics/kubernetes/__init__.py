"""How Kubernetes matches labels, and which pod a user names."""
