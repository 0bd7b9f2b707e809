"""What evaluating a condition can cost, from its text and the size of the fields that it reads.

Kubernetes estimates its CEL rules likewise (apiserver/pkg/cel/library/cost.go): the size of the input to the power of
the loops. Here it is an upper bound, which decides where a condition is evaluated; it never refuses one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

import msgspec

CHEAP = 20_000_000
"""Up to this cost cel takes at most some tenths of a second, in which it does not hear Ctrl-C."""

_WORD = re.compile(r"\w+")
_MENTION = re.compile(r"(?<![\w.])\w+|''")
_STRING = re.compile(r"""'[^']*'|"[^"]*\"""")
_NOT_SIMPLE = ("\\", "'''", '"""', "//")
"""Escapes, other quotes and comments: where a string ends is not plain to see, so what is in strings counts as well."""
_CONSTANTS = re.compile(r"\[\s*(?:''|\d+)(?:\s*,\s*(?:''|\d+))*\s*\]")
_CHECKING = frozenset({"all", "exists", "exists_one", "existsOne"})
_BUILDING = frozenset({"map", "filter"})
_PATTERN = re.compile(r"""\.matches\(\s*('[^'\\{]{0,100}'|"[^"\\{]{0,100}")\s*\)""")


class _Shape(NamedTuple):
    """What counts in the text of an expression."""

    length: int
    mentions: int
    """Names and constants."""
    joined: int
    """How many values can be joined into one, by `+` or in a list."""
    checking: int
    """Loops that give a bool."""
    building: int
    """Loops that give a list, which cel copies for each item that it adds."""
    has_costly_pattern: bool


def cost(text: str, values: Any) -> int:
    """An upper bound without unit, at most some ten nanoseconds each: of an expression that reads these values.

    What is joined has the size of its parts, and each mention may copy or compare it. A loop repeats that for every
    item; one that builds a list multiplies the size as well, and the time by its square.
    """
    shape = _shape(text)
    if shape.has_costly_pattern:
        return CHEAP + 1
    try:
        content = msgspec.json.encode(values)
    except (UnicodeEncodeError, msgspec.MsgspecError):  # cel takes no such value, and says so at once
        return 0
    size = (len(content) + shape.length) * shape.joined
    items = (content.count(b",") + text.count(",") + 1) * shape.joined
    estimate: int = shape.mentions * size * items**shape.checking * size ** (2 * shape.building)
    return estimate


@cache
def _shape(text: str) -> _Shape:
    plain = text if any(sign in text for sign in _NOT_SIMPLE) else _STRING.sub("''", text)
    plain = _CONSTANTS.sub("''", plain)
    words = _WORD.findall(plain)
    checking, building = (sum(word in loops for word in words) for loops in (_CHECKING, _BUILDING))
    # A pattern that is computed, long or has repeat counts can become large.
    costly = _WORD.findall(text).count("matches") > len(_PATTERN.findall(text))
    return _Shape(
        length=len(text),
        mentions=1 + len(_MENTION.findall(plain)),
        joined=1 + plain.count("+") + max(0, plain.count(",") - checking - building),
        checking=checking,
        building=building,
        has_costly_pattern=costly,
    )
