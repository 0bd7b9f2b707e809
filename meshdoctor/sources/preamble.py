"""What tools print before a document: kubectl's remarks, curl's response headers and progress, a byte-order mark.

    Defaulted container "istio-proxy" out of: istio-proxy, app
    HTTP/1.1 200 OK
    content-type: application/json

They become empty lines, so that the lines of the document keep their numbers.
"""

from __future__ import annotations

import codecs
import re

_REMARK = re.compile(
    rb"""[ \t]*(?:Default(?:ed|ing)\ container\b
    |Use\ 'kubectl\ describe\b
    |Unable\ to\ use\ a\ TTY\b
    |Unable\ to\ connect\ a\ TTY\b
    |If\ you\ don't\ see\ a\ command\ prompt\b
    |Forwarding\ from\ \S+\ ->
    |Handling\ connection\ for\b
    |Warning:\s
    |[WIE]\d{4}\ \d\d:\d\d:\d\d    # a log line of client-go
    |%\ Total\s|Dload\s+Upload
    |\d{1,3}\ [ \d.kMG]+\ [-:\d ]+   # curl's progress
    |[*<>]\ .*                       # curl -v
    |\$\ .*|kubectl\s.*|curl\s.*|istioctl\s.*   # the command itself
    )[^\n]*(?:\n|\Z)""",
    re.VERBOSE,
)
_HEADERS = re.compile(rb"HTTP/\d(?:\.\d)? \d{3}[^\n]*\n(?:[!#$%&'*+.^`|~\w-]+:[^\n]*\n)*\r?\n")
"""One response's status line, its headers, and the empty line after them."""
_BLANK = re.compile(rb"[ \t\r]*\n")
_LINES = 100
"""Lines that may come before a document."""


def as_text(content: bytes) -> bytes:
    """The same text in UTF-8, without a byte-order mark, with what tools print before it replaced by empty lines.

    PowerShell's `>` writes UTF-16, some editors a mark.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", "replace").encode()
    content = content.removeprefix(codecs.BOM_UTF8)
    if content[:1] in (b"{", b"["):
        return content
    end = _end(content)
    if not end:
        return content
    # An editor's mark may come after what was printed before the document.
    return b"\n" * content.count(b"\n", 0, end) + content[end:].removeprefix(codecs.BOM_UTF8)


def _end(content: bytes) -> int:
    """Where the remarks at the start end; 0 where there is none."""
    at = end = 0
    for _ in range(_LINES):
        found = _HEADERS.match(content, at) or _REMARK.match(content, at)
        if found is not None:
            end = found.end()
        else:
            found = _BLANK.match(content, at)
        if found is None:
            break
        at = found.end()
    return end
