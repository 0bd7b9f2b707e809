"""Traces from one pod of a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from msgspec import structs

from meshdoctor.diagnosis.scope import refuse_empty, refuse_unknown
from meshdoctor.facts.case import Case
from meshdoctor.model.trace import ClientOptions, Trace
from meshdoctor.semantics.kubernetes.pod_selection import find_pod
from meshdoctor.trace.outbound import Tracer


def open_tracer(case: Case, pod: str, namespaces: Sequence[str] | None = None) -> Tracer:
    """One pod's sidecar, for any number of traces.

    Raises `UsageError` where no pod or several fit, naming the nearest.
    """
    refuse_empty(case)
    refuse_unknown(namespaces or (), case.mesh)
    return Tracer(case.mesh, find_pod(case.mesh, pod, namespaces or ()))


def trace_from(
    tracer: Tracer,
    host: str,
    port: int,
    **client: Unpack[ClientOptions],
) -> Trace:
    """The trace of one connection, without line numbers."""
    trace = tracer.assess(host, port, **client)
    given = ("protocol", "sni", "authority", "scheme", "method", "http_version")
    is_given = any(client.get(name) is not None for name in given)
    assumed = None if is_given or trace.forward_proxy is not None else tracer.assumption(host, port)
    return trace if assumed is None else structs.replace(trace, steps=(assumed, *trace.steps))
