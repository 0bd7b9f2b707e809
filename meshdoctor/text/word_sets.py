"""Splits names of settings into words: `MYSQL_DB_HOST`, `db.host` and `--dbHost` all end in HOST."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def word_set(text: str) -> frozenset[str]:
    """The words of a text, for long lists without quotes."""
    return frozenset(text.split())


def words(name: str) -> tuple[str, ...]:
    """The words of a setting's name, upper case."""
    return tuple(word.upper() for word in _WORDS.findall(name))
