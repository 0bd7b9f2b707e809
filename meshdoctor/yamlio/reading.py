"""Parses YAML and JSON text into plain values; refuses what is ambiguous, harmful or not plain data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import msgspec
import yaml

from meshdoctor.errors import Unreadable
from meshdoctor.text.duplicate_keys import duplicate_keys
from meshdoctor.yamlio.parser_events import document_starts, events_of
from meshdoctor.yamlio.scalars import NOT_TEXT, PLAIN_TAGS, TEXT_TAGS, TREE_TAGS, plain

MAX_DEPTH = 200
"""Nesting that a document may have. Objects of the API server stay under 40."""

ALIAS_ALLOWANCE = 100_000
"""Values that aliases may add beyond one per byte of text, which is what a document without aliases cannot exceed."""

MAX_YAML_LIKE_JSON = 8 * 1024 * 1024
"""Up to this size, text that starts like JSON but is not JSON is parsed as YAML in flow style."""

_MERGE = "<<"
_ITEMS = "items"

_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep; no Kubernetes object is"
_PARSERS_DEPTH = re.compile("maximum nesting", re.IGNORECASE)
"""libyaml's message at its own limit. Its scanner reads ahead and may reach it before `MAX_DEPTH`."""


class PartlyRead(NamedTuple):
    """The documents of a text, as far as it could be read."""

    documents: list[Any]
    problem: str
    """Why the rest could not be read, starting with the place; empty where everything was."""
    duplicates: tuple[str, ...] = ()
    """Keys that a JSON object gives twice with different values; the last one counts, as for the API server."""


def load_documents(data: bytes, where: str) -> list[Any]:
    """Every document of a YAML or JSON text that has a value; empty ones are left out and not counted.

    Raises `Unreadable`, starting with `where:line:`, for what is not YAML, a duplicate key, a tag that is not plain
    data, nesting beyond `MAX_DEPTH`, and aliases that would expand to far more than the text.
    Of a duplicate key in *JSON* the last one counts, as for the API server.
    """
    text = data.removeprefix(b"\xef\xbb\xbf")
    if _starts_like_json(text):
        try:
            return [msgspec.json.decode(text)]
        except (msgspec.DecodeError, RecursionError) as problem:
            if where.endswith(".json") or len(data) > MAX_YAML_LIKE_JSON:
                raise Unreadable(_json_complaint(data, where, problem)) from None
    return list(_Builder(data, where).documents())


def load_partly(data: bytes, where: str) -> PartlyRead:
    """The documents of a text; of one that breaks off or that is damaged, those before the break.

    Of a List that has no end, the items that are complete. Never raises; what `load_documents` raises is `problem`.
    """
    text = data.removeprefix(b"\xef\xbb\xbf")
    builder = _Builder(data, where)
    documents: list[Any] = []
    complaint = ""
    if _starts_like_json(text):
        try:
            decoded = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as problem:
            if where.endswith(".json") or len(data) > MAX_YAML_LIKE_JSON:
                complaint = _json_complaint(data, where, problem)
            if isinstance(problem, RecursionError) or len(data) > MAX_YAML_LIKE_JSON:
                return PartlyRead([], complaint or f"{where}: {_TOO_DEEP}.")
        else:
            return PartlyRead([decoded], "", duplicate_keys(text, decoded))
    try:
        for value in builder.documents():
            documents.append(value)
    except Unreadable as problem:
        return PartlyRead([*documents, *builder.before_the_break()], complaint or str(problem))
    return PartlyRead(documents, complaint)


def _starts_like_json(text: bytes) -> bool:
    return text.lstrip()[:1] in (b"{", b"[")


class _Builder:
    """Makes the parser events of one text into values. Used once."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data = data
        self.where = where
        self.events = events_of(data)
        self.limit = len(data) + ALIAS_ALLOWANCE
        self.count = 0
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.scalars: dict[str, Any] = {}
        self.stack: list[_Frame] = []
        """The mappings and lists of the current document that are open."""

    def documents(self) -> Iterator[Any]:
        """The documents' values, in order."""
        try:
            for event in document_starts(self.events):
                self.anchors.clear()
                yield self._value(event)
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            self._refuse(mark.line + 1 if mark else 0, _yaml_complaint(problem, self.data))
        except yaml.reader.ReaderError as problem:
            line = self.data.count(b"\n", 0, problem.position) + 1
            self._refuse(line, f"not YAML: {problem.reason}; it must be UTF-8 text")

    def before_the_break(self) -> list[Any]:
        """Of the document whose reading was broken off: its list of items, as far as they are complete."""
        if not self.stack:
            return []
        root, *inside = self.stack
        if not root.is_mapping:
            return [root.value]
        if inside and root.key == _ITEMS and not inside[0].is_mapping:
            return [{**root.value, _ITEMS: inside[0].value}]
        return [root.value] if _ITEMS in root.value else []

    def _value(self, first: Any) -> Any:
        """The value whose first event is `first`; not recursive, because documents may be hostile."""
        stack = self.stack
        stack.clear()
        event = first
        while True:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self.count += 1
                value = self._scalar(event, is_key=bool(stack) and stack[-1].wants_key)
                if event.anchor:
                    self.anchors[event.anchor] = (value, 1)
            elif kind is yaml.AliasEvent:
                value = self._alias(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                stack.append(self._open(event, stack))
                event = next(self.events)
                continue
            else:
                value = self._close(stack.pop())
            if not stack:
                return value
            self._put(stack[-1], value, event)
            event = next(self.events)

    def _open(self, event: Any, stack: list[_Frame]) -> _Frame:
        line = event.start_mark.line + 1
        if len(stack) >= MAX_DEPTH:
            self._refuse(line, _TOO_DEEP)
        if event.tag not in TREE_TAGS:
            self._refuse(line, f"the tag {event.tag} is not plain data; remove it")
        if stack and stack[-1].wants_key:
            self._refuse(line, "a key must be plain text, not a list or a mapping")
        self.count += 1
        return _Frame({} if type(event) is yaml.MappingStartEvent else [], event.anchor, self.count)

    def _close(self, frame: _Frame) -> Any:
        value = frame.value
        if frame.merged:
            value = {**frame.merged, **value}
        if frame.anchor:
            self.anchors[frame.anchor] = (value, self.count - frame.opened + 1)
        return value

    def _put(self, frame: _Frame, value: Any, event: Any) -> None:
        if not frame.is_mapping:
            frame.value.append(value)
        elif frame.wants_key:
            if not isinstance(value, str):
                self._refuse(event.start_mark.line + 1, "a key must be plain text, not a list or a mapping")
            if value in frame.value:
                self._refuse(
                    event.start_mark.line + 1, f"the key {value!r} is given twice in one mapping; keep one of them"
                )
            frame.key, frame.wants_key = value, False
            frame.merges = value == _MERGE and getattr(event, "implicit", (False,))[0]
        else:
            if frame.merges:
                self._merge(frame, value, event)
            else:
                frame.value[frame.key] = value
            frame.wants_key = True

    def _merge(self, frame: _Frame, value: Any, event: Any) -> None:
        """`<<: *anchor`, YAML 1.1's merge key: keys of the mapping itself win, then those of the first merged."""
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                self._refuse(event.start_mark.line + 1, "`<<` merges mappings only")
            frame.merged = {**source, **frame.merged}

    def _alias(self, event: Any) -> Any:
        line = event.start_mark.line + 1
        if event.anchor not in self.anchors:
            self._refuse(line, f"the alias *{event.anchor} is used before its anchor, or inside it")
        value, size = self.anchors[event.anchor]
        self.count += size
        if self.count > self.limit:
            self._refuse(line, f"its aliases expand to more than {self.limit} values; write the values out")
        return value

    def _scalar(self, event: Any, *, is_key: bool) -> Any:
        text: str = event.value
        if event.tag is not None and event.tag not in TEXT_TAGS and event.tag not in PLAIN_TAGS:
            self._refuse(event.start_mark.line + 1, f"the tag {event.tag} is not plain data; remove it")
        if is_key or not (event.implicit[0] or event.tag in PLAIN_TAGS) or event.tag in TEXT_TAGS:
            return text
        if not NOT_TEXT.match(text) and text:
            return text
        if text not in self.scalars:
            self.scalars[text] = plain(text)
        return self.scalars[text]

    def _refuse(self, line: int, complaint: str) -> NoReturn:
        place = f"{self.where}:{line}" if line else self.where
        raise Unreadable(f"{place}: {complaint}.")


class _Frame:
    """One open mapping or list."""

    __slots__ = ("anchor", "is_mapping", "key", "merged", "merges", "opened", "value", "wants_key")

    def __init__(self, value: Any, anchor: str | None, opened: int) -> None:
        self.value = value
        self.is_mapping = self.wants_key = isinstance(value, dict)
        self.anchor = anchor
        self.opened = opened
        self.key = ""
        self.merges = False
        self.merged: dict[str, Any] = {}


def _yaml_complaint(problem: yaml.MarkedYAMLError, data: bytes) -> str:
    mark = problem.problem_mark
    if mark and b"".join(data.splitlines()[mark.line : mark.line + 1])[mark.column :].startswith(b"\t"):
        return "a tab is used where YAML needs spaces; replace it with spaces"
    message = problem.problem or "not YAML"
    if _PARSERS_DEPTH.search(message):
        return _TOO_DEEP
    return f"not YAML: {message}" + (f" {problem.context}" if problem.context else "")


def _json_complaint(data: bytes, where: str, problem: Exception) -> str:
    if isinstance(problem, RecursionError):
        return f"{where}: nested too deep for JSON that Envoy or Kubernetes writes."
    place = re.search(r"\(byte (\d+)\)", str(problem))
    if place is None:
        return f"{where}:{data.count(10) + 1}: the JSON ends too early; the file was cut short. Fetch it again."
    line = data.count(b"\n", 0, int(place[1])) + 1
    return f"{where}:{line}: not JSON: {str(problem).removeprefix('JSON is malformed: ')}."
