"""Envoy's own JSON, v2 and v3, whole dumps and pasted arrays, as `model.proxy` objects."""
