"""Keeps the results of a refresh of files, so that the next one reads only the files that changed.

Proxies are checked in shares of neighbours. The result of a share is reused if none of its files changed. Nothing is
reused if anything but the pages of sidecars changed (an access log can add hosts that all pods are checked for, a
gateway's dump decides verdicts of sidecars), if the proxies are others, or if a proxy gained or lost its endpoints
(without dns.json they decide which rules apply).
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
"""Proxies in one share, which are read again together."""
_PAGES = frozenset({"config_dump.json", "clusters.json", "clusters.txt", "server_info.json", "stats.txt"})
"""Files of a proxy that say nothing about other proxies."""


class DiagnosisCache(Struct):
    """The results of one refresh. `stamp` is that of the files when it began, `root` the folder of the capture."""

    stamp: Stamp
    root: Path | None
    shares: list[CheckedShare] = []

    def still_good(self, stamp: Stamp, names: Sequence[str], again: Collection[str], mesh: Mesh) -> list[CheckedShare]:
        """The shares that a refresh with this stamp of these proxies can reuse; none with a pod of `again`."""
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
        """The proxy that a file is about; empty where it may be about others."""
        file = Path(path)
        if self.root is None or not file.is_relative_to(self.root):
            return ""
        proxy, page = proxy_of(file.relative_to(self.root).as_posix())
        return proxy if page in _PAGES else ""


def shares_of(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The names in shares of neighbours, which are likely to be replicas."""
    ordered = sorted(names)
    return [tuple(ordered[at : at + SHARE]) for at in range(0, len(ordered), SHARE)]
