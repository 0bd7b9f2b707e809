"""Templates: text with captures, `{fact.host}`. Templates compute nothing; computed values are facts.

- `{fact.x}` in a sentence: lists as `a, b, c` (the first eight), control characters written out; a name after a list
  means that field of every item, `{fact.shadowed.name}`.
- `{fact.x:json}`: the value as JSON, which is also a YAML flow value. `{fact.x:text}`: as in a sentence, but whole.
- `{fact.x}` alone as a value of a manifest: the value with its type. `{{` and `}}`: literal braces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec

from meshdoctor.model.fact import Fact
from meshdoctor.rules.fact_paths import (
    BadPath,
    Path,
    is_scalar,
    item_type,
    nearest,
    parse_path,
    type_at,
    type_name,
    value_at,
)
from meshdoctor.text.printable import printable

CONVERSIONS = ("json", "text")
_SHOWN = 8
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PERIODS = re.compile(r"(?<!\.)\.\.(?=\s|$)")


class BadTemplate(Exception):
    """A template that cannot be used; the text says why."""


class Placeholder(NamedTuple):
    """`{fact.active.kind:json}`: a path into the fact and a conversion, empty where none is given."""

    path: Path
    conversion: str


class Template(NamedTuple):
    """A parsed template."""

    pieces: tuple[str | Placeholder, ...]

    @property
    def alone(self) -> Placeholder | None:
        """The capture, where the template consists of it alone and so stands for the value itself."""
        match self.pieces:
            case (Placeholder() as capture,) if capture.conversion != "text":
                return capture
        return None

    def fill(self, fact: Fact) -> str:
        """The template as a sentence about this fact."""
        return "".join(
            piece if isinstance(piece, str) else _render(value_at(fact, piece.path), piece.conversion)
            for piece in self.pieces
        )


@cache
def parse_template(text: str) -> Template:
    """Parse a template, once per text. Raises `BadTemplate` for an unpaired brace, or a capture that is none."""
    pieces: list[str | Placeholder] = []
    end = 0
    for match in _PIECE.finditer(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        pieces.append(match[0][0] if match[0] in ("{{", "}}") else _capture(match[0], match[1]))
    pieces.append(text[end:])
    return Template(tuple(piece for piece in pieces if piece))


def fill(text: str, fact: Fact) -> str:
    """A template as text: without the line break at the end of YAML block scalars, and with one period where a value
    ends with its own (as Envoy's error texts do)."""
    return _PERIODS.sub(".", parse_template(text).fill(fact).strip())


def check_template(text: str, kind: type[Fact], *, prose: bool = True) -> Iterator[str]:
    """Problems of a template about facts of this type. `prose`: captures must be usable in a sentence."""
    try:
        pieces = parse_template(text).pieces
    except BadTemplate as error:
        yield str(error)
        return
    for piece in pieces:
        if isinstance(piece, str):
            continue
        try:
            found = type_at(kind, piece.path, through_lists=True)
        except BadPath as error:
            yield str(error)
            continue
        if prose and piece.conversion != "json" and not is_scalar(item_type(found) or found):
            where = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in piece.path)
            yield f"`{{fact{where}}}` has type {type_name(found)}, which text cannot show; name one of its fields"


def _capture(whole: str, body: str | None) -> Placeholder:
    path, _, conversion = (body or "").partition(":")
    if body is None or not path.startswith("fact."):
        raise BadTemplate(f"`{whole}` is not a capture such as `{{fact.host}}`; write a literal brace twice")
    if conversion not in ("", *CONVERSIONS):
        raise BadTemplate(f"`{whole}`: no conversion `{conversion}`{nearest(conversion, CONVERSIONS)}")
    try:
        return Placeholder(parse_path(path.removeprefix("fact.")), conversion)
    except BadPath:
        raise BadTemplate(f"`{whole}` is not a capture such as `{{fact.host}}` or `{{fact.hidden[0].name}}`") from None


def _render(value: Any, conversion: str) -> str:
    if conversion == "json":
        return printable(msgspec.json.encode(value).decode())
    if isinstance(value, list | tuple):
        shown = [_render(item, conversion) for item in value]
        if len(shown) > _SHOWN and not conversion:
            shown[_SHOWN:] = [f"and {len(shown) - _SHOWN} more"]
        return ", ".join(shown)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return printable(f"{value:g}" if isinstance(value, float) else str(value))
