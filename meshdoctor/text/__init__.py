"""Text as people and programs write it: parsed, redacted, made fit for a terminal. Knows nothing of Istio."""
