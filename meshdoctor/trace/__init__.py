"""Stage 3b: what one sidecar does with one connection, as Envoy would do it.

`trace_host` and `trace_connection` (in `outbound`) are the way in. Verdicts are facts that rules select, so this
package knows the model and the semantics only.
"""
