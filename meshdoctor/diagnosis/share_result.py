"""What checking some of the proxies gives. It is small: it goes from process to process, and is kept between looks."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from meshdoctor.facts.derived.host_rows import PodColumn
from meshdoctor.facts.proxy_files import ProxyNotes
from meshdoctor.model.evidence import Unread
from meshdoctor.model.pod_evidence import PodEvidence
from meshdoctor.rules.tally import FindingShare, Tally


class ShareResult(NamedTuple):
    """What a share of the proxies adds to the diagnosis and to the host table."""

    tally: Tally
    pods: list[str]
    """Those whose proxy was checked."""
    hosts: set[tuple[str, int]]
    """External hosts that they connect to."""
    columns: dict[str, PodColumn]
    policies: dict[str, str]
    """Outbound policy of each sidecar."""
    repeatable: dict[str, tuple[PodEvidence, list[FindingShare]]]
    """Of each pod that replicas may repeat, its part in each finding; empty once the share is complete."""

    @classmethod
    def nothing(cls) -> ShareResult:
        """Nothing yet."""
        return cls(Tally(), [], set(), {}, {}, {})

    def add(self, share: ShareResult) -> None:
        """Takes in another share, which is complete."""
        self.tally.merge(share.tally)
        self.pods.extend(share.pods)
        self.hosts.update(share.hosts)
        self.columns.update(share.columns)
        self.policies.update(share.policies)


class CachedShare(Struct):
    """The result of some proxies with all that was learnt of them, so that none of their files is read again."""

    names: tuple[str, ...]
    result: ShareResult
    learnt: ProxyNotes
    unread: tuple[Unread, ...]
    """Pages that could not be read."""
