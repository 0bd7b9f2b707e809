"""A live cluster as a source: its objects and every sidecar's admin pages become a `Capture` held in memory.

Promises: bounded at once and in time; one dead pod delays nobody and is named; secrets are taken out before anything is
kept; nothing is written to the cluster.
"""
