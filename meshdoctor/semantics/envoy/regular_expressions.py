"""Envoy's regular expressions: RE2's syntax and semantics, in linear time (source/common/common/regex.cc)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re2


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re2._Regexp[str] | None:
    import re2  # most meshes have no regular expression in a route

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def matches_whole(pattern: str, text: str) -> bool:
    """Whether the pattern matches all of the text, as Envoy asks for; False where RE2 does not accept it."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(text) is not None
