"""Stage 1: every source becomes a `Capture`, the same whether it came from a folder, an archive or one pasted file.

Nothing is written to disk, nothing is parsed beyond what tells one kind of file from another, and no input is
trusted: sizes, counts and names are bounded before anything is kept.
"""

from __future__ import annotations

from meshdoctor.sources.limits import Limits
from meshdoctor.sources.manifest_sources import with_manifests
from meshdoctor.sources.read_source import read_capture, read_snapshot

__all__ = ["Limits", "read_capture", "read_snapshot", "with_manifests"]
