"""A live cluster as a source: its objects and every sidecar's admin pages become a `Capture` held in memory.

Promises: concurrency and time are limited; a pod that does not answer delays no other and is reported; secrets are
redacted before anything is stored; nothing is written to the cluster.
"""
