"""What a capture keeps: the texts of an allow-list alone, or with `keep_all` everything but secrets."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from meshdoctor.sources.capture_layout import DNS
from meshdoctor.sources.kept.envoy_fields import DNS_ANSWERS, ENVOY
from meshdoctor.sources.kept.objects import kept_object
from meshdoctor.sources.kept.pages import KeptPages
from meshdoctor.sources.redact import Removals, redact_object, redact_page
from meshdoctor.text.marks import shape
from meshdoctor.text.redaction import clean_text

_STAT = re.compile(
    r"[^\s:\"'][^\s\"']{0,1000}: (?:\d{1,20}|\"[-\w:./]{0,64}\"|No recorded values|P0\([^\r\n]{0,2000})\Z"
)
_CLUSTER_LINE = re.compile(r"[^\s\"']{1,1000}::[\w-]{1,64}::[^\s\"']{0,512}\Z")
_FILE = re.compile(r"\.(?:txt|log)\Z")


class Redaction:
    """Redacts the pages and objects of one run. May be used by several threads."""

    def __init__(self, *, keep_all: bool = False) -> None:
        self.keep_all = keep_all
        self._pages = KeptPages()

    def page(self, path: str, content: bytes, removals: Removals) -> bytes:
        """An admin page, JSON or text, or dns.json, for the capture's `path`."""
        if self.keep_all:
            return redact_page(path, content, removals)
        if _FILE.search(path):
            return _kept_lines(path, content, removals)
        found: Counter[str] = Counter()
        made = self._pages.page(content, found, DNS_ANSWERS if path == DNS else ENVOY)
        for name, count in found.items():
            removals.add_text(path, f"field {name}", count)
        return made

    def object(self, path: str, body: dict[str, Any], removals: Removals) -> dict[str, Any]:
        """A Kubernetes object of the document at `path`. With `keep_all` this changes `body`."""
        return redact_object(path, body, removals) if self.keep_all else kept_object(path, body, removals)


def _kept_lines(path: str, content: bytes, removals: Removals) -> bytes:
    """The lines of /stats and of the text form of /clusters; of other lines their length."""
    text, found = clean_text(content.decode("utf-8", "surrogateescape"))
    for what, count in found.items():
        removals.add(path, what, count)
    lines = text.split("\n")
    for index, line in enumerate(lines):
        bare = line.rstrip("\r")
        if bare and not _STAT.match(bare) and not _CLUSTER_LINE.match(bare):
            lines[index] = shape(bare)
            removals.add_text(path, "line")
    return "\n".join(lines).encode("utf-8", "surrogateescape")
