"""A live cluster as a source."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from meshdoctor.model.resolver import Resolver
from meshdoctor.sources.live.live_cluster import FetchLimits
from meshdoctor.sources.live.object_reader import Scope


class ClusterSource(Struct, frozen=True):
    """A cluster, the pods to check, and how it is read."""

    kubeconfig: Path | None = None
    context: str | None = None
    scope: Scope = Scope()
    pace: FetchLimits = FetchLimits()
    resolver: Resolver = Resolver.AUTO
    keep_all: bool = False
    """Pages of sidecars are kept whole but for secrets, not only what a diagnosis reads."""
    is_fresh: bool = False
    """Objects are read with all that was written before; else the API server's cache answers, a moment behind."""
