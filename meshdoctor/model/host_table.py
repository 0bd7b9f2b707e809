"""The external hosts of a mesh: who registers them, who wants them, and what becomes of each pod's connection."""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.verdict import Verdict

TracedVerdict = tuple[Verdict, str, str | None]
"""Verdict, reason and cluster, as `trace` gives them."""


class UsedBy(Struct, frozen=True):
    """One pod that wants the host, and where that was seen."""

    pod: str
    seen: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()


class PodVerdict(Struct, frozen=True):
    """trace's verdict for one pod."""

    pod: str
    verdict: Verdict
    reason: str
    cluster: str | None = None


class HostRow(Struct, frozen=True):
    """One external host:port. `port` is None for a bare name, whose verdicts are unknown."""

    host: str
    port: int | None
    protocol: str
    """As declared by the entry that registers it, else what the port is known for, else empty."""
    registered_by: tuple[str, ...]
    """`ServiceEntry namespace/name`."""
    used_by: tuple[UsedBy, ...]
    verdicts: tuple[PodVerdict, ...]
    """One per pod with a sidecar."""


class HostTable(Struct, frozen=True):
    """The answer of `meshdoctor hosts`."""

    source_kind: str
    location: str
    hosts: tuple[HostRow, ...]
    missing: tuple[str, ...] = ()
    """What was not read, in words."""

    @property
    def are_entries_read(self) -> bool:
        """ServiceEntries were read, so that a host without one is registered by nobody."""
        return not any("serviceentries" in missing for missing in self.missing)
