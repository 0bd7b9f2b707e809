"""Kubernetes and Istio objects as `model.mesh` objects, read on demand per kind."""
