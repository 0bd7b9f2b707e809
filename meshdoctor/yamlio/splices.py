"""Which characters of a text have to change for its values to change: everything else stays as it was typed."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec.structs import replace

from meshdoctor.errors import NotEditable
from meshdoctor.yamlio.alignment import aligned, same
from meshdoctor.yamlio.nodes import DocumentText, TextNode, column, line_end
from meshdoctor.yamlio.pieces import Style, as_entry, as_flow, as_item, as_json, as_value, gap_of, quote_of

_INSIDE = (dict, list)


class Splice(NamedTuple):
    """The characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


class _Holder(NamedTuple):
    """What a value stands in: block or flow, the column of its keys or dashes, and where `key:` or `-` ends."""

    is_flow: bool
    column: int
    behind: int
    is_list: bool


class Splicer:
    """Collects the splices of one document. `where` names its file; with `is_json` no YAML is put into it.

    The text begins with a line break and ends with one, so that every line stands between two.
    """

    def __init__(self, text: str, document: DocumentText, style: Style, where: str, *, is_json: bool) -> None:
        self.text = text
        self.document = document
        self.style = style
        self.where = where
        self.is_json = is_json
        self.splices: list[Splice] = []

    def change(self, old: Any, new: Any) -> list[Splice]:
        """The splices that turn the document's value `old` into `new`. Raises `NotEditable` where an alias is met."""
        root = self.document.root
        self._value(root, old, new, _Holder(self.is_json, 0, root.start, False), "$")
        return self.splices

    def _value(self, node: TextNode, old: Any, new: Any, holder: _Holder, path: str) -> None:
        if same(old, new):
            return
        self._refuse_shared(node, path)
        if node.kind == "mapping" and isinstance(new, dict) and self._mapping(node, old, new, path):
            return
        if node.kind == "sequence" and isinstance(new, list) and self._sequence(node, old, new, path):
            return
        self._replace(node, new, holder)

    def _mapping(self, node: TextNode, old: dict[str, Any], new: dict[str, Any], path: str) -> bool:
        """False where nothing of the mapping stays, so that it is replaced whole."""
        places = {key.value: index for index, key in enumerate(node.keys)}
        kept = [index for key, index in places.items() if key in new or _merges(node.keys[index])]
        if not kept:
            return False
        stays: int | None = None
        for key, value in new.items():
            if key not in places or _merges(node.keys[places[key]]):
                if key not in old or not same(old[key], value):
                    self._insert(node, stays, kept, self._entry(node, key, value))
                continue
            stays = places[key]
            inside = node.items[stays]
            behind = self.text.find(":", node.keys[stays].end) + 1
            holder = _Holder(node.is_flow, column(self.text, node.begins(0)), behind, False)
            self._value(inside, old[key], value, holder, f"{path}.{key}")
        for key in old:
            if key not in new and key not in places:
                raise self._refusal(f"{path}.{key} comes from a merge key (<<)")
        gone = [index for index, key in enumerate(node.keys) if key.value not in new and not _merges(key)]
        self._remove(node, gone, kept)
        return True

    def _sequence(self, node: TextNode, old: list[Any], new: list[Any], path: str) -> bool:
        pairs = aligned(old, new)
        kept = [i for i, j in pairs if i is not None and j is not None]
        if not kept:
            return False
        stays: int | None = None
        for i, j in pairs:
            if j is None:
                continue
            if i is None:
                self._insert(node, stays, kept, self._item(node, new[j]))
                continue
            stays = i
            dash = column(self.text, node.opens)
            behind = node.items[i].start if node.is_flow else self._dash(node, i) + 1
            self._value(node.items[i], old[i], new[j], _Holder(node.is_flow, dash, behind, True), f"{path}[{i}]")
        self._remove(node, [i for i, j in pairs if i is not None and j is None], kept)
        return True

    def _replace(self, node: TextNode, new: Any, holder: _Holder) -> None:
        is_nested = bool(new) and type(new) in _INSIDE
        if holder.is_flow or (node.is_flow and node.items and is_nested):
            self.splices.append(Splice(node.start, node.end, self._flow(new, node.start, quote_of([node]))))
            return
        quote = quote_of([node] if node.kind == "text" else node.items)
        if holder.is_list:
            text = as_item(new, self.style, holder.column, quote).removeprefix("-")
        else:
            text = as_value(new, self.style, holder.column, quote)
        was_beside = node.end > node.start and (node.kind == "text" or node.is_flow)
        if was_beside and not is_nested and "\n" not in self.text[holder.behind : node.start]:
            self._put(node.start, node.end, text.lstrip(" "))
        else:
            self._put(holder.behind, node.end, text)

    def _put(self, start: int, end: int, text: str) -> None:
        """Exchanges a value; a remark behind it stays on the line that it begins on."""
        first, line_break, rest = text.partition(self.style.line_break)
        if line_break:
            line = line_end(self.text, end)
            self.splices.append(Splice(start, line, first + self.text[end:line] + line_break + rest))
        else:
            self.splices.append(Splice(start, end, text))

    def _insert(self, node: TextNode, stays: int | None, kept: list[int], piece: str) -> None:
        """Puts a piece behind the item `stays`, or in front of the first that is kept."""
        before = min(kept)
        if node.is_flow:
            gap = self._gap(node)
            if stays is None:
                self.splices.append(Splice(node.begins(before), node.begins(before), f"{piece},{gap}"))
            else:
                self.splices.append(Splice(node.items[stays].end, node.items[stays].end, f",{gap}{piece}"))
            return
        start = node.begins(before) if node.keys else self._dash(node, before)
        indent = " " * column(self.text, node.begins(0) if node.keys else node.opens)
        if stays is None:
            self.splices.append(Splice(start, start, piece + self.style.line_break + indent))
        else:
            end = line_end(self.text, node.items[stays].end)
            self.splices.append(Splice(end, end, self.style.line_break + indent + piece))

    def _remove(self, node: TextNode, gone: list[int], kept: list[int]) -> None:
        for index in gone:
            has_kept_before = min(kept) < index
            if node.is_flow and has_kept_before:
                self.splices.append(Splice(node.items[index - 1].end, node.items[index].end, ""))
                continue
            start = node.begins(index) if node.keys or node.is_flow else self._dash(node, index)
            if node.is_flow or (not has_kept_before and self._stands_behind(node)):
                self.splices.append(Splice(start, self._next(node, index), ""))
            else:
                self.splices.append(self._lines(start, node.items[index].end))

    def _next(self, node: TextNode, index: int) -> int:
        """Where the next item begins, or a comment on a line of its own in front of it."""
        following = node.begins(index + 1) if node.keys or node.is_flow else self._dash(node, index + 1)
        if node.is_flow:
            return following
        comment = self.text.find("#", line_end(self.text, node.items[index].end), following)
        return comment if comment >= 0 else following

    def _lines(self, start: int, end: int) -> Splice:
        """Takes whole lines out, with the break in front of each: what is put in behind the line before stays clear."""
        before = self.text.rindex("\n", 0, start)
        return Splice(line_end(self.text, before), line_end(self.text, end), "")

    def _stands_behind(self, node: TextNode) -> bool:
        """The block begins behind something else on its line: `- name: x`."""
        start = node.begins(0) if node.keys else node.opens
        return bool(self.text[start - column(self.text, start) : start].strip())

    def _dash(self, node: TextNode, index: int) -> int:
        """The dash of a block list's item: the first on a line, in the list's column, behind the item before."""
        if index == 0:
            return node.opens
        wide = column(self.text, node.opens)
        line = line_end(self.text, node.items[index - 1].end)
        while line >= 0:
            line = self.text.find("\n", line) + 1
            if not line:
                break
            if self.text.startswith(" " * wide + "-", line):
                return line + wide
        raise self._refusal("a list is laid out in a way that cannot be followed")

    def _gap(self, node: TextNode) -> str:
        """What stands between a comma and the next item, in flow style."""
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
        return as_json(value, indent=self._json_indent(), at=at, is_tight=self._is_tight())

    def _json_indent(self) -> str | None:
        root = self.document.root
        before = self.text[root.opens + 1 : root.begins(0)] if root.items else ""
        return before.rsplit("\n", 1)[1] if "\n" in before else None

    def _is_tight(self) -> bool:
        return self.is_json and '": ' not in self.text and '" :' not in self.text

    def _refuse_shared(self, node: TextNode, path: str) -> None:
        if node.kind == "alias":
            raise self._refusal(f"{path} is an alias ({self.text[node.start : node.end]})")
        if node.anchor is not None and node.anchor in self.document.aliases:
            raise self._refusal(f"{path} is shared by an alias (&{node.anchor})")

    def _refusal(self, because: str) -> NotEditable:
        told = because if because.isprintable() else ascii(because)
        return NotEditable(f"{self.where}: {told}. Write the values out there, or use --export.")


def _merges(key: TextNode) -> bool:
    """YAML 1.1's merge key, `<<` without quotes."""
    return key.value == "<<" and not key.style
