"""The external hosts of a mesh: which objects register them, which pods use them, and the verdict for each pod."""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.verdict import Verdict

TracedVerdict = tuple[Verdict, str, str | None]
"""Verdict, reason and cluster, as `trace` gives them."""


NOT_CONFIGURED = frozenset(
    {"missing-service-entry", "service-entry-not-visible", "not-registered-here", "config-stale"}
)
"""Reasons of verdicts for hosts that the sidecar has no configuration for."""


class UsedBy(Struct, frozen=True):
    """One pod that depends on the host, and where its configuration says so."""

    pod: str
    seen: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()


class PodVerdict(Struct, frozen=True):
    """The verdict of `trace` for one pod."""

    pod: str
    verdict: Verdict
    reason: str
    cluster: str | None = None


class HostRow(Struct, frozen=True):
    """One external host:port. `port` is None for a host without port, whose verdicts are unknown."""

    host: str
    port: int | None
    protocol: str
    """As declared by the entry that registers it, else the usual protocol of the port, else empty."""
    registered_by: tuple[str, ...]
    """`ServiceEntry namespace/name`."""
    used_by: tuple[UsedBy, ...]
    verdicts: tuple[PodVerdict, ...]
    """One per pod with a sidecar."""

    @property
    def counted(self) -> tuple[PodVerdict, ...]:
        """The verdicts that sum up the row: of the pods that use the host, else of those whose sidecar is configured
        for it, else of all."""
        users = {one.pod for one in self.used_by}
        of_users = tuple(one for one in self.verdicts if one.pod in users)
        return of_users or tuple(v for v in self.verdicts if v.reason not in NOT_CONFIGURED) or self.verdicts


class HostTable(Struct, frozen=True):
    """The result of `meshdoctor hosts`."""

    source_kind: str
    location: str
    hosts: tuple[HostRow, ...]
    missing: tuple[str, ...] = ()
    """What could not be read."""

    @property
    def are_entries_read(self) -> bool:
        """ServiceEntries were read: a host without one is not registered."""
        return not any("serviceentries" in missing for missing in self.missing)
