"""The source of the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:  # a capture needs nothing of what a cluster does
    from meshdoctor.sources.live.cluster_source import ClusterSource


class Source(Struct, frozen=True):
    """A source of evidence: a path (`--from`), manifests beside it (`-f`), a bundled snapshot, or a live cluster."""

    path: Path | None = None
    manifests: tuple[Path, ...] = ()
    snapshot: str | None = None
    cluster: ClusterSource | None = None
