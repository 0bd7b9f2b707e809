"""What Istio and Envoy do, as pure functions over the model; each cites the source it follows."""
