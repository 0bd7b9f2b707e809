"""The Kubernetes API server: the only package that speaks to one.

Promises: every call ends by its deadline; a refusal says which permission lacks; nothing is ever written but by
`session.Session.send`, which the readers here do not call. Importing it costs nothing; the client, a quarter of
a second, is loaded by the first connection.
"""
