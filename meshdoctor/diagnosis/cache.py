"""What a look at files has left of its proxies, so that the next one reads only the files that it has to.

Proxies are judged in shares of neighbours. A share's result is small: what its findings show, and each proxy's
verdicts. It is taken over where none of its files changed; all are judged anew where anything beside dumps did, an
access log among it (others are asked for the hosts that it shows), where other proxies are there, where the dump of a
gateway or of a pod that is not asked for may be another, for sidecars' verdicts rest on those, and where a proxy's
endpoints came or went: without dns.json they decide which rules are in force.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec import Struct

from meshdoctor.diagnosis.file_stamps import AT_MOST, Stamp
from meshdoctor.diagnosis.proxy_checker import CheckedShare
from meshdoctor.model.evidence import proxy_of
from meshdoctor.model.mesh import Mesh

SHARE = 32
"""Proxies in one share: what is read where one of them is looked at again."""
_PAGES = frozenset({"config_dump.json", "clusters.json", "clusters.txt", "server_info.json", "stats.txt"})
"""Files of a proxy that tell of no other."""


class DiagnosisCache(Struct):
    """One look. `stamp` is of the files as they were when it began, `root` the folder of the capture."""

    stamp: Stamp
    root: Path | None
    shares: list[CheckedShare] = []

    def still_good(self, stamp: Stamp, names: Sequence[str], again: Collection[str], mesh: Mesh) -> list[CheckedShare]:
        """The shares that a look with this stamp over these proxies can take over; those of `again` it cannot."""
        if [name for share in self.shares for name in share.names] != list(names):
            return []
        changed = {self._pod_of(path) for path, _ in self.stamp ^ stamp}
        if not changed <= set(names) or len(stamp) >= AT_MOST:
            return []
        fresh = changed | set(again)
        for share in self.shares:
            for name in fresh & set(share.names):
                before, now = share.learnt.summaries.get(name), mesh.summary(name)
                if before is None or now is None or before.role != "sidecar" or now.role != "sidecar":
                    return []
                if before.knows_endpoints != now.knows_endpoints:
                    return []
        return [share for share in self.shares if fresh.isdisjoint(share.names)]

    def _pod_of(self, path: str) -> str:
        """The proxy that a file of the capture is of and nobody else; empty where it may be anybody's."""
        file = Path(path)
        if self.root is None or not file.is_relative_to(self.root):
            return ""
        proxy, page = proxy_of(file.relative_to(self.root).as_posix())
        return proxy if page in _PAGES else ""


def shares_of(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Neighbours by name, for they are likely to be replicas."""
    ordered = sorted(names)
    return [tuple(ordered[at : at + SHARE]) for at in range(0, len(ordered), SHARE)]
