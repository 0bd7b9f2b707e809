"""Envoy's regular expressions: RE2's syntax and semantics, in linear time (source/common/common/regex.cc)."""

from __future__ import annotations

from functools import lru_cache

import re2

_QUIET = re2.Options()
_QUIET.log_errors = False
_QUIET.never_nl = False


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re2._Regexp[str] | None:
    try:
        return re2.compile(pattern, _QUIET)
    except re2.error:
        return None


def is_valid(pattern: str) -> bool:
    """Whether RE2 accepts it. Envoy refuses a configuration with one that it does not."""
    return _compiled(pattern) is not None


def matches_whole(pattern: str, text: str) -> bool:
    """Whether the pattern matches all of the text, as Envoy asks for; False where RE2 does not accept it."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(text) is not None
