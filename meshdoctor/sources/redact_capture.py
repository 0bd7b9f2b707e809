"""Redacts a capture that was read from files as a live one is, so that it can be passed on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec import Struct, structs

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.model.access_log import FILE, RAW_FILE
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.semantics.envoy.log_summary import decode, digest, encode
from meshdoctor.semantics.istio.egress_kinds import KINDS
from meshdoctor.semantics.kubernetes.lists import incomplete, is_list, refusal
from meshdoctor.sources.capture_layout import DNS
from meshdoctor.sources.documents import list_document, packed_document
from meshdoctor.sources.kept.texts import kept_name
from meshdoctor.sources.redact import Removals
from meshdoctor.sources.redaction import Redaction
from meshdoctor.text.printable import printable
from meshdoctor.text.redaction import clean_text

_SUFFIXES = (".yaml", ".yml", ".json")


def redacted(capture: Capture, removals: Removals, redaction: Redaction, *, has_clean_pages: bool = False) -> Capture:
    """The evidence that a capture keeps, resources as one List per kind. What cannot be read is noted in `unread`, and
    so is what a List says of itself that the List made of it could not.

    `has_clean_pages`: those of a live cluster were redacted when they were read.
    """
    return _Redactor(removals, redaction, has_clean_pages).capture(capture)


class _Redactor(Struct):
    removals: Removals
    redaction: Redaction
    has_clean_pages: bool

    def capture(self, capture: Capture) -> Capture:
        documents: dict[str, Document] = {}
        unread = [Unread(kept_name(note.path), clean_text(note.because)[0]) for note in capture.unread]
        for path, document in capture.documents.items():
            try:
                made = self._document(path, document, unread)
            except (Unreadable, OSError) as problem:
                unread.append(Unread(path, str(problem)))
                continue
            documents[made.path] = made
        return structs.replace(capture, documents=documents, unread=tuple(unread))

    def _document(self, path: str, document: Document, unread: list[Unread]) -> Document:
        if path.startswith(("resources/", "manifests/")) and path.endswith(_SUFFIXES):
            target = f"{path.rsplit('.', 1)[0]}.yaml"
            items = document.tree()["items"] if document.tree else _read_items(path, target, document, unread)
            return list_document(target, [self.redaction.object(target, item, self.removals) for item in items])
        if path.endswith(f"/{RAW_FILE}"):
            # No pattern finds secrets in paths and queries of requests: only the counts are passed on.
            return packed_document(path.replace(RAW_FILE, FILE), encode(digest(document.read())))
        if path.endswith(f"/{FILE}"):
            return packed_document(path, encode(decode(document.read(), path)))
        is_own = self.has_clean_pages and path.startswith("proxies/")
        if is_own or not (path.startswith("proxies/") or path == DNS):
            return structs.replace(document, path=path)
        return structs.replace(document, path=path, read=partial(self._page, path, document), tree=None)

    def _page(self, path: str, document: Document) -> bytes:
        own = Removals()
        content = self.redaction.page(path, document.read(), own)
        self.removals.replace(path, own)
        return content


def _read_items(path: str, target: str, document: Document, unread: list[Unread]) -> list[dict[str, Any]]:
    """The objects of a document; what it lacks is added to `unread`. Raises `Unreadable`."""
    text = document.read()
    read = yamlio.load_partly(text, document.origin or path)
    if refused := next(filter(None, map(refusal, read.documents)), ""):
        raise Unreadable(refused)
    reasons = [read.problem] if read.problem else []
    if read.duplicates:
        reasons.append(f"an object has the key {', '.join(read.duplicates)} twice with different values")
    is_of_kind = path.startswith("resources/")
    kind = KINDS.get(path.split("/")[1].rsplit(".", 1)[0], "") if is_of_kind else ""
    expected = "" if document.is_mixed else kind
    items = list(_items(read.documents, b"" if read.problem else text, expected, reasons))
    is_alone = is_of_kind and path.count("/") == 1 and items
    if is_alone and not any(isinstance(t, list) or is_list(t) for t in read.documents):
        reasons.append(f"is no List: whether there are other objects of kind {kind} is not known")
    if reasons and not items:
        raise Unreadable("; ".join(reasons))
    if document.is_mixed:
        items = [item for item in items if item.get("kind", kind) == kind]
    unread += [Unread(target, printable(because)) for because in reasons]
    return items


def _items(trees: list[Any], text: bytes, kind: str, reasons: list[str]) -> Iterator[dict[str, Any]]:
    """Every object of a document: the items of its Lists, with the kind of the List, and single objects.

    What is missing of the objects of `kind`, empty where any may be there, is added to `reasons`.
    """
    if not trees and not reasons:
        reasons.append("contains no List")
    for tree in trees:
        items = tree if isinstance(tree, list) else tree.get("items") if isinstance(tree, dict) else None
        if isinstance(items, list):
            own = str(tree.get("kind") or "").removesuffix("List") if isinstance(tree, dict) else ""
            given = {"apiVersion": tree.get("apiVersion"), "kind": own} if own and isinstance(tree, dict) else {}
            found, count = incomplete(tree, text) if isinstance(tree, dict) else ([], len(items))
            reasons += found
            if own and kind and own != kind:
                reasons.append(f"is a List of {own} objects, not of {kind}")
            if not all(isinstance(item, dict) for item in items):
                reasons.append("contains items that are no objects")
            yield from ({**given, **item} for item in items[:count] if isinstance(item, dict))
        elif isinstance(tree, dict) and not is_list(tree) and "kind" in tree:
            yield tree
        elif not (isinstance(tree, dict) and tree.get("items", "") is None and tree.get("kind") != "List"):
            reasons.append("is not a List of objects")
