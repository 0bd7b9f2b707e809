"""What evaluating a condition can cost, from its text and the size of the fields that it reads.

Kubernetes estimates its CEL rules likewise (apiserver/pkg/cel/library/cost.go): the size of the input to the power of
the loops. Here it is an upper bound, which decides where a condition is evaluated; it never refuses one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

import msgspec

CHEAP = 300_000_000
"""Up to this cost cel takes at most some tenths of a second, in which it does not hear Ctrl-C."""

_WORD = re.compile(r"\w+")
# Whatever can be spelled otherwise is counted as well: a comment between the name and its parenthesis, for instance.
_LOOPS = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
_PATTERN = re.compile(r"""\.matches\(\s*('[^'\\{]{0,100}'|"[^"\\{]{0,100}")\s*\)""")


class _Shape(NamedTuple):
    length: int
    words: int
    loops: int
    has_costly_pattern: bool


def cost(text: str, values: Any) -> int:
    """An upper bound without unit, at most some nanoseconds each: of an expression that reads these values.

    A value that one evaluation step makes has at most the size of all that is mentioned beside it, and takes as long to
    copy or compare; each loop repeats that for every item.
    """
    shape = _shape(text)
    if shape.has_costly_pattern:
        return CHEAP + 1
    try:
        size = len(msgspec.json.encode(values))
    except (UnicodeEncodeError, msgspec.MsgspecError):  # cel takes no such value, and says so at once
        return 0
    estimate: int = ((size + shape.length) * shape.words) ** (1 + shape.loops)
    return estimate


@cache
def _shape(text: str) -> _Shape:
    """Length, names, loops; and whether a pattern can become large: one that is computed, long or has repeat counts."""
    words = _WORD.findall(text)
    costly = words.count("matches") > len(_PATTERN.findall(text))
    return _Shape(len(text), len(words), sum(word in _LOOPS for word in words), costly)
