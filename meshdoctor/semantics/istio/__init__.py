"""How Istio decides: visibility, precedence, protocols, traffic capture, names. Each function cites its source."""
