"""Templates: text with captures, `{fact.host}`. Templates compute nothing; computed values are facts.

- `{fact.x}` in a sentence: lists as `a, b, c` (the first eight), control characters written out; a name after a list
  means that field of every item, `{fact.shadowed.name}`.
- `{fact.x:json}`: the value as JSON, which is also a YAML flow value. `{fact.x:text}`: as in a sentence, but whole.
- `{fact.x}` in a command (`rules.command_text`): one word of a shell, whatever is in it; a field that is a command
  itself stands as it is.
- `{fact.x}` alone as a value of a manifest: the value with its type. `{{` and `}}`: literal braces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec

from meshdoctor.model.fact import Fact
from meshdoctor.rules.command_text import begins, commands, has_open_span, misplaced, shell_word, unmarked
from meshdoctor.rules.fact_paths import (
    BadPath,
    Path,
    is_command,
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
_BLANK = re.compile(r"\s+")
_PERIODS = re.compile(r"(?<!\.)\.\.(?=\s|$)")


class BadTemplate(Exception):
    """A template that cannot be used; the text says why."""


class Placeholder(NamedTuple):
    """`{fact.active.kind:json}`: a path into the fact and a conversion, empty where none is given."""

    path: Path
    conversion: str
    command: str | None = None
    """What stands before it in its command; None in a sentence."""

    def render(self, fact: Fact) -> str:
        """The value as text."""
        text = _render(value_at(fact, self.path), self.conversion)
        if self.command is None or is_command(type(fact), self.path):
            return text
        return shell_word(text, self.command, field_name(self.path))


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
        return "".join(piece if isinstance(piece, str) else piece.render(fact) for piece in self.pieces)


@cache
def parse_template(text: str) -> Template:
    """Parse a template, once per text. Raises `BadTemplate` for an unpaired brace, or a capture that is none."""
    return Template(tuple(piece for _, piece in _pieces(text) if piece))


@cache
def parse_prose(text: str) -> Template:
    """Parse a template that people read: captures in its commands are words of a shell. Raises as `parse_template`."""
    spans = list(commands(text))
    pieces: list[str | Placeholder] = []
    for at, piece in _pieces(text):
        begin = next((begin for begin, end in spans if begin <= at < end), None)
        if isinstance(piece, Placeholder) and begin is not None:
            piece = piece._replace(command=_PIECE.sub(_as_word, text[begin:at]))
        pieces.append(piece)
    return Template(tuple(piece for piece in pieces if piece))


def fill(text: str, fact: Fact) -> str:
    """A template as text: without the line break at the end of YAML block scalars, and with one period where a value
    ends with its own (as Envoy's error texts do)."""
    return _PERIODS.sub(".", parse_prose(text).fill(fact).strip())


def fill_line(text: str, fact: Fact) -> str:
    """The same in one line, however the template is broken into lines."""
    pieces = (_BLANK.sub(" ", piece) if isinstance(piece, str) else piece for piece in parse_prose(text).pieces)
    return _PERIODS.sub(".", Template(tuple(pieces)).fill(fact).strip())


def check_template(text: str, kind: type[Fact], *, prose: bool = True) -> Iterator[str]:
    """Problems of a template about facts of this type. `prose`: it is for people to read, captures must fit that."""
    try:
        pieces = (parse_prose if prose else parse_template)(text).pieces
    except BadTemplate as error:
        yield str(error)
        return
    if prose and has_open_span(text):
        yield "a backtick has no second one: a command stands between two"
    before = ""
    for piece in pieces:
        if isinstance(piece, str):
            before += piece
            continue
        try:
            found = type_at(kind, piece.path, through_lists=True)
        except BadPath as error:
            yield str(error)
            continue
        shown = f"`{{fact{''.join(f'[{s}]' if isinstance(s, int) else f'.{s}' for s in piece.path)}}}`"
        if prose and piece.conversion != "json" and not is_scalar(item_type(found) or found):
            yield f"{shown} has type {type_name(found)}, which text cannot show; name one of its fields"
        elif prose and (problem := _misplaced(piece, before, kind, is_list=item_type(found) is not None)):
            yield f"{shown}: {problem}"
        before += "x"


def field_name(path: Path) -> str:
    """What stands for a value where there is none, in capitals as in the help of kubectl: `ACTIVE_HOST`."""
    return "_".join(segment for segment in path if isinstance(segment, str)).upper()


def _misplaced(piece: Placeholder, before: str, kind: type[Fact], *, is_list: bool) -> str:
    """Why a value cannot stand here in a text; `before` is the text so far. Empty where it can."""
    if piece.command is None:
        return "put the command that it belongs to in backticks, whole" if unmarked(before) else ""
    if is_command(kind, piece.path):
        return "" if begins(piece.command) else "it is a command itself: put it on an indented line of its own"
    if is_list and piece.conversion != "json":
        return "a command takes one value, this is a list: name an item of it"
    return misplaced(piece.command)


def _as_word(match: re.Match[str]) -> str:
    return match[0][0] if match[0] in ("{{", "}}") else "x"


def _pieces(text: str) -> Iterator[tuple[int, str | Placeholder]]:
    """Literal texts and captures, with their place in the template."""
    end = 0
    for match in _PIECE.finditer(text):
        yield end, text[end : match.start()]
        end = match.end()
        yield match.start(), match[0][0] if match[0] in ("{{", "}}") else _capture(match[0], match[1])
    yield end, text[end:]


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
