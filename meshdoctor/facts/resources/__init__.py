"""Kubernetes and Istio objects as `model.mesh` objects, kind by kind, read on demand."""
