"""Finds the parts of a text to replace so that its values change; everything else stays as it is."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec.structs import replace

from meshdoctor.errors import NotEditable
from meshdoctor.yamlio.alignment import aligned, same
from meshdoctor.yamlio.nodes import DocumentText, TextNode, column, line_end
from meshdoctor.yamlio.pieces import Style, as_entry, as_flow, as_item, as_json, as_value, gap_of, quote_of

_INSIDE = (dict, list)


class Splice(NamedTuple):
    """Replaces the characters from `start` to `end` by `text`."""

    start: int
    end: int
    text: str


class _Parent(NamedTuple):
    """What contains a value: block or flow, the column of its keys or dashes, and where `key:` or `-` ends."""

    is_flow: bool
    column: int
    after: int
    is_list: bool


class Splicer:
    """Collects the splices of one document. `where` names its file; with `is_json` only JSON is written.

    The text starts and ends with a line break, so that every line is between two.
    """

    def __init__(self, text: str, document: DocumentText, style: Style, where: str, *, is_json: bool) -> None:
        self.text = text
        self.document = document
        self.style = style
        self.where = where
        self.is_json = is_json
        self.splices: list[Splice] = []

    def change(self, old: Any, new: Any) -> list[Splice]:
        """The splices that turn the document's value `old` into `new`. Raises `NotEditable` at an alias."""
        root = self.document.root
        self._value(root, old, new, _Parent(self.is_json, 0, root.start, False), "$")
        return self.splices

    def _value(self, node: TextNode, old: Any, new: Any, parent: _Parent, path: str) -> None:
        if same(old, new):
            return
        if node.kind == "alias":
            raise self._refusal(f"{path} is an alias ({self.text[node.start : node.end]})")
        if node.anchor is not None and node.anchor in self.document.aliases:
            raise self._refusal(f"{path} is shared by an alias (&{node.anchor})")
        if node.kind == "mapping" and isinstance(new, dict) and self._mapping(node, old, new, path):
            return
        if node.kind == "sequence" and isinstance(new, list) and self._sequence(node, old, new, path):
            return
        self._replace(node, new, parent)

    def _mapping(self, node: TextNode, old: dict[str, Any], new: dict[str, Any], path: str) -> bool:
        """False where no key of the mapping stays: it is replaced whole."""
        positions = {key.value: index for index, key in enumerate(node.keys)}
        kept = [index for key, index in positions.items() if key in new or _merges(node.keys[index])]
        if not kept:
            return False
        previous: int | None = None
        for key, value in new.items():
            if key not in positions or _merges(node.keys[positions[key]]):
                if key not in old or not same(old[key], value):
                    self._insert(node, previous, kept, self._entry(node, key, value))
                continue
            previous = positions[key]
            inside = node.items[previous]
            after = self.text.find(":", node.keys[previous].end) + 1
            parent = _Parent(node.is_flow, column(self.text, node.begins(0)), after, False)
            self._value(inside, old[key], value, parent, f"{path}.{key}")
        for key in old:
            if key not in new and key not in positions:
                raise self._refusal(f"{path}.{key} comes from a merge key (<<)")
        removed = [index for index, key in enumerate(node.keys) if key.value not in new and not _merges(key)]
        self._remove(node, removed, kept)
        return True

    def _sequence(self, node: TextNode, old: list[Any], new: list[Any], path: str) -> bool:
        pairs = aligned(old, new)
        kept = [i for i, j in pairs if i is not None and j is not None]
        if not kept:
            return False
        previous: int | None = None
        for i, j in pairs:
            if j is None:
                continue
            if i is None:
                self._insert(node, previous, kept, self._item(node, new[j]))
                continue
            previous = i
            dash = column(self.text, node.opens)
            after = node.items[i].start if node.is_flow else self._dash(node, i) + 1
            self._value(node.items[i], old[i], new[j], _Parent(node.is_flow, dash, after, True), f"{path}[{i}]")
        self._remove(node, [i for i, j in pairs if i is not None and j is None], kept)
        return True

    def _replace(self, node: TextNode, new: Any, parent: _Parent) -> None:
        is_nested = bool(new) and type(new) in _INSIDE
        if parent.is_flow or (node.is_flow and node.items and is_nested):
            self.splices.append(Splice(node.start, node.end, self._flow(new, node.start, quote_of([node]))))
            return
        quote = quote_of([node] if node.kind == "text" else node.items)
        if parent.is_list:
            text = as_item(new, self.style, parent.column, quote).removeprefix("-")
        else:
            text = as_value(new, self.style, parent.column, quote)
        was_beside = node.end > node.start and (node.kind == "text" or node.is_flow)
        if was_beside and not is_nested and "\n" not in self.text[parent.after : node.start]:
            self._exchange(node.start, node.end, text.lstrip(" "))
        else:
            self._exchange(parent.after, node.end, text)

    def _exchange(self, start: int, end: int, text: str) -> None:
        """Replaces a value; a comment after it stays on its first line."""
        first, line_break, rest = text.partition(self.style.line_break)
        if line_break:
            line = line_end(self.text, end)
            self.splices.append(Splice(start, line, first + self.text[end:line] + line_break + rest))
        else:
            self.splices.append(Splice(start, end, text))

    def _insert(self, node: TextNode, previous: int | None, kept: list[int], item: str) -> None:
        """Inserts an item after the item `previous`, or before the first that is kept."""
        before = min(kept)
        if node.is_flow:
            gap = self._gap(node)
            if previous is None:
                self.splices.append(Splice(node.begins(before), node.begins(before), f"{item},{gap}"))
            else:
                self.splices.append(Splice(node.items[previous].end, node.items[previous].end, f",{gap}{item}"))
            return
        start = node.begins(before) if node.keys else self._dash(node, before)
        indent = " " * column(self.text, node.begins(0) if node.keys else node.opens)
        if previous is None:
            self.splices.append(Splice(start, start, item + self.style.line_break + indent))
        else:
            end = line_end(self.text, node.items[previous].end)
            self.splices.append(Splice(end, end, self.style.line_break + indent + item))

    def _remove(self, node: TextNode, removed: list[int], kept: list[int]) -> None:
        for index in removed:
            has_kept_before = min(kept) < index
            if node.is_flow and has_kept_before:
                self.splices.append(Splice(node.items[index - 1].end, node.items[index].end, ""))
                continue
            start = node.begins(index) if node.keys or node.is_flow else self._dash(node, index)
            if node.is_flow or (not has_kept_before and self._shares_line(node)):
                self.splices.append(Splice(start, self._next(node, index), ""))
            else:
                # Whole lines with the line break before each, so that insertions before them do not overlap.
                before = line_end(self.text, self.text.rindex("\n", 0, start))
                self.splices.append(Splice(before, line_end(self.text, node.items[index].end), ""))

    def _next(self, node: TextNode, index: int) -> int:
        """Start of the next item, or of a comment on a line of its own before it."""
        following = node.begins(index + 1) if node.keys or node.is_flow else self._dash(node, index + 1)
        if node.is_flow:
            return following
        comment = self.text.find("#", line_end(self.text, node.items[index].end), following)
        return comment if comment >= 0 else following

    def _shares_line(self, node: TextNode) -> bool:
        """The block starts after something else on its line: `- name: x`."""
        start = node.begins(0) if node.keys else node.opens
        return bool(self.text[start - column(self.text, start) : start].strip())

    def _dash(self, node: TextNode, index: int) -> int:
        """The dash of an item of a block list: the first in the column of the list after the item before."""
        if index == 0:
            return node.opens
        at = column(self.text, node.opens)
        line = line_end(self.text, node.items[index - 1].end)
        while line >= 0:
            line = self.text.find("\n", line) + 1
            if not line:
                break
            if self.text.startswith(" " * at + "-", line):
                return line + at
        raise self._refusal("a list has a layout that cannot be edited")

    def _gap(self, node: TextNode) -> str:
        """The text between a comma and the next item, in flow style."""
        last = node.begins(len(node.items) - 1)
        if len(node.items) == 1:
            gap = self.text[node.opens + 1 : last]
            if "\n" not in gap:
                return "" if self._is_tight() else " "
        else:
            gap = self.text[node.items[-2].end : last].partition(",")[2]
        return self.style.line_break + " " * column(self.text, last) if gap.strip() else gap

    def _entry(self, node: TextNode, key: str, value: Any) -> str:
        if not node.is_flow:
            return as_entry(key, value, self.style, column(self.text, node.begins(0)))
        if self.is_json:
            colon = ":" if self._is_tight() else ": "
            return as_json(key, indent=None, at="", is_tight=True) + colon + self._flow(value, node.begins(0), "")
        return as_flow({key: value}).removeprefix("{").removesuffix("}")

    def _item(self, node: TextNode, value: Any) -> str:
        quote = quote_of(node.items)
        if node.is_flow:
            return self._flow(value, node.begins(0), quote)
        style = replace(self.style, gap=gap_of(self.text, node))
        return as_item(value, style, column(self.text, node.opens), quote)

    def _flow(self, value: Any, place: int, quote: str) -> str:
        if not self.is_json:
            return as_flow(value, quote)
        line = self.text[place - column(self.text, place) : place]
        at = line[: len(line) - len(line.lstrip())]
        root = self.document.root
        before = self.text[root.opens + 1 : root.begins(0)] if root.items else ""
        indent = before.rsplit("\n", 1)[1] if "\n" in before else None
        return as_json(value, indent=indent, at=at, is_tight=self._is_tight())

    def _is_tight(self) -> bool:
        return self.is_json and '": ' not in self.text and '" :' not in self.text

    def _refusal(self, because: str) -> NotEditable:
        shown = because if because.isprintable() else ascii(because)
        return NotEditable(f"{self.where}: {shown}. Write the values out there, or use --export.")


def _merges(key: TextNode) -> bool:
    """YAML 1.1's merge key, `<<` without quotes."""
    return key.value == "<<" and not key.style
