"""The texts of a JSON page: where each of them is, and what is kept of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from msgspec import Struct

from meshdoctor.semantics.envoy.field_names import snake_case_name
from meshdoctor.sources.kept.fields import NAME, NOTHING, Kept, TextOf

VALUE = re.compile(rb'(?<=[\[,:\s])"([^"\\]*+(?:\\.[^"\\]*+)*+)"(?!\s{0,64}:)', re.DOTALL)
"""A text that is no key."""
MEMBER = re.compile(rb'(?<=": )"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
"""A text that is the value of a key, in Envoy's layout."""
_NUMBER = re.compile(r"-?\d{1,400}(?:\.\d{1,400})?(?:[eE][-+]?\d{1,9})?")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?P<end>"?)|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)


class TextSlot(Struct, frozen=True, gc=False):
    """A text of a page: from its first quote to its last, what is kept of it, and the field that it stands in."""

    start: int
    end: int
    rule: TextOf
    name: str


def spans(parts: list[bytes]) -> Iterator[tuple[int, int]]:
    """Where the quotes of each text are, in what `VALUE` split: texts, and what is between them."""
    at = 0
    for index, part in enumerate(parts):
        end = at + len(part) + (2 if index % 2 else 0)
        if index % 2:
            yield at, end
        at = end


class _OpenValue:
    """An object or list whose end was not reached yet."""

    __slots__ = ("child", "is_key", "is_object", "kept", "name")

    def __init__(self, kept: Kept, name: str, is_object: bool) -> None:
        self.kept = kept
        self.name = name
        self.is_object = is_object
        self.is_key = is_object
        """The next text is a key."""
        self.child = NOTHING if is_object else kept


def text_slots(text: str, kept: Kept, name: str, bare_words: bool = False) -> Iterator[TextSlot]:
    """Every text that is no key, in order; with `bare_words` also what JSON does not know."""
    stack = [_OpenValue(kept, name, False)]
    for token in _TOKEN.finditer(text):
        part, top = token.group(), stack[-1]
        if part in "{[":
            stack.append(_OpenValue(top.child, top.name, part == "{"))
        elif part in "}]":
            del stack[max(1, len(stack) - 1) :]
        elif part in ",:":
            top.is_key = top.is_object and part == ","
        elif part[0] == '"' and top.is_key and token["end"]:
            key = unquoted(part)
            top.name = key if key != "value" else top.name or key
            top.child = field_of(top.kept, key)
        elif part[0] == '"':
            yield TextSlot(token.start(), token.end(), top.child.text, top.name or "text")
        elif bare_words and part not in ("true", "false", "null") and not _NUMBER.fullmatch(part):
            yield TextSlot(token.start(), token.end(), TextOf.NOTHING, top.name or "text")


_DECODE = json.JSONDecoder(strict=False).decode


def unquoted(part: str) -> str:
    """The text of a token in quotes; its bytes where it has escapes that are none."""
    if "\\" not in part:
        return part[1:-1] if part[-1] == '"' else part[1:]
    try:
        return str(_DECODE(part))
    except ValueError:
        return part.strip('"')


_FIELDS: dict[tuple[int, str], Kept] = {}


def field_of(kept: Kept, name: str) -> Kept:
    """What is kept of a field, its name in Envoy's spelling or in camelCase."""
    key = (id(kept), name)
    found = _FIELDS.get(key)
    if found is None:
        own = kept.fields.get(name) or kept.fields.get(snake_case_name(name))
        found = own or (NAME if name == "@type" else kept.rest or NOTHING)
        if len(_FIELDS) >= 1 << 15:
            _FIELDS.clear()
        _FIELDS[key] = found
    return found
