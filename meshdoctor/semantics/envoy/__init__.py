"""How Envoy decides: filter chains, virtual hosts, routes; and how its access log reads."""
