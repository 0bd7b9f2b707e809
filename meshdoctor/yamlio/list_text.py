"""Splits a List as `kubectl get -o yaml` prints it into its items, without parsing it.

The YAML parser reads a few megabytes per second, and the objects of a cluster may have a hundred. Kinds and lines of
the items follow from the layout, which is always the same in kubectl's printer (sigs.k8s.io/yaml): the dashes of the
items in the first column, their keys in the third, everything inside them further right, and `kind` and `metadata` of
the List after them. A text with any other layout is not split.
"""

from __future__ import annotations

import re
from typing import NamedTuple

EMPTY = b"apiVersion: v1\nitems: []\nkind: List\n"
"""An empty List."""

_HEAD = re.compile(rb"(?:---\n)?apiVersion: v1\nitems:(?: \[\]\n|\n(?=- ))")
_OUTSIDE = re.compile(rb"\n(?:[^ \n-]|-[^ ]| [^ ])")
"""Start of a line that is not part of an item."""
_FOOT = re.compile(rb"""kind: List\n(?:metadata:\n(?:  (?:resourceVersion|selfLink): (?:""|'')\n)+)?\Z""")
_KEY = b"\n  kind: "
_ODD_BREAKS = (b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
"""Line breaks of YAML that kubectl always escapes. With them, counting `\\n` would not count lines."""
_ALIAS = b": *id0"
"""An alias as PyYAML writes it. It may refer to another item; kubectl writes none."""
_OTHER = b"- kind: _\n"


class ListItem(NamedTuple):
    """One item: its kind, start and end of its text, and the line of its dash, counted from 0."""

    kind: str
    start: int
    end: int
    line: int


class ListText(NamedTuple):
    """The items of one text, in order."""

    items: tuple[ListItem, ...]
    end: int
    """Where the last item's text ends."""
    is_whole: bool
    """False where the text ends among the items: the file was cut short."""

    def kinds(self) -> frozenset[str]:
        """The kinds of the items."""
        return frozenset(item.kind for item in self.items)


def split_list(data: bytes) -> ListText | None:
    """The items of a List that kubectl printed, None for any other text, which has to be parsed."""
    head = _HEAD.match(data)
    if head is None or any(mark in data for mark in (*_ODD_BREAKS, _ALIAS)):
        return None
    outside = _OUTSIDE.search(data, head.end() - 1)
    end = outside.start() + 1 if outside else len(data)
    if outside and not _FOOT.match(data, end):
        return None
    items = _items(data, head.end(), end, is_whole=outside is not None)
    return None if items is None else ListText(items, end, outside is not None)


def only(data: bytes, text: ListText, kind: str) -> bytes:
    """The List with the items of one kind. `text` is `split_list(data)`.

    Other items are replaced by an item `kind: _` and empty lines, so that index and line of every item stay those of
    the whole file.
    """
    if not any(item.kind == kind for item in text.items):
        return EMPTY
    pieces = [data[: text.items[0].start]]
    for item in text.items:
        if item.kind == kind:
            pieces.append(data[item.start : item.end])
        else:
            pieces += (_OTHER, b"\n" * (data.count(b"\n", item.start, item.end) - 1))
    pieces.append(data[text.end :])
    return b"".join(pieces)


def _items(data: bytes, start: int, end: int, *, is_whole: bool) -> tuple[ListItem, ...] | None:
    """The items from `start` to `end`, None where the kind of one is missing or ambiguous; the last may be cut."""
    items: list[ListItem] = []
    line = data.count(b"\n", 0, start)
    while start < end:
        following = data.find(b"\n- ", start, end) + 1 or end
        kind = _kind(data, start, following)
        if kind is None and (is_whole or following < end):
            return None
        items.append(ListItem(kind or "", start, following, line))
        line += data.count(b"\n", start, following)
        start = following
    return tuple(items)


def _kind(data: bytes, start: int, end: int) -> str | None:
    if data.startswith(b"- kind: ", start):
        place, other = start, data.find(_KEY, start, end)
    else:
        place = data.find(_KEY, start, end)
        other = data.find(_KEY, place + 1, end) if place >= 0 else -1
    if place < 0 or other >= 0:
        return None
    word = data[data.index(b": ", place) + 2 : data.find(b"\n", place + 1, end)]
    return word.decode() if word.isalnum() and word.isascii() else None
