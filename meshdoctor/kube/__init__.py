"""Access to the Kubernetes API server: the only package that has it.

Promises: every call ends by its deadline; a refusal names the missing permission; only `writes` changes objects.
Importing this package is cheap; the Kubernetes client, a quarter of a second, is loaded by the first connection.
"""
