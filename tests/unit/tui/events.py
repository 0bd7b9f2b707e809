"""Events as a session tells them, small and readable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshdoctor.diagnosis.events import ListedPod, Pair, PodChecked, PodsListed
from meshdoctor.model.finding import Confidence, Finding
from meshdoctor.model.host_table import HostRow, UsedBy
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.tui.state.mesh_state import MeshState

API: Pair = ("api.maps.test", 443)
DB: Pair = ("db.pay.test", 3306)
WEB, JOB, DB_POD = "shop/web-1", "shop/job-1", "bank/db-1"


def pod(key: str, kind: Any = "sidecar", *, coming: bool = True, because: str = "", **labels: str) -> ListedPod:
    name = key.rpartition("/")[2].rpartition("-")[0]
    return ListedPod(key, name, "Deployment", labels, kind, coming, because)


def host(pair: Pair, *used_by: str, by: Sequence[str] = (), protocol: str = "") -> HostRow:
    return HostRow(*pair, protocol, tuple(by), tuple(UsedBy(key, ()) for key in used_by), ())


def listed(pods: Sequence[ListedPod], hosts: Sequence[HostRow] = ()) -> PodsListed:
    return PodsListed("capture", "mesh", None, tuple(pods), tuple(hosts))


def judged(
    key: str, verdicts: Mapping[Pair, Verdict], *, policy: str = "REGISTRY_ONLY", final: bool = True
) -> PodChecked:
    return PodChecked(key, "1.30.0", policy, {pair: (verdict, "", None) for pair, verdict in verdicts.items()}, final)


def finding(rule: str, severity: Severity, pair: Pair | None, *pods: str, **more: Any) -> Finding:
    at, port = pair or (None, None)
    given: dict[str, Any] = {
        "rule": rule,
        "severity": severity,
        "confidence": Confidence.CERTAIN,
        "fingerprint": f"{rule} {at}:{port}",
        "title": f"Title of {rule}",
        "message": f"{rule} at {at}.",
        "why": "It hurts.",
        "host": at,
        "port": port,
        "pods": pods,
    }
    return Finding(**(given | more))


def mesh_state() -> MeshState:
    """Three pods of two namespaces, two hosts, one finding each."""
    made = MeshState()
    made.apply(
        [
            listed(
                [pod(WEB, app="web"), pod(JOB, app="job"), pod(DB_POD, app="db")],
                [
                    host(API, WEB, JOB, by=["ServiceEntry shop/maps"], protocol="TLS"),
                    host(DB, DB_POD),
                ],
            ),
            judged(WEB, {API: Verdict.DELIVERED, DB: Verdict.BLOCKED}),
            judged(JOB, {API: Verdict.MISROUTED, DB: Verdict.BLOCKED}, policy="ALLOW_ANY"),
            judged(DB_POD, {API: Verdict.BLOCKED, DB: Verdict.BLOCKED}),
        ]
    )
    return made
