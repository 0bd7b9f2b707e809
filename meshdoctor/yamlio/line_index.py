"""Finds the line of a value."""

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
    """The lines of one text, which is parsed at the first use; of kubectl's Lists only the items asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._documents: list[_LineNode] | None = None
        self._items: dict[int, _LineNode | None] = {}

    def of(self, path: str) -> int | None:
        """The 1-based line of the value at a JSONPath: that of its key, or of its `-` in a list.

        `$.spec.ports[0]` is in the only document. Where the text has several documents (as `load_documents` counts
        them), the first step selects one: `$[1].spec`; without it, the first document is meant.
        None where there is no such path, or the text up to it is not YAML or too deeply nested.
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
            return _walk(_LineNode(1, self._documents), steps)
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
        node = self._items[index]
        line = _walk(node, steps) if node is not None else None
        return None if line is None else item.line + line


def _walk(node: _LineNode, steps: list[str | int]) -> int | None:
    for step in steps:
        if node.is_alias:
            break
        below = node.below(step)
        if below is None:
            return None
        node = below
    return node.line


def line_of(data: bytes, path: str) -> int | None:
    """The line of one path of a text, as `Lines(data).of(path)`. For several paths, keep a `Lines`."""
    return Lines(data).of(path)


class _LineNode:
    """The line of one value, and the values inside it."""

    __slots__ = ("inside", "is_alias", "key", "line")

    def __init__(
        self, line: int, inside: list[_LineNode] | dict[str, _LineNode] | None, *, is_alias: bool = False
    ) -> None:
        self.line = line
        self.inside = inside
        self.is_alias = is_alias
        self.key: tuple[str, int] | None = None
        """While a mapping is read: the key whose value comes next, and its line."""

    def below(self, step: str | int) -> _LineNode | None:
        if isinstance(step, str):
            return self.inside.get(step) if isinstance(self.inside, dict) else None
        return self.inside[step] if isinstance(self.inside, list) and step < len(self.inside) else None

    def put(self, node: _LineNode, text: str) -> None:
        """Add the next value; in a mapping keys and values alternate, and `text` is that of the key."""
        if isinstance(self.inside, list):
            self.inside.append(node)
        elif isinstance(self.inside, dict) and self.key is None:
            self.key = (text, node.line)
        elif isinstance(self.inside, dict) and self.key is not None:
            name, node.line = self.key
            self.inside.setdefault(name, node)
            self.key = None


def _read(data: bytes) -> list[_LineNode]:
    """The documents of a text that have a value, as far as it is YAML."""
    documents: list[_LineNode] = []
    events = events_of(data)
    try:
        for event in document_starts(events):
            documents.append(_node(event, events))
    except yaml.YAMLError:
        pass
    return documents


def _node(first: Any, events: Iterator[Any]) -> _LineNode:
    """The value whose first event is `first`; not recursive, because documents may be hostile."""
    stack: list[_LineNode] = []
    event = first
    while True:
        kind = type(event)
        if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            node, text = stack.pop(), ""
        else:
            inside: Any = {} if kind is yaml.MappingStartEvent else [] if kind is yaml.SequenceStartEvent else None
            node = _LineNode(event.start_mark.line + 1, inside, is_alias=kind is yaml.AliasEvent)
            text = event.value if kind is yaml.ScalarEvent else ""
            if inside is not None:
                stack.append(node)
                event = next(events)
                continue
        if not stack:
            return node
        stack[-1].put(node, text)
        event = next(events)


def steps_of(path: str) -> list[str | int] | None:
    """`$.a['b.c'][2]` as `["a", "b.c", 2]`, None for other paths."""
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
