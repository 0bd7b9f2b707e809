"""The workloads that a ServiceEntry selects: WorkloadEntries and pods of its own namespace.

istio.io/latest/docs/reference/config/networking/service-entry, `workloadSelector`;
pilot/pkg/serviceregistry/serviceentry/controller.go of istio/istio.
"""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.model.mesh import ServiceEntry
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.destination_rules import labels_text


def no_workload(case: ProxyContext, entry: ServiceEntry) -> str:
    """That the entry's workloadSelector selects nothing, as a clause, with the workload next door that has its labels;
    empty where it selects something, or where the workloads were not read."""
    selector = entry.workload_selector
    if selector is None or "workloadentries" not in case.mesh.kinds_read:
        return ""
    own = entry.ref.namespace
    if not selector:
        return f"the workloadSelector of {entry.ref} has no labels, which selects nothing"
    fitting = [ref for ref, labels in _workloads(case) if selector.items() <= labels.items()]
    if any(ref.namespace == own for ref in fitting):
        return ""
    found = f"the workloadSelector ({labels_text(selector)}) of {entry.ref} selects no WorkloadEntry or pod in {own}"
    near = next((ref for ref in fitting if ref.kind == "WorkloadEntry"), None)
    if near is not None:
        return f"{found}; {near} has these labels, but is in another namespace"
    other = next((ref for ref, _ in _workloads(case) if (ref.kind, ref.namespace) == ("WorkloadEntry", own)), None)
    return f"{found}; {other} has other labels" if other is not None else found


def _workloads(case: ProxyContext) -> Iterator[tuple[ObjectRef, dict[str, str]]]:
    for workload in case.mesh.workload_entries:
        yield workload.ref, workload.labels
    for pod in case.mesh.pods.values():
        yield ObjectRef("Pod", pod.namespace, pod.name), pod.labels
