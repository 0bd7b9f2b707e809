"""Label selectors as kubectl takes them (Kubernetes docs, "Labels and Selectors": equality-based and set-based)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from meshdoctor.errors import UsageError

_KEY = r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_VALUE = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?|"
_EQUAL = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})\Z")
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s+\(([^()]*)\)\Z")
_THERE = re.compile(rf"(!?)\s*({_KEY})\Z")
_PARTS = re.compile(r",(?![^(]*\))")


class Requirement(Struct, frozen=True):
    """One part of a selector."""

    key: str
    values: frozenset[str] | None
    """Values the label may have; None for any."""
    negated: bool = False
    """The label must not have one of these values, or must be absent."""

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet this requirement."""
        found = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return found is not self.negated


def read_selector(text: str) -> tuple[Requirement, ...]:
    """The parts of a selector, all of which must fit; none for an empty one. Raises `UsageError` for what is none."""
    return tuple(_requirement(part.strip(), text) for part in _PARTS.split(text)) if text.strip() else ()


def fits(requirements: tuple[Requirement, ...], labels: Mapping[str, str]) -> bool:
    """Whether all requirements fit."""
    return all(requirement.fits(labels) for requirement in requirements)


def _requirement(part: str, text: str) -> Requirement:
    if match := _EQUAL.match(part):
        return Requirement(match.group(1), frozenset({match.group(3)}), match.group(2) == "!=")
    if match := _SET.match(part):
        values = frozenset(value.strip() for value in match.group(3).split(","))
        return Requirement(match.group(1), values, match.group(2) == "notin")
    if match := _THERE.match(part):
        return Requirement(match.group(2), None, match.group(1) == "!")
    raise UsageError(f"{text!r} is not a label selector: write app=web, or app in (web, api),tier!=test")
