"""The source of the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

if TYPE_CHECKING:  # a capture needs nothing of what a cluster does
    from meshdoctor.sources.live.cluster_source import ClusterSource


class Source(Struct, frozen=True):
    """A source of evidence: paths (`--from`), manifests beside them (`-f`), a bundled snapshot, or a live cluster."""

    path: Path | None = None
    """The first path of --from, `-` for standard input."""
    more: tuple[Path, ...] = ()
    """Further paths: parts of one dump, or captures of one mesh."""
    manifests: tuple[Path, ...] = ()
    snapshot: str | None = None
    cluster: ClusterSource | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every path of --from."""
        return (*((self.path,) if self.path is not None else ()), *self.more)

    def fresh(self) -> Source:
        """The same source; a cluster is read with all that was written before."""
        return (
            self
            if self.cluster is None
            else structs.replace(self, cluster=structs.replace(self.cluster, is_fresh=True))
        )
