"""Paths into a fact, `active.kind` or `hidden[0].entry.name`: read, checked against the fact's type, looked up.

The checks use type annotations, so a rule that names an unknown field is rejected before any evidence is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from types import GenericAlias
from typing import Any, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from meshdoctor.text.shell import ShellCommand

Path = tuple[str | int, ...]

_SEGMENT = re.compile(r"""(?:^|(?<=.)\.)([A-Za-z_][\w-]*)|\[(\d+)\]|\["([^"]+)"\]""")


class BadPath(Exception):
    """A path that does not parse or names a missing field. The text ends with a suggestion where there is one."""


def parse_path(text: str) -> Path:
    """`spec.ports[0].protocol` as ("spec", "ports", 0, "protocol"); `["a.b/c"]` is a key with dots.

    Raises:
        BadPath: the text is no such path.
    """
    segments: list[str | int] = []
    end = 0
    for match in _SEGMENT.finditer(text):
        if match.start() != end:
            break
        name, index, key = match.groups()
        segments.append(int(index) if index is not None else name or key)
        end = match.end()
    if end != len(text) or not segments:
        raise BadPath(f"`{text}` is not a path such as `active.kind` or `hidden[0].entry`")
    return tuple(segments)


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean `x`?` for the closest of `known`, or nothing where none is close."""
    from difflib import get_close_matches  # imported only for rule files with mistakes

    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean `{close[0]}`?" if close else ""


@cache
def fields_of(kind: type[Struct]) -> dict[str, Any]:
    """Field names of a Struct and their types, in the order of their declaration."""
    hints = get_type_hints(kind)
    return {name: getattr(hints[name], "__supertype__", hints[name]) for name in kind.__struct_fields__}


@cache
def is_command(kind: type[Struct], path: Path) -> bool:
    """Whether the field of such a fact is a whole shell command."""
    return len(path) == 1 and get_type_hints(kind).get(str(path[0])) is ShellCommand


def item_type(kind: Any) -> Any | None:
    """`X` of `tuple[X, ...]` or `list[X]`; None for anything that is no list."""
    return get_args(kind)[0] if get_origin(kind) in (tuple, list) else None


def type_at(kind: Any, path: Path, *, through_lists: bool = False) -> Any:
    """Type of the value at `path` of a value of type `kind`; `Any` inside a manifest.

    With `through_lists` a name after a list means that field of every item, as templates allow it.

    Raises:
        BadPath: a segment names nothing; the message names the nearest field.
    """
    done = "fact"
    for segment in path:
        if kind is Any or get_origin(kind) is dict:
            return Any
        kind = _step(kind, segment, done, through_lists)
        done += f"[{segment}]" if isinstance(segment, int) else f".{segment}"
    return kind


def _step(kind: Any, segment: str | int, done: str, through_lists: bool) -> Any:
    item = item_type(kind)
    if isinstance(segment, int):
        if item is None:
            raise BadPath(f"`{done}` is not a list, it has no item {segment}")
        return item
    if item is not None and through_lists:
        inner = _step(item, segment, f"{done}[0]", through_lists)
        return inner if item_type(inner) else GenericAlias(tuple, (inner, ...))
    if item is not None:
        raise BadPath(f"`{done}` is a list; name an item, `{done}[0].{segment}`, or use exists()")
    if not _is(kind, Struct):
        raise BadPath(f"`{done}` has type {type_name(kind)}, which has no field `{segment}`")
    fields = fields_of(kind)
    if segment not in fields:
        raise BadPath(f"`{done}.{segment}` does not exist: {kind.__name__} has no such field{nearest(segment, fields)}")
    return fields[segment]


def _is(kind: Any, parent: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, parent)


def is_scalar(kind: Any) -> bool:
    """Whether values of the type fit a sentence."""
    return kind in (str, int, float, bool, type(None), Any) or _is(kind, StrEnum)


def type_name(kind: Any) -> str:
    """A type's name for rule authors: `list of EntryView`, `manifest`, `str`."""
    item = item_type(kind)
    if item is not None:
        return f"list of {type_name(item)}"
    if get_origin(kind) is dict:
        return "manifest" if get_args(kind)[1] is Any else f"map of {type_name(get_args(kind)[1])}"
    if get_origin(kind) is Union or get_args(kind):
        return " or ".join(type_name(part) for part in get_args(kind))
    if _is(kind, StrEnum):
        return "str"
    return "none" if kind is type(None) else getattr(kind, "__name__", str(kind))


def value_at(value: Any, path: Path) -> Any:
    """The value at `path`; None where an index or a manifest's key is missing. A name maps over a list's items."""
    for position, segment in enumerate(path):
        if isinstance(segment, int):
            value = value[segment] if isinstance(value, list | tuple) and segment < len(value) else None
        elif isinstance(value, list | tuple):
            found = [value_at(item, path[position:]) for item in value]
            return tuple(part for one in found for part in (one if isinstance(one, list | tuple) else (one,)))
        elif isinstance(value, dict):
            value = value.get(segment)
        else:
            value = getattr(value, segment, None)
        if value is None:
            return None
    return value


def neutral(kind: Any) -> Any:
    """The empty value of a type: `""`, 0, False, (), {}, an enum's first, None where allowed, a Struct of them."""
    if get_origin(kind) in (tuple, list):
        return ()
    if get_origin(kind) is dict:
        return {}
    if _is(kind, Struct):
        return kind(**{name: neutral(of) for name, of in fields_of(kind).items()})
    if _is(kind, StrEnum):
        return next(iter(kind))
    return kind() if kind in (str, int, float, bool) else None
