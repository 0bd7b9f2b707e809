"""The part of a document that a piece of evidence points at, as lines to read, without secrets.

A config dump may weigh tens of megabytes: it is taken apart along the path alone, and only what is shown is decoded.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from meshdoctor import yamlio
from meshdoctor.collect.redact import Removals, redact_object, redact_page
from meshdoctor.doctor import Case
from meshdoctor.errors import NothingToJudge, Unreadable
from meshdoctor.model.evidence import Document
from meshdoctor.semantics.text import printable

Step = str | int
LINES = 5000
"""Lines of an excerpt at most."""

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\]")


class Excerpt(Struct, frozen=True):
    """Lines of a document, harmless to a terminal."""

    document: str
    path: str
    """Where the lines stand in it; `$` for all of it."""
    lines: tuple[str, ...]
    marked: int | None = None
    """Index of the deciding line."""
    left_out: int = 0
    """Further lines that are not shown."""


def excerpt(case: Case, document: str, path: str = "", value: str = "", *, whole: bool = False) -> Excerpt:
    """What stands at a JSONPath of a document; of a single value what holds it. `whole`: the object it is part of.

    Raises `NothingToJudge` where the document is not there or has no such place, `Unreadable` where it cannot be read.
    """
    found = _document(case, document)
    steps = _steps(path)
    base = steps[: _whole(steps)] if whole else steps
    if document.endswith((".yaml", ".yml")):
        return _of_yaml(found, base if whole else base[: _object(base)], steps, value)
    return _of_json(found, base, steps, value)


def _document(case: Case, name: str) -> Document:
    documents = case.capture.documents
    found = documents.get(name) or next((one for one in documents.values() if _is_called(one, name)), None)
    if found is None:
        raise NothingToJudge(f"{name} is not there to be shown")
    return found


def _is_called(document: Document, name: str) -> bool:
    return document.path == name or (bool(document.origin) and document.origin.rsplit("/", 1)[-1] == name)


def _steps(path: str) -> tuple[Step, ...]:
    """`$.a['b.c'][2]` as `("a", "b.c", 2)`, as far as it is such a path."""
    steps: list[Step] = []
    position = 1
    while found := _STEP.match(path, position):
        name, index, single, double = found.groups()
        quoted = single if single is not None else double
        steps.append(int(index) if index is not None else name or re.sub(r"\\(.)", r"\1", quoted or ""))
        position = found.end()
    return tuple(steps)


def _written(steps: tuple[Step, ...]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _whole(steps: tuple[Step, ...]) -> int:
    """Steps to the object: an item of `items`, or of a list inside an item of `configs`."""
    lists = [place + 1 for place, step in enumerate(steps) if isinstance(step, int)]
    deep = 2 if steps[:1] == ("configs",) and len(lists) > 1 else 1
    return lists[deep - 1] if lists else 0


def _object(steps: tuple[Step, ...]) -> int:
    return _whole(steps) if steps[:1] == ("items",) else 0


def _of_json(document: Document, base: tuple[Step, ...], steps: tuple[Step, ...], value: str) -> Excerpt:
    data = document.read()
    try:
        raw = _raw(data, base)
        while base and not raw.lstrip().startswith((b"{", b"[")):
            base = base[:-1]
            raw = _raw(data, base)
        lines, marked = _Json(steps[len(base) :]).lines(_cleaned(document.path, base, raw))
    except msgspec.DecodeError as problem:
        raise Unreadable(f"{document.path}: not JSON: {problem}") from None
    return _excerpt(document, base, lines, _decided(lines, marked, value))


def _raw(data: bytes, steps: tuple[Step, ...]) -> bytes:
    """The bytes of the value at these steps. Raises `NothingToJudge` where there is none."""
    for step in steps:
        kind = list[Raw] if isinstance(step, int) else dict[str, Raw]
        try:
            found: Any = msgspec.json.decode(data, type=kind)
            data = bytes(found[step])
        except (msgspec.ValidationError, KeyError, IndexError):
            raise NothingToJudge(f"the document has no {_written(steps)} any more") from None
    return data


def _cleaned(path: str, steps: tuple[Step, ...], raw: bytes) -> Any:
    """The value without secrets. Its own name may be what tells that it is one."""
    name = next((step for step in reversed(steps) if isinstance(step, str)), "value")
    page = b"{" + msgspec.json.encode(name) + b":" + raw + b"}"
    cleaned = redact_page(path, page, Removals())
    return msgspec.json.decode(cleaned)[name]


def _of_yaml(document: Document, base: tuple[Step, ...], steps: tuple[Step, ...], value: str) -> Excerpt:
    item = _item(document, base)
    if not base and isinstance(item, dict) and isinstance(item.get("items"), list):
        item = {**item, "items": [redact_object(document.path, one, Removals()) for one in item["items"]]}
    elif isinstance(item, dict):
        item = redact_object(document.path, item, Removals())
    text = yamlio.dump(item)
    path = _written(steps[len(base) :])
    line = yamlio.line_of(text.encode(), path) if path != "$" else None
    lines = text.rstrip("\n").split("\n")
    return _excerpt(document, base, lines, _decided(lines, None if line is None else line - 1, value))


def _item(document: Document, steps: tuple[Step, ...]) -> Any:
    """A copy of the object: of a long List only its own text is read."""
    if document.tree is not None:
        tree = document.tree()
    else:
        data = document.read()
        text = yamlio.take_apart(data) if len(steps) == 2 and steps[0] == "items" else None
        at = steps[1] if text is not None else None
        if text is not None and isinstance(at, int) and at < len(text.items):
            one = text.items[at]
            return yamlio.load_documents(data[one.start : one.end], document.path)[0][0]
        trees = yamlio.load_documents(data, document.path)
        tree = trees[0] if len(trees) == 1 or not (steps and isinstance(steps[0], int)) else trees
    for step in steps:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            raise NothingToJudge(f"the document has no {_written(steps)} any more") from None
    return msgspec.json.decode(msgspec.json.encode(tree))


def _decided(lines: list[str], marked: int | None, value: str) -> int | None:
    """The line of the deciding value at the place or below it; else the place's own."""
    text = value.strip()
    if text:
        for place in range(marked or 0, min(len(lines), (marked or 0) + 400)):
            # A statistics' name often repeats the cluster's, and decides nothing.
            if text in lines[place] and "stat_prefix" not in lines[place]:
                return place
    return marked


def _excerpt(document: Document, base: tuple[Step, ...], lines: list[str], marked: int | None) -> Excerpt:
    first = max(0, marked - LINES // 2) if marked is not None and len(lines) > LINES else 0
    shown = lines[first : first + LINES]
    return Excerpt(
        document.path,
        _written(base),
        tuple(map(printable, shown)),
        None if marked is None else marked - first,
        len(lines) - len(shown),
    )


class _Json:
    """Writes a value as indented JSON and notes the line on which one place of it begins."""

    def __init__(self, wanted: tuple[Step, ...]) -> None:
        self._wanted = wanted
        self._lines: list[str] = []
        self._marked: int | None = None

    def lines(self, value: Any) -> tuple[list[str], int | None]:
        """The lines, and the index of the one where the place begins: the last step that leads somewhere."""
        self._write(value, "", "", "", self._wanted)
        return self._lines, self._marked if self._wanted else None

    def _write(self, value: Any, indent: str, head: str, tail: str, way: tuple[Step, ...] | None) -> None:
        if way is not None:
            self._marked = len(self._lines)
        if isinstance(value, dict) and value:
            self._lines.append(f"{indent}{head}{{")
            last = len(value) - 1
            for place, (key, member) in enumerate(value.items()):
                below = way[1:] if way and way[0] == key else None
                comma = "," if place < last else ""
                self._write(member, indent + "  ", f"{msgspec.json.encode(key).decode()}: ", comma, below)
            self._lines.append(f"{indent}}}{tail}")
        elif isinstance(value, list) and value:
            self._lines.append(f"{indent}{head}[")
            for place, member in enumerate(value):
                below = way[1:] if way and way[0] == place else None
                self._write(member, indent + "  ", "", "," if place < len(value) - 1 else "", below)
            self._lines.append(f"{indent}]{tail}")
        else:
            self._lines.append(f"{indent}{head}{msgspec.json.encode(value).decode()}{tail}")
