"""On which line a value stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import yaml

from meshdoctor.yamlio.list_text import ListText, split_list
from meshdoctor.yamlio.parser_events import document_starts, events_of

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\]")


class Lines:
    """The lines of one text. Reads it once, at the first question, and of kubectl's Lists only the items asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._documents: list[_Place] | None = None
        self._items: dict[int, _Place | None] = {}

    def of(self, path: str) -> int | None:
        """The 1-based line on which the value at a JSONPath stands: that of its key, or of its `-` in a list.

        `$.spec.ports[0]` is looked up in the only document. Where the text holds several documents (as
        `load_documents` counts them) the first step names one: `$[1].spec`; without it the first is meant.
        None where the path leads nowhere, or the text so far is not YAML or nested deeper than the parser goes.
        """
        steps = steps_of(path)
        if steps is None:
            return None
        if len(steps) > 1 and steps[0] == "items" and isinstance(steps[1], int) and self._list is not None:
            return self._in_item(self._list, steps[1], steps[2:])
        if self._documents is None:
            self._documents = _read(self._data)
        if not self._documents:
            return None
        if len(self._documents) > 1 and steps and isinstance(steps[0], int):
            return _walk(_Place(1, self._documents), steps)
        return _walk(self._documents[0], steps)

    @cached_property
    def _list(self) -> ListText | None:
        return split_list(self._data)

    def _in_item(self, text: ListText, index: int, steps: list[str | int]) -> int | None:
        if index >= len(text.items):
            return None
        item = text.items[index]
        if index not in self._items:
            documents = _read(self._data[item.start : item.end])
            self._items[index] = documents[0].below(0) if documents else None
        place = self._items[index]
        line = _walk(place, steps) if place is not None else None
        return None if line is None else item.line + line


def _walk(place: _Place, steps: list[str | int]) -> int | None:
    for step in steps:
        if place.is_alias:
            break
        below = place.below(step)
        if below is None:
            return None
        place = below
    return place.line


def line_of(data: bytes, path: str) -> int | None:
    """The line of one path of a text, as `Lines(data).of(path)` gives it. For several questions keep a `Lines`."""
    return Lines(data).of(path)


class _Place:
    """Where one value stands, and the values inside it."""

    __slots__ = ("inside", "is_alias", "key", "line")

    def __init__(self, line: int, inside: list[_Place] | dict[str, _Place] | None, *, is_alias: bool = False) -> None:
        self.line = line
        self.inside = inside
        self.is_alias = is_alias
        self.key: tuple[str, int] | None = None
        """Of a mapping being read: the key whose value comes next, and its line."""

    def below(self, step: str | int) -> _Place | None:
        if isinstance(step, str):
            return self.inside.get(step) if isinstance(self.inside, dict) else None
        return self.inside[step] if isinstance(self.inside, list) and step < len(self.inside) else None

    def put(self, place: _Place, text: str) -> None:
        """The next value inside; in a mapping keys and values take turns, and `text` is the key's."""
        if isinstance(self.inside, list):
            self.inside.append(place)
        elif isinstance(self.inside, dict) and self.key is None:
            self.key = (text, place.line)
        elif isinstance(self.inside, dict) and self.key is not None:
            name, place.line = self.key
            self.inside.setdefault(name, place)
            self.key = None


def _read(data: bytes) -> list[_Place]:
    """The documents of a text that hold a value, as far as it is YAML."""
    documents: list[_Place] = []
    events = events_of(data)
    try:
        for event in document_starts(events):
            documents.append(_place(event, events))
    except yaml.YAMLError:
        pass
    return documents


def _place(first: Any, events: Iterator[Any]) -> _Place:
    """The place of the value whose first event is `first`; walks with a stack of its own, never recursively."""
    stack: list[_Place] = []
    event = first
    while True:
        kind = type(event)
        if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            place, text = stack.pop(), ""
        else:
            inside: Any = {} if kind is yaml.MappingStartEvent else [] if kind is yaml.SequenceStartEvent else None
            place = _Place(event.start_mark.line + 1, inside, is_alias=kind is yaml.AliasEvent)
            text = event.value if kind is yaml.ScalarEvent else ""
            if inside is not None:
                stack.append(place)
                event = next(events)
                continue
        if not stack:
            return place
        stack[-1].put(place, text)
        event = next(events)


def steps_of(path: str) -> list[str | int] | None:
    """`$.a['b.c'][2]` as `["a", "b.c", 2]`, None where it is not such a path."""
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return None
        name, index, single, double = step.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(re.sub(r"\\(.)", r"\1", next(text for text in (name, single, double) if text is not None)))
        position = step.end()
    return steps
