"""A stand-in for a Kubernetes API server on the loopback, and what meshdoctor makes of a cluster behind it."""
