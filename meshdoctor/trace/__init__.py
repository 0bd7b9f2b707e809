"""Stage 3b: what one sidecar does with one connection, as Envoy would do it.

Start at `outbound.Tracer.assess`. Verdicts are facts that rules select, so this package imports the model and the
semantics only.
"""
