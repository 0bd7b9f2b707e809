"""The only module that knows YAML: it reads hostile documents safely, writes stable ones, and finds lines.

Values are those the Kubernetes API server would see. Plain scalars follow the reader it uses (go-yaml 2 behind
sigs.k8s.io/yaml): `yes` and `on` are booleans, `0755` is octal, `1e3` is a number, `22:22` is text. Timestamps stay
text, and so does every key of a mapping.

Reading goes from the parser's events straight to values. Composing a tree of nodes first costs four times as much,
and libyaml's composer overruns the C stack on a deeply nested document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
import yaml

from meshdoctor.errors import Unreadable

MAX_DEPTH = 200
"""Nesting that a document may have. The API server's own objects stay under 40."""

ALIAS_ALLOWANCE = 100_000
"""Values that aliases may add beyond one per byte of text, which is what a document without aliases cannot exceed."""

MAX_YAML_LIKE_JSON = 8 * 1024 * 1024
"""Up to this size, text that starts like JSON and is not JSON gets a second chance as YAML's own flow style."""

_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WRITER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_NOT_TEXT = re.compile(r"[-+.0-9~tTfFnNyYoO]")
"""First characters of every plain scalar that may be something else than text."""
_INTEGER = re.compile(r"[-+]?(0b[01][01_]*|0o?[0-7][0-7_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|[1-9][0-9_]*|0)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_CONSTANTS: dict[str, Any] = {
    "": None,
    "~": None,
    **{spelling: None for spelling in ("null", "Null", "NULL")},
    **{spelling: True for word in ("true", "yes", "on") for spelling in (word, word.title(), word.upper())},
    **{spelling: False for word in ("false", "no", "off") for spelling in (word, word.title(), word.upper())},
    ".nan": float("nan"),
    **{sign + ".inf": float(sign + "inf") for sign in ("", "+", "-")},
}

_CORE = "tag:yaml.org,2002:"
_TEXT_TAGS = {"!", _CORE + "str", _CORE + "timestamp", _CORE + "binary"}
_PLAIN_TAGS = {_CORE + name for name in ("int", "float", "bool", "null")}
_TREE_TAGS = {None, "!", _CORE + "map", _CORE + "seq"}

_MERGE = "<<"
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\]")


def load_documents(data: bytes, where: str) -> list[Any]:
    """Every document of a YAML or JSON text that holds a value; empty ones are left out and not counted.

    Raises `Unreadable`, starting `where:line:`, for what is not YAML, a key given twice, a tag that is no plain
    data, nesting beyond `MAX_DEPTH`, and aliases that would unfold into more than the text can justify.
    Of a key given twice in *JSON* the last one counts, as in every JSON reader of the API server.
    """
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"{", b"["):
        try:
            return [msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))]
        except (msgspec.DecodeError, RecursionError) as problem:
            if where.endswith(".json") or len(data) > MAX_YAML_LIKE_JSON:
                raise Unreadable(_json_complaint(data, where, problem)) from None
    return list(_Builder(data, where).documents())


def dump(value: Any) -> str:
    """`value` as block-style YAML: keys in their given order, text of several lines as a `|` block, no aliases.

    `load_documents(dump(value))` gives `[value]` back for every value that JSON can hold, and the API server reads
    it the same way: text that looks like a number or a boolean is quoted.
    """
    text: str = yaml.dump(
        value, Dumper=_writer(), sort_keys=False, default_flow_style=False, allow_unicode=True, width=1_000_000
    )
    return text.removesuffix("...\n")


def line_of(data: bytes, path: str) -> int | None:
    """The 1-based line on which the value at a JSONPath stands: that of its key, or of its `-` in a list.

    `$.spec.ports[0]` is looked up in the only document. Where the text holds several documents (as
    `load_documents` counts them) the first step names one: `$[1].spec`; without it the first is meant.
    None where the path leads nowhere, or the text is not YAML. Costs one pass over the text: for what is shown.
    """
    steps = _steps(path)
    if steps is None:
        return None
    try:
        wanted = 0
        if steps and isinstance(steps[0], int) and _has_several(data):
            wanted = int(steps.pop(0))
        events = _events(data)
        for position, event in enumerate(_starts(events)):
            if position == wanted:
                return _find(event, events, steps)
    except yaml.YAMLError:
        return None
    return None


class _Builder:
    """Turns the events of one text into values. One use each."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data = data
        self.where = where
        self.events = _events(data)
        self.limit = len(data) + ALIAS_ALLOWANCE
        self.count = 0
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.scalars: dict[str, Any] = {}

    def documents(self) -> Iterator[Any]:
        """The documents' values, in order."""
        try:
            for event in _starts(self.events):
                self.anchors.clear()
                yield self._value(event)
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            self._refuse(mark.line + 1 if mark else 0, _yaml_complaint(problem, self.data))
        except yaml.reader.ReaderError as problem:
            line = self.data.count(b"\n", 0, problem.position) + 1
            self._refuse(line, f"not YAML: {problem.reason}; it must be UTF-8 text")

    def _value(self, first: Any) -> Any:
        """The value whose first event is `first`; walks with a stack of its own, never recursively."""
        stack: list[_Frame] = []
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
            self._refuse(line, f"nested more than {MAX_DEPTH} levels deep; no Kubernetes object is")
        if event.tag not in _TREE_TAGS:
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
        """`<<: *anchor`, YAML 1.1's merge key: what the mapping says itself wins, then the first one merged."""
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                self._refuse(event.start_mark.line + 1, "`<<` merges mappings only")
            frame.merged = {**source, **frame.merged}

    def _alias(self, event: Any) -> Any:
        line = event.start_mark.line + 1
        if event.anchor not in self.anchors:
            self._refuse(line, f"the alias *{event.anchor} stands before its anchor, or inside it")
        value, size = self.anchors[event.anchor]
        self.count += size
        if self.count > self.limit:
            self._refuse(line, f"its aliases unfold into more than {self.limit} values; write the values out")
        return value

    def _scalar(self, event: Any, *, is_key: bool) -> Any:
        text: str = event.value
        if event.tag is not None and event.tag not in _TEXT_TAGS and event.tag not in _PLAIN_TAGS:
            self._refuse(event.start_mark.line + 1, f"the tag {event.tag} is not plain data; remove it")
        if is_key or not (event.implicit[0] or event.tag in _PLAIN_TAGS) or event.tag in _TEXT_TAGS:
            return text
        if not _NOT_TEXT.match(text) and text:
            return text
        if text not in self.scalars:
            self.scalars[text] = _plain(text)
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


def _events(data: bytes) -> Iterator[Any]:
    return iter(yaml.parse(data, Loader=_READER))


def _starts(events: Iterator[Any]) -> Iterator[Any]:
    """The first event of every document that holds a value. The caller consumes the rest of each."""
    for event in events:
        if type(event) is not yaml.DocumentStartEvent:
            continue
        first = next(events)
        if type(first) is not yaml.ScalarEvent or first.value or not first.implicit[0]:
            yield first


def _has_several(data: bytes) -> bool:
    events = _events(data)
    starts = _starts(events)
    next(starts, None)
    return next(starts, None) is not None


def _steps(path: str) -> list[str | int] | None:
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


def _find(event: Any, events: Iterator[Any], steps: list[str | int]) -> int | None:
    line = int(event.start_mark.line) + 1
    for step in steps:
        if type(event) is yaml.MappingStartEvent and isinstance(step, str):
            found = _value_at_key(events, step)
        elif type(event) is yaml.SequenceStartEvent and isinstance(step, int):
            found = _value_at_index(events, step)
        elif type(event) is yaml.AliasEvent:
            return line
        else:
            return None
        if found is None:
            return None
        event, line = found
    return line


def _value_at_key(events: Iterator[Any], name: str) -> tuple[Any, int] | None:
    for key in events:
        if type(key) is yaml.MappingEndEvent:
            return None
        is_it = type(key) is yaml.ScalarEvent and key.value == name
        _skip(key, events)
        value = next(events)
        if is_it:
            return value, key.start_mark.line + 1
        _skip(value, events)
    return None


def _value_at_index(events: Iterator[Any], index: int) -> tuple[Any, int] | None:
    for position, event in enumerate(events):
        if type(event) is yaml.SequenceEndEvent:
            return None
        if position == index:
            return event, event.start_mark.line + 1
        _skip(event, events)
    return None


def _skip(event: Any, events: Iterator[Any]) -> None:
    """Consumes the rest of the value whose first event was `event`."""
    depth = int(isinstance(event, yaml.CollectionStartEvent))
    while depth:
        event = next(events)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)


def _plain(text: str) -> Any:
    """The value of a plain scalar."""
    constant = text.lower() if text[-4:].lower() in (".inf", ".nan") else text
    if constant in _CONSTANTS:
        return _CONSTANTS[constant]
    if len(text) <= 40 and _INTEGER.match(text):
        digits = text.replace("_", "")
        is_octal = re.match(r"[-+]?0[0-7]", digits)
        return int(digits, 8 if is_octal else 0)
    return float(text) if _FLOAT.match(text) else text


def _yaml_complaint(problem: yaml.MarkedYAMLError, data: bytes) -> str:
    mark = problem.problem_mark
    if mark and b"".join(data.splitlines()[mark.line : mark.line + 1])[mark.column :].startswith(b"\t"):
        return "a tab stands where YAML wants spaces; replace it with spaces"
    said = problem.problem or "not YAML"
    return f"not YAML: {said}" + (f" {problem.context}" if problem.context else "")


def _json_complaint(data: bytes, where: str, problem: Exception) -> str:
    if isinstance(problem, RecursionError):
        return f"{where}: nested too deep for JSON that Envoy or Kubernetes writes."
    place = re.search(r"\(byte (\d+)\)", str(problem))
    if place is None:
        return f"{where}:{data.count(10) + 1}: the JSON ends too early; the file was cut short. Fetch it again."
    line = data.count(b"\n", 0, int(place[1])) + 1
    return f"{where}:{line}: not JSON: {str(problem).removeprefix('JSON is malformed: ')}."


def _writer() -> Any:
    """The dumper, with the house style. Made at first use: most runs write nothing."""
    global _STYLED
    if _STYLED is None:
        _STYLED = type("_Styled", (_WRITER,), {"ignore_aliases": lambda self, data: True})
        _STYLED.add_representer(str, _write_text)
    return _STYLED


_STYLED: Any = None


def _write_text(dumper: Any, text: str) -> Any:
    style = None
    if "\n" in text and all(line.isprintable() for line in text.split("\n")):
        style = "|"
    elif text in ("y", "Y", "n", "N") or not isinstance(_plain(text), str):
        style = "'"
    return dumper.represent_scalar(_CORE + "str", text, style=style)
