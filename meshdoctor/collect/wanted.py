"""What is kept of a file, by its name alone: an archive passes by once, before anyone knows what it is."""

from __future__ import annotations

from meshdoctor.collect import bug_report, must_gather
from meshdoctor.collect.keep import Keep
from meshdoctor.collect.layout import is_wanted


def keep(path: str) -> Keep:
    """How much of the file at `path`, below its source, is kept."""
    gathered = must_gather.keep(path)
    if gathered is not None:
        return gathered
    if is_wanted(path):
        return Keep.WHOLE
    return bug_report.keep(path) or Keep.NOTHING
