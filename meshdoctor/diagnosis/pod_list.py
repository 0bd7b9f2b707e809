"""The pods of a mesh before any of their proxies is read."""

from __future__ import annotations

from collections.abc import Collection

from meshdoctor.diagnosis.events import ListedPod, PodsListed
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.derived.host_rows import early_rows
from meshdoctor.model.evidence import Capture
from meshdoctor.semantics.istio.data_plane import pod_kind

PROXIED = ("sidecar", "gateway", "waypoint")


def list_pods(capture: Capture, sheet: FactSheet, coming: Collection[str], kept: Collection[str] = ()) -> PodsListed:
    """The pods asked for. `coming`: pods whose proxy is or will be read; `kept`: not read again."""
    awaited = frozenset(coming)
    keys = filter(sheet.is_asked, sorted(sheet.mesh.pod_names))
    pods = tuple(_pod(sheet, key, key in awaited, key in kept) for key in keys)
    return PodsListed(capture.kind, capture.location, capture.captured_at, pods, early_rows(sheet))


def _pod(sheet: FactSheet, key: str, is_coming: bool, is_kept: bool) -> ListedPod:
    mesh = sheet.mesh
    pod = mesh.pods.get(key)
    # A pod without a resource has only a dump, which comes later: until then it is taken for a sidecar.
    kind = "sidecar" if pod is None else pod_kind(key, pod, None, mesh.namespaces)
    owner = pod.workload if pod else None
    because = ""
    if not is_coming and kind in PROXIED:
        because = mesh.proxies_unread.get(key) or mesh.why_unread(f"proxies/{key}/config_dump.json")
        because = because or "its config dump was not read"
    return ListedPod(
        key=key,
        workload=owner.name if owner else "",
        workload_kind=owner.kind if owner else "",
        labels=pod.labels if pod else {},
        kind=kind,
        is_coming=is_coming,
        because=because,
        is_kept=is_kept,
    )
