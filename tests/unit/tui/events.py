"""Events as a sitting tells them, small and readable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshdoctor.model.finding import Finding, Severity
from meshdoctor.model.hosts import HostRow, Wish
from meshdoctor.sitting.events import Judged, Listed, Pair, PodListed
from meshdoctor.tui.board.board import Board

API: Pair = ("api.maps.test", 443)
DB: Pair = ("db.pay.test", 3306)
WEB, JOB, DB_POD = "shop/web-1", "shop/job-1", "bank/db-1"


def pod(key: str, kind: Any = "sidecar", *, coming: bool = True, because: str = "", **labels: str) -> PodListed:
    name = key.rpartition("/")[2].rpartition("-")[0]
    return PodListed(key, name, "Deployment", labels, kind, coming, because)


def host(pair: Pair, *wanted_by: str, by: Sequence[str] = (), protocol: str = "") -> HostRow:
    return HostRow(*pair, protocol, tuple(by), tuple(Wish(key, ()) for key in wanted_by), ())


def listed(pods: Sequence[PodListed], hosts: Sequence[HostRow] = ()) -> Listed:
    return Listed("capture", "mesh", None, tuple(pods), tuple(hosts))


def judged(key: str, verdicts: Mapping[Pair, str], *, policy: str = "REGISTRY_ONLY", final: bool = True) -> Judged:
    return Judged(key, "1.30.0", policy, {pair: (verdict, "", None) for pair, verdict in verdicts.items()}, final)


def finding(rule: str, severity: Severity, pair: Pair | None, *pods: str, **more: Any) -> Finding:
    at, port = pair or (None, None)
    given: dict[str, Any] = {
        "rule": rule,
        "severity": severity,
        "confidence": "certain",
        "fingerprint": f"{rule} {at}:{port}",
        "title": rule,
        "message": f"{rule} at {at}.",
        "why": "It hurts.",
        "host": at,
        "port": port,
        "pods": pods,
    }
    return Finding(**(given | more))


def board() -> Board:
    """Three pods of two namespaces, two hosts, one finding each."""
    made = Board()
    made.apply(
        [
            listed(
                [pod(WEB, app="web"), pod(JOB, app="job"), pod(DB_POD, app="db")],
                [
                    host(API, WEB, JOB, by=["ServiceEntry shop/maps"], protocol="TLS"),
                    host(DB, DB_POD),
                ],
            ),
            judged(WEB, {API: "delivered", DB: "blocked"}),
            judged(JOB, {API: "misrouted", DB: "blocked"}, policy="ALLOW_ANY"),
            judged(DB_POD, {API: "blocked", DB: "blocked"}),
        ]
    )
    return made
