"""Stage 1: every source becomes a `Capture`, the same whether it came from a folder, an archive or one pasted file.

Nothing is written to disk. Files are parsed only as far as is needed to recognise their type. No input is trusted:
sizes, counts and names are checked before anything is kept.
"""

from __future__ import annotations

from meshdoctor.sources.limits import Limits
from meshdoctor.sources.manifest_sources import with_manifests
from meshdoctor.sources.read_source import read_capture, read_snapshot

__all__ = ["Limits", "read_capture", "read_snapshot", "with_manifests"]
