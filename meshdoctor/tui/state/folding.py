"""A document as rows that can be folded and searched. A fold hides the deeper rows below."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct, structs

from meshdoctor import yamlio
from meshdoctor.diagnosis.excerpts import Excerpt, Steps
from meshdoctor.text.printable import printable

_WIDEST = 600
"""Characters of a row; certificates and scripts are cut."""
OPEN_ROWS = 40
"""A document with more rows is folded at first."""


class Row(Struct, frozen=True):
    """One row."""

    depth: int
    text: str
    tail: str = ""
    """Shown after the row where it is folded."""
    is_marked: bool = False
    is_head: bool = False
    """A heading of the document that follows."""


class Folding:
    """Rows, which of them are folded, and the search in them."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = list(rows)
        self.folded: set[int] = set()
        self.searched = ""
        self.hits: list[int] = []
        """Rows that match, in order."""

    def end(self, at: int) -> int:
        """The row after the deeper ones below this row."""
        depth, end = self.rows[at].depth, at + 1
        while end < len(self.rows) and self.rows[end].depth > depth:
            end += 1
        return end

    def can_fold(self, at: int) -> bool:
        """Whether deeper rows are below it."""
        return at + 1 < len(self.rows) and self.rows[at + 1].depth > self.rows[at].depth

    def visible(self) -> list[int]:
        """The rows that are not hidden by a fold."""
        found, at = [], 0
        while at < len(self.rows):
            found.append(at)
            at = self.end(at) if at in self.folded else at + 1
        return found

    def toggle(self, at: int) -> bool:
        """Folds or unfolds a row; False where nothing deeper is below it."""
        if not self.can_fold(at):
            return False
        self.folded ^= {at}
        return True

    def fold_far(self) -> None:
        """Folds long documents, except the rows around marked ones."""
        marked = [at for at, row in enumerate(self.rows) if row.is_marked]
        keep = {above for at in marked for above in self.above(at)} | set(marked)
        for start, end in self._documents():
            if end - start <= OPEN_ROWS:
                continue
            has_mark = any(start <= at < end for at in marked)
            top = min((row.depth for row in self.rows[start:end] if not row.is_head), default=0)
            for at in range(start, end):
                deep = has_mark or self.rows[at].depth > top + 2
                if deep and at not in keep and not self.rows[at].is_head and self.can_fold(at):
                    self.folded.add(at)

    def _documents(self) -> Iterator[tuple[int, int]]:
        """The first row of each document, and the row after its last."""
        heads = [at for at, row in enumerate(self.rows) if row.is_head]
        starts = heads if heads[:1] == [0] else [0, *heads]
        yield from zip(starts, [*starts[1:], len(self.rows)], strict=True)

    def above(self, at: int) -> list[int]:
        """The rows that would hide this one if they were folded."""
        found, depth = [], self.rows[at].depth
        for before in range(at - 1, -1, -1):
            if self.rows[before].depth < depth:
                depth = self.rows[before].depth
                found.append(before)
        return found

    def reveal(self, at: int) -> None:
        """Unfolds what hides a row."""
        self.folded.difference_update(self.above(at))

    def fold_all(self) -> None:
        """Folds everything, or unfolds it where something is folded."""
        if self.folded:
            self.folded.clear()
            return
        self.folded = {at for at, row in enumerate(self.rows) if not row.is_head and self.can_fold(at)}

    def search(self, text: str) -> None:
        """Searches for a text, ignoring case."""
        self.searched = text.strip().lower()
        self.hits = [at for at, row in enumerate(self.rows) if self.searched and self.searched in row.text.lower()]

    def next_hit(self, at: int, by: int = 1) -> int | None:
        """The next match, or the one before, wrapping around, and unfolded; None where there is none."""
        if not self.hits:
            return None
        later = [hit for hit in self.hits if hit > at] if by > 0 else [hit for hit in self.hits if hit < at]
        found = (later or self.hits)[0 if by > 0 else -1]
        self.reveal(found)
        return found

    @property
    def first_marked(self) -> int:
        """The first marked row, else the first."""
        return next((at for at, row in enumerate(self.rows) if row.is_marked), 0)


def excerpt_rows(found: Excerpt) -> Iterator[Row]:
    """An excerpt under its document's name, the deciding line marked."""
    line = f":{found.line}" if found.line else ""
    yield Row(0, printable(f"{found.document}{line}"), is_head=True)
    if found.because:
        value = f"{found.value}   " if found.value else ""
        yield Row(1, printable(f"{value}({found.because})"), is_marked=True)
        return
    rows = list(tree_rows(found.tree, found.form, found.inner, 2))
    at = _decides(rows, found.value)
    is_in_sight = at is not None and found.value in rows[at].text
    value = "" if is_in_sight else f"   {found.value}"
    yield Row(1, printable(f"{found.at}{value}".rstrip()), is_head=True)
    first = next((number for number, row in enumerate(rows) if row.text.startswith("  name:")), 0)
    decided = first if at is None else at
    yield from (structs.replace(row, is_marked=number == decided) for number, row in enumerate(rows))


def folded(excerpts: Iterable[Excerpt]) -> Folding:
    """Excerpts, folded as they are shown at first."""
    folding = Folding(row for one in excerpts for row in excerpt_rows(one))
    folding.fold_far()
    return folding


def _decides(rows: list[Row], value: str) -> int | None:
    """The deciding row: within the marked one, the row that holds the value."""
    marked = next((at for at, row in enumerate(rows) if row.is_marked), None)
    within = range(len(rows)) if marked is None else range(marked, Folding(rows).end(marked))
    return next((at for fits in _fits(value) for at in within if fits(rows[at].text.rstrip(","))), marked)


def _fits(value: str) -> list[Callable[[str], bool]]:
    """Tests whether a row holds a value, the most specific first."""
    if not value:
        return []
    name = value.rpartition("/")[2]
    own, named = (f'"{value}"', f" {value}"), (f"name: {name}", f'"name": "{name}"')
    return [
        lambda text: text.lstrip().startswith(('"cluster":', "cluster:")) and value in text,
        lambda text: text.endswith(own),
        lambda text: text.strip().endswith(named),
        lambda text: text.rstrip('"').endswith(value),
        lambda text: value in text,
    ]


def tree_rows(tree: Any, form: str, marked: Steps = (), depth: int = 0) -> Iterator[Row]:
    """A tree as the rows of its document, `json` or `yaml`, the one at `marked` marked."""
    if form == "json":
        yield from _json(tree, "", "", depth, 0, marked, is_on_way=True)
    else:
        yield from _yaml_rows(tree, marked, depth)


def _yaml_rows(tree: Any, marked: Steps, depth: int) -> Iterator[Row]:
    text = yamlio.dump(tree)
    path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f"[{json.dumps(step)}]" for step in marked)
    at = yamlio.line_of(text.encode("utf-8", "replace"), path) if marked else None
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        # Items of a list are indented like their key, but count as deeper.
        blanks = len(line) - len(line.lstrip(" "))
        deeper = 2 * blanks + line[blanks:].startswith("- ")
        yield Row(depth + deeper, _short(line), " ..", number == at)


def _json(tree: Any, key: str, comma: str, depth: int, level: int, marked: Steps, *, is_on_way: bool) -> Iterator[Row]:
    blanks = "  " * level
    is_marked = is_on_way and not marked and level > 0
    if not isinstance(tree, dict | list) or not tree:
        text = json.dumps(tree, ensure_ascii=False)
        yield Row(depth + 2 * level, _short(f"{blanks}{key}{text}{comma}"), "", is_marked)
        return
    opening, closing = ("{", "}") if isinstance(tree, dict) else ("[", "]")
    yield Row(depth + 2 * level, f"{blanks}{key}{opening}", f" .. {closing}{comma}", is_marked)
    members: Sequence[tuple[str | int, Any]] = list(tree.items() if isinstance(tree, dict) else enumerate(tree))
    for number, (name, member) in enumerate(members, 1):
        shown = f"{json.dumps(name, ensure_ascii=False)}: " if isinstance(name, str) else ""
        after = "," if number < len(members) else ""
        on_way = is_on_way and bool(marked) and name == marked[0]
        yield from _json(member, _short(shown), after, depth, level + 1, marked[1:], is_on_way=on_way)
    yield Row(depth + 2 * level + 1, f"{blanks}{closing}{comma}")


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]} .."
