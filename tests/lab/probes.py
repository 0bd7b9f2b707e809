"""What really became of a connection, in the words of `trace`: judged by the client and by Envoy's access log alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tests.lab.accesslog import Logged
from tests.lab.scenario import Probe

BLOCKING_FLAGS = {"NR", "NC"}
BLACK_HOLE, PASSTHROUGH, BLOCK_ALL = "BlackHoleCluster", "PassthroughCluster", "block_all"
VIRTUAL = "240.240."
"""How the addresses begin that istiod allocates to hosts (240.240.0.0/16)."""


class Seen(Struct, frozen=True):
    """A connection that was made."""

    probe: Probe
    ip: str
    """The address dialled."""
    result: str
    """What the client got: ok, closed, http-error, not-http, hang, or an error's name."""
    verdict: str
    hangs: bool
    status: int | None = None
    served_by: str = ""
    error: str = ""
    log: Logged | None = None
    endpoints: frozenset[str] = frozenset()
    """Every endpoint of the cluster reached: which of them was chosen is up to the load balancer."""

    @property
    def connected(self) -> bool:
        """There was an address to dial."""
        return bool(self.ip)

    @property
    def line(self) -> str:
        """One line for a report."""
        probe = self.probe
        to = f"{probe.protocol} {probe.host}:{probe.port} at {self.ip}"
        got = " ".join(str(x) for x in (self.result, self.status, self.served_by, self.error) if x)
        verdict = f"{self.verdict} (hangs)" if self.hangs else self.verdict
        return f"{to}: {verdict}; client: {got}; log: {self.log.line if self.log else 'none'}"


class Clusters(Struct, frozen=True):
    """What the judgement needs to know of a proxy's clusters, by name."""

    types: Mapping[str, str]
    endpoints: Mapping[str, frozenset[str]]


def judged(probe: Probe, client: Mapping[str, Any], logged: list[Logged], clusters: Clusters) -> Seen:
    """A client's report and Envoy's lines become a verdict."""
    log = logged[-1] if logged else None
    result = client["result"]
    return Seen(
        probe,
        client.get("ip", ""),
        result,
        _verdict(probe, result == "ok", log, clusters.types, client.get("ip", "")),
        result == "hang",
        client.get("status"),
        client.get("served_by", ""),
        client.get("error", "") or client.get("body", ""),
        log,
        clusters.endpoints.get(log.cluster, frozenset()) if log else frozenset(),
    )


def _verdict(probe: Probe, worked: bool, log: Logged | None, types: Mapping[str, str], ip: str) -> str:
    """First the outbound policy's clusters, then the host's own, as in `trace`. Nobody has a virtual address: what the
    policy sends there is broken by the mesh, which made the address up.

    A route's own answer or redirect is `misrouted`, the word that trace has for it: it goes nowhere.
    What Envoy did not log bypassed it, or never left its inspectors.
    """
    if log is None:
        return "bypassed" if worked else "broken"
    if log.cluster == PASSTHROUGH:
        return "broken" if "UF" in log.flags and ip.startswith(VIRTUAL) else "passthrough"
    if log.cluster in probe.policy and BLOCKING_FLAGS.isdisjoint(log.flags):
        return "passthrough" if worked else "broken"
    if log.cluster == BLACK_HOLE or log.route == BLOCK_ALL or not BLOCKING_FLAGS.isdisjoint(log.flags):
        return "blocked"
    if log.details == "direct_response":
        return "misrouted"
    if not _is_own(probe, log.cluster) and log.cluster:
        return "leaked" if types.get(log.cluster) == "ORIGINAL_DST" else "misrouted"
    return "delivered" if worked else "broken"


def _is_own(probe: Probe, cluster: str) -> bool:
    """The cluster belongs to the host asked for: `outbound|PORT|SUBSET|HOST` with a host that covers it."""
    owner = cluster.rpartition("|")[2]
    host = probe.host.lower()
    return owner == host or owner in probe.own or (owner.startswith("*.") and host.endswith(owner[1:]))
