"""Gives the parser's events, from which values and lines are made directly.

Composing a tree of nodes first takes four times as long, and libyaml's composer overflows the C stack on a deeply
nested document; its parser does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def events_of(data: bytes) -> Iterator[Any]:
    """The events of a text, in order. Taking the next one raises `yaml.YAMLError` where the text is not YAML."""
    return iter(yaml.parse(data, Loader=_READER))


def document_starts(events: Iterator[Any]) -> Iterator[Any]:
    """The first event of every document that has a value. The caller consumes the rest of each."""
    for event in events:
        if type(event) is not yaml.DocumentStartEvent:
            continue
        first = next(events)
        if type(first) is not yaml.ScalarEvent or first.value or not first.implicit[0]:
            yield first
