"""Decides by a file's name how much of it is kept, because an archive is read once, before its kind is known."""

from __future__ import annotations

from meshdoctor.sources import bug_report, must_gather
from meshdoctor.sources.capture_layout import may_be_evidence
from meshdoctor.sources.limits import Retention


def retention_of(path: str) -> Retention:
    """How much of the file at `path`, below its source, is kept."""
    gathered = must_gather.retention_of(path)
    if gathered is not None:
        return gathered
    if may_be_evidence(path):
        return Retention.WHOLE
    return bug_report.retention_of(path) or Retention.NOTHING
