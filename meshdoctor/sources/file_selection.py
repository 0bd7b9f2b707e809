"""What is kept of a file, by its name alone: an archive passes by once, before anyone knows what it is."""

from __future__ import annotations

from meshdoctor.sources import bug_report, must_gather
from meshdoctor.sources.capture_layout import is_wanted
from meshdoctor.sources.retention import Retention


def keep(path: str) -> Retention:
    """How much of the file at `path`, below its source, is kept."""
    gathered = must_gather.keep(path)
    if gathered is not None:
        return gathered
    if is_wanted(path):
        return Retention.WHOLE
    return bug_report.keep(path) or Retention.NOTHING
