"""What istiod would tell a sidecar, made from the resources alone: its listeners, routes and clusters.

`predict` (in `predicted`) gives the configuration as the model has it, so that everything that judges a real dump can
judge a mesh that is not there yet. Where the resources do not settle something, that is a `Doubt`, never a guess.

Follows pilot/pkg/networking/core of istio/istio (listener.go, tls.go, httproute.go, cluster.go) as of Istio 1.24 and
later.
"""
