"""What pods are configured to use: external hosts and plaintext passwords."""
