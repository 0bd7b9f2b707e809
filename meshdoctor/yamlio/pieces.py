"""Writes new values in the style of the text around them: its indentation, quotes and brackets.

ruamel.yaml writes the blocks, because only it can indent the dashes of a list inside a mapping. It gets plain data and
never the user's file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, SingleQuotedScalarString

from meshdoctor.yamlio.nodes import DocumentText, TextNode, column, walk
from meshdoctor.yamlio.scalars import CORE, plain

_QUOTES = {"'": SingleQuotedScalarString, '"': DoubleQuotedScalarString}
_WIDTH = 1_000_000
_LEAST = {"step": 1, "dash": 0, "gap": 2}


class Style(Struct, frozen=True):
    """Layout of a document, in columns."""

    step: int = 2
    """From a mapping to the mapping inside it."""
    dash: int = 0
    """From a mapping to the dashes of the list inside it."""
    gap: int = 2
    """From a dash to its item."""
    line_break: str = "\n"


def style_of(text: str, documents: Iterable[DocumentText]) -> Style:
    """The layout of the first value of each kind, in the order of `documents`; defaults for what none shows."""
    found: dict[str, int] = {}
    for name, distance in _distances(text, documents):
        found.setdefault(name, distance)
        if len(found) == len(_LEAST):
            break
    breaks = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    return Style(**{name: max(distance, _LEAST[name]) for name, distance in found.items()}, line_break=breaks)


def _distances(text: str, documents: Iterable[DocumentText]) -> Iterator[tuple[str, int]]:
    """Every distance in columns in the documents, with its field of `Style`."""
    for node in (node for document in documents for node in walk(document.root)):
        if node.is_flow or not node.items:
            continue
        own = column(text, node.begins(0) if node.keys else node.opens)
        if not node.keys:
            yield "gap", gap_of(text, node)
            continue
        for item in node.items:
            if item.items and not item.is_flow:
                inner = item.begins(0) if item.keys else item.opens
                yield ("step" if item.keys else "dash"), column(text, inner) - own


def gap_of(text: str, node: TextNode) -> int:
    """Columns from the first dash of a block list to its item, where both are on one line; else the default."""
    gap = node.items[0].start - node.opens
    return gap if "\n" not in text[node.opens : node.opens + gap] and gap > 1 else _LEAST["gap"]


def as_value(value: Any, style: Style, at: int, quote: str = "") -> str:
    """The text after `key:` in a block mapping at column `at`: ` text`, or a line break and a block."""
    return _block({"k": value}, style, at, quote).removeprefix("k:")


def as_entry(key: str, value: Any, style: Style, at: int, quote: str = "") -> str:
    """`key: value` of a block mapping at column `at`; the first line not indented, without final line break."""
    return _block({key: value}, style, at, quote)


def as_item(value: Any, style: Style, at: int, quote: str = "") -> str:
    """`- value` of a block list with dashes in column `at`; the first line not indented."""
    lines = _written({"k": [value]}, style, quote, is_flow=False).removesuffix("\n").split("\n")[1:]
    return _indented([line[style.dash :] for line in lines], style, at)


def as_document(value: Any, style: Style) -> str:
    """The value as a document, with final line break."""
    return _block(value, style, 0) + style.line_break


def as_flow(value: Any, quote: str = "") -> str:
    """The value in brackets, on one line."""
    # A mapping in a list would lose its braces: ruamel writes `[a: b]`, which is YAML too.
    return _written({"k": value}, Style(), quote, is_flow=True).strip().removeprefix("{k: ").removesuffix("}")


def as_json(value: Any, *, indent: int | str | None, at: str, is_tight: bool) -> str:
    """The value as JSON, on several lines where `indent` is given; lines after the first start with `at`."""
    separators = (",", ":") if is_tight else ((", ", ": ") if indent is None else (",", ": "))
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators).replace("\n", "\n" + at)


def quote_of(nodes: list[TextNode]) -> str:
    """The quotes of all these texts, empty where they differ or have none."""
    quotes = {node.style for node in nodes if node.kind == "text"}
    return quotes.pop() if len(quotes) == 1 and quotes <= _QUOTES.keys() else ""


def _block(value: Any, style: Style, at: int, quote: str = "") -> str:
    return _indented(_written(value, style, quote, is_flow=False).removesuffix("\n").split("\n"), style, at)


def _indented(lines: list[str], style: Style, at: int) -> str:
    return (style.line_break + " " * at).join(lines)


def _written(value: Any, style: Style, quote: str, *, is_flow: bool) -> str:
    writer = YAML(typ="rt", pure=True)
    writer.Representer = _Representer
    writer.indent(mapping=style.step, sequence=style.dash + style.gap, offset=style.dash)
    writer.width = _WIDTH
    stream = io.StringIO()
    writer.dump(_dressed(value, quote, is_flow=is_flow), stream)
    return stream.getvalue().removesuffix("...\n")


class _Representer(RoundTripRepresenter):
    """Writes `null` where ruamel writes nothing, which between brackets would be no value."""


_Representer.add_representer(type(None), lambda writer, _: writer.represent_scalar(CORE + "null", "null"))


def _dressed(value: Any, quote: str, *, is_flow: bool) -> Any:
    """The value in ruamel's types, which carry the style. No part is shared, so no anchor is written."""
    if isinstance(value, dict):
        mapping = CommentedMap((_text(key, ""), _dressed(item, quote, is_flow=is_flow)) for key, item in value.items())
        if is_flow or not value:
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq(_dressed(item, quote, is_flow=is_flow) for item in value)
        if is_flow or not value:
            sequence.fa.set_flow_style()
        return sequence
    if not isinstance(value, str):
        return value
    if not is_flow and _is_prose(value):
        return LiteralScalarString(value)
    return _text(value, quote)


def _is_prose(text: str) -> bool:
    """Lines that a `|` block shows as they are; empty ones at its ends could be taken for the file's own."""
    lines = text.split("\n")
    ends = (lines[0], (lines[-1] or lines[-2]) if len(lines) > 1 else "")
    return all(ends) and not text[0].isspace() and all(line.isprintable() for line in lines)


def _text(text: str, quote: str) -> str:
    """Text that no reader takes for something else; what cannot be printed is written out between double quotes."""
    if not text.isprintable():
        quote = '"'
    elif not quote and (not isinstance(plain(text), str) or text in ("=", "<<")):
        quote = "'"
    quoted: str = _QUOTES[quote](text) if quote else text
    return quoted
