"""Opens one document of Kubernetes objects, and says what of it could not be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from meshdoctor.errors import Unreadable
from meshdoctor.facts.resources.object_metadata import ObjectSource, is_ours
from meshdoctor.model.coverage import Completeness
from meshdoctor.model.evidence import Document, Pointer
from meshdoctor.semantics.istio.egress_kinds import PLURALS
from meshdoctor.semantics.kubernetes.lists import incomplete, is_list, refusal
from meshdoctor.text.printable import printable
from meshdoctor.yamlio import PartlyRead, load_partly, split_list

_KIND = re.compile(rb"""^\s*(?:- )?["']?kind["']?: *["']?(\w+)""", re.MULTILINE)


class OpenedDocument:
    """The objects of one document. `kind` is that of the items that have none, which the API server omits in Lists;
    empty for a manifest, which may hold any.

    `shortfalls` says what is missing: how it is missing, and why, for the user. The constructor raises `Unreadable`
    where the user named the file and it is not a file of objects.
    """

    def __init__(self, document: Document, kind: str) -> None:
        self.document = document
        self.kind = kind
        self.objects: list[ObjectSource] = []
        self.shortfalls: list[tuple[Completeness, str]] = []
        self.is_list = False
        """One of its values is a List."""
        self._others: dict[str, int] = {}
        """Objects of other kinds, where none is expected."""
        self._text = b""
        self._breaks_off = False
        self._open(self._trees())

    @property
    def is_strict(self) -> bool:
        """Only objects of one kind are expected."""
        return bool(self.kind) and not self.document.is_mixed

    @property
    def kinds_in_text(self) -> frozenset[str]:
        """Plural kinds that a manifest names, read or not."""
        return frozenset(PLURALS[name] for found in _KIND.findall(self._text) if (name := found.decode()) in PLURALS)

    def _trees(self) -> PartlyRead:
        if self.document.tree is not None:
            return PartlyRead([self.document.tree()], "")
        try:
            self._text = self.document.read()
        except (Unreadable, OSError) as problem:
            if self.document.is_named:
                raise Unreadable(str(problem)) from None
            return PartlyRead([], str(problem))
        return load_partly(self._text, self.document.path)

    def _open(self, read: PartlyRead) -> None:
        self._breaks_off = bool(read.problem)
        for index, tree in enumerate(read.documents):
            root = "$" if len(read.documents) == 1 else f"$[{index}]"
            self.objects += self._opened(tree, Pointer(self.document.path, root))
        if read.problem:
            self._fall_short(read.problem)
        if read.duplicates:
            keys = ", ".join(printable(key) for key in read.duplicates)
            because = f"an object gives the key {keys} twice with different values; the last one was used"
            self._fall_short(because, Completeness.CONTRADICTED)
        if self._others and self.is_strict:
            named = ", ".join(f"{count} {printable(kind)}" for kind, count in self._others.items())
            self._fall_short(f"contains {named} where only {self.kind} objects are expected")
        if self.is_strict and not read.documents and not read.problem:
            self._fall_short(f"expected a Kubernetes List of {self.kind} objects, found none")
        refused = next((because for state, because in self.shortfalls if state is Completeness.REFUSED), "")
        if self.document.is_named and (read.problem or refused):
            why = read.problem or f"{self.document.path} {refused}."
            raise Unreadable(f"{why} Correct the file, or leave it out.")

    def _opened(self, tree: Any, pointer: Pointer) -> Iterator[ObjectSource]:
        if isinstance(tree, list):
            self.is_list = True
            yield from self._items(tree, pointer, "", "")
            return
        if not isinstance(tree, dict):
            self._fall_short(f"{pointer.path} is not a Kubernetes object")
            return
        own_kind, version = tree.get("kind"), tree.get("apiVersion")
        name = own_kind if isinstance(own_kind, str) else ""
        api_version = version if isinstance(version, str) else ""
        if refused := refusal(tree):
            self._fall_short(refused, Completeness.REFUSED)
        elif is_list(tree):
            yield from self._of_list(tree, name, api_version, pointer)
        elif is_ours(name, api_version) and self.kind in ("", name):
            yield ObjectSource(name, api_version, tree, pointer)
        elif self.is_strict and name:
            shown = f"{name} of {api_version}" if name == self.kind else name
            self._others[shown] = self._others.get(shown, 0) + 1
        elif self.is_strict:
            self._fall_short(f"{pointer.path} has no kind: expected a Kubernetes List of {self.kind} objects")

    def _of_list(self, tree: dict[str, Any], name: str, api_version: str, pointer: Pointer) -> Iterator[ObjectSource]:
        self.is_list = True
        inner = name.removesuffix("List")
        if self.is_strict and inner not in ("", self.kind):
            self._others[name] = self._others.get(name, 0) + 1
            return
        place = Pointer(pointer.document, pointer.path + ".items")
        yield from self._items(self._listed(tree, name), place, inner, "" if name == "List" else api_version)

    def _listed(self, tree: dict[str, Any], name: str) -> Any:
        """The items of a List; an item at which the text may have been cut is left out."""
        if "items" not in tree:
            self._fall_short("is a List without items; it may have been cut short")
            return []
        items = tree["items"]
        if items is None and name not in ("", "List"):
            return []
        reasons, count = incomplete(tree, b"" if self._breaks_off else self._text)
        for because in reasons:
            self._fall_short(because)
        return items[:count] if isinstance(items, list) else items

    def _items(self, items: Any, pointer: Pointer, kind: str, api_version: str) -> Iterator[ObjectSource]:
        """Items of a List. One without kind or apiVersion has the List's."""
        if not isinstance(items, list):
            self._fall_short(f"{pointer.path} is not a list")
            return
        for index, item in enumerate(items):
            place = Pointer(pointer.document, f"{pointer.path}[{index}]")
            inherited = {"kind": kind or self.kind, "apiVersion": api_version}
            yield from self._opened({**inherited, **item} if isinstance(item, dict) else item, place)

    def _fall_short(self, because: str, state: Completeness = Completeness.PARTIAL) -> None:
        self.shortfalls.append((state, because))


def missing_at_a_glance(document: Document, kind: str) -> bool:
    """Whether a document that is not parsed may lack objects of a kind; kubectl's Lists show it at once."""
    if document.tree is not None or document.is_mixed:
        return False
    try:
        text = split_list(document.read())
    except (Unreadable, OSError):
        return True
    return text is None or not text.is_whole or not text.kinds() <= {kind}
