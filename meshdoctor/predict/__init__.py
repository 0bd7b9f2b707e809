"""The configuration istiod would send a sidecar, predicted from the resources: listeners, routes and clusters.

`predict` returns it as a `model.proxy.Proxy`, so that whatever evaluates a real config dump can evaluate a change that
is not applied yet. What the resources do not determine is reported as `Unknown`, never guessed.

Follows pilot/pkg/networking/core of istio/istio (listener.go, tls.go, httproute.go, cluster.go) as of Istio 1.24 and
later.
"""
