"""Redacts secret settings inside a text: properties, YAML, JSON, shell, XML elements and command-line options.

Promises: takes linear time for any text; only the value of a secret setting changes, its quotes stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from meshdoctor.text.marks import REDACTED
from meshdoctor.text.secrets import holds_secret

_NAME = re.compile(
    r"(?<![\w.-])(?P<quote>\\{0,3}[\"']|)(?P<name>[A-Za-z_][\w.-]{0,127})(?P=quote)"
    r"[ \t]{0,8}(?:=|:(?=[ \t\"'\\\r\n]))[ \t]{0,8}"
    r"|<(?P<element>[A-Za-z_][\w.-]{0,127})>"
    r"|(?<![\w-])--(?P<option>[A-Za-z][\w-]{0,127})[ \t]{1,8}(?![-|>&;])"
)
"""A setting up to its value. After a colon there must be a blank or a quote: `token:1.2` is an image."""
_QUOTED = re.compile(
    r"\"(?P<double>(?:[^\"\\\r\n]|\\.){1,16384}+)\"|'(?P<single>[^'\r\n]{1,16384}+)'"
    r"|(?P<mark>\\{1,3}[\"'])(?P<escaped>[^\r\n]{1,16384}?)(?P=mark)"
)
_BARE = re.compile(r"[^\s,;&<>\"'}\])\\]{1,4096}")
_IN_LINE = re.compile(r"[^\r\n]{1,16384}")
_IN_ELEMENT = re.compile(r"[^<>]{1,16384}+(?=</)")
_BLOCK = re.compile(r"[|>][-+0-9]{0,2}[ \t]*\r?\n")
_CHECKED = 1024
"""Characters of a value that are checked; of a longer one the start."""
_MAX_COLUMN = 256
"""Column up to which a name counts as the setting of its line."""
_FILLED_IN = ("$(", "${", "{{", "`")
"""Starts of values that a shell or a template fills in."""
_LEAD = re.compile(r"[ \t]*(?:- +|export +)*\Z")


def clean_settings(text: str, found: Counter[str]) -> str:
    """`text` with the values of secret settings redacted, counted in `found` by the setting's name."""
    if "=" not in text and ":" not in text and "<" not in text and "--" not in text:
        return text
    parts: list[str] = []
    done = 0
    for start, end, name in _values(text):
        parts += text[done:start], REDACTED
        found[f"setting {name}"] += 1
        done = end
    return "".join((*parts, text[done:])) if parts else text


def _values(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and name of the value of each secret setting."""
    at = 0
    many_lines = "\n" in text.rstrip()
    while match := _NAME.search(text, at):
        at = match.end()
        name = match["name"] or match["element"] or match["option"]
        # No value is a secret without a suspicious name. The search goes on inside the values of others.
        if not holds_secret(name, "x"):
            continue
        span = _value(text, match, many_lines)
        if span is None:
            continue
        if text.startswith(REDACTED, span[0]):
            at = span[0] + len(REDACTED)
        elif not text.startswith(_FILLED_IN, span[0]) and holds_secret(
            name, text[span[0] : min(span[1], span[0] + _CHECKED)]
        ):
            yield *span, name
            at = span[1]


def _value(text: str, match: re.Match[str], many_lines: bool) -> tuple[int, int] | None:
    at = match.end()
    if match["element"]:
        inside = _IN_ELEMENT.match(text, at)
        return inside.span() if inside else None
    if quoted := _QUOTED.match(text, at):
        return quoted.span(next(name for name in ("double", "single", "escaped") if quoted[name] is not None))
    if match["name"] and many_lines:
        line = text.rfind("\n", max(0, match.start() - _MAX_COLUMN), match.start()) + 1
        before = text[line : match.start()]
        if (line or match.start() < _MAX_COLUMN) and _LEAD.match(before):
            return _line_value(text, at, len(before))
    bare = _BARE.match(text, at)
    return bare.span() if bare else None


def _line_value(text: str, at: int, indent: int) -> tuple[int, int] | None:
    """The rest of the line, or the block scalar that it opens."""
    if block := _BLOCK.match(text, at):
        end = start = block.end()
        while end < len(text):
            stop = text.find("\n", end) + 1 or len(text)
            line = text[end:stop]
            if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
                break
            end = stop
        inside = text[start:end]
        first = len(inside) - len(inside.lstrip())
        return (start + first, start + len(inside.rstrip())) if inside.strip() else None
    rest = _IN_LINE.match(text, at)
    if rest is None:
        return None
    value = rest.group().rstrip(" \t,")
    return (at, at + len(value)) if value else None
