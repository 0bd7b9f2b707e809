"""Finds start and end of every value of a YAML or JSON text, so that a part of it can be replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import yaml

from meshdoctor.yamlio.parser_events import events_of

Kind = Literal["mapping", "sequence", "text", "alias"]


class TextNode:
    """One value of a valid text. Positions are counted in characters."""

    __slots__ = ("anchor", "end", "is_flow", "items", "keys", "kind", "opens", "start", "style", "value")

    def __init__(self, kind: Kind, event: Any, text: str) -> None:
        self.kind: Kind = kind
        self.start: int = event.start_mark.index
        """Start of the value, or of its anchor or tag."""
        self.end: int = event.end_mark.index
        """End of the value; of a block, end of its last value."""
        # The token ends before the first dash where the list is indented, else after it.
        self.opens: int = self.end if text.startswith("-", self.end) else self.end - 1
        """Position of the first `-` of a list, or of the opening bracket in flow style."""
        self.anchor: str | None = event.anchor
        self.is_flow: bool = bool(getattr(event, "flow_style", False))
        self.style: str = getattr(event, "style", None) or ""
        """For text: a quote, `|`, `>`, or empty where it is plain."""
        self.value: str = getattr(event, "value", None) or ""
        self.keys: list[TextNode] = []
        """For a mapping, one key per item."""
        self.items: list[TextNode] = []

    def begins(self, index: int) -> int:
        """Start of an item; in a mapping, of its key."""
        return (self.keys or self.items)[index].start

    def put(self, node: TextNode) -> None:
        """Add the next value; in a mapping keys and values alternate."""
        if self.kind == "mapping" and len(self.keys) == len(self.items):
            self.keys.append(node)
        else:
            self.items.append(node)


class DocumentText:
    """One document of a text: its root, and start and end of its text including `---`."""

    __slots__ = ("aliases", "end", "root", "start")

    def __init__(self, start: int, end: int, root: TextNode, aliases: frozenset[str]) -> None:
        self.start = start
        self.end = end
        self.root = root
        self.aliases = aliases
        """Anchors that are referred to."""


def documents_of(text: str) -> list[DocumentText]:
    """The documents of a text that have a value, as `load_documents` counts them. Raises `yaml.YAMLError`."""
    events: Iterator[Any] = events_of(text.encode())
    starts: list[int] = []
    found: list[tuple[int, TextNode, frozenset[str]]] = []
    for event in events:
        kind = type(event)
        if kind is not yaml.DocumentStartEvent:
            continue
        starts.append(event.start_mark.index if event.explicit or starts else 0)
        first = next(events)
        if type(first) is not yaml.ScalarEvent or first.value or not first.implicit[0]:
            found.append((len(starts), *_tree(first, events, text)))
    ends = [*starts[1:], len(text)]
    return [DocumentText(starts[n - 1], ends[n - 1], root, aliases) for n, root, aliases in found]


def column(text: str, place: int) -> int:
    """Number of characters before `place` on its line."""
    return place - (text.rfind("\n", 0, place) + 1)


def line_end(text: str, place: int) -> int:
    """End of the line of `place`, before its line break."""
    end = text.find("\n", place)
    if end < 0:
        return len(text)
    return end - 1 if end > 0 and text[end - 1] == "\r" else end


def walk(node: TextNode) -> Iterator[TextNode]:
    """The node and all inside it, outer ones first."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.items)


def _tree(first: Any, events: Iterator[Any], text: str) -> tuple[TextNode, frozenset[str]]:
    """The node whose first event is `first`; not recursive, because depth is not limited here."""
    stack: list[TextNode] = []
    aliases: set[str] = set()
    event = first
    while True:
        kind = type(event)
        if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            node = stack.pop()
            node.end = event.end_mark.index if node.is_flow else node.items[-1].end
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            stack.append(TextNode("mapping" if kind is yaml.MappingStartEvent else "sequence", event, text))
            event = next(events)
            continue
        elif kind is yaml.AliasEvent:
            aliases.add(event.anchor)
            node = TextNode("alias", event, text)
        else:
            node = TextNode("text", event, text)
            if node.style in ("|", ">"):
                node.end = _block_end(text, node)
        if not stack:
            return node, frozenset(aliases)
        stack[-1].put(node)
        event = next(events)


def _block_end(text: str, node: TextNode) -> int:
    """End of the last line of a block of text. Empty lines after it belong to it only with `+`."""
    body = text[node.start : node.end]
    if "+" not in body.split("\n", 1)[0].split("#", 1)[0]:
        return line_end(text, node.start + len(body.rstrip()))
    return node.end - (len(body) - len(body.removesuffix("\n").removesuffix("\r")))
