"""Redacts a capture that was read from files as a live one is, so that it can be passed on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec import structs

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.model.access_log import FILE, RAW_FILE
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.semantics.envoy.log_summary import digest, encode
from meshdoctor.semantics.istio.egress_kinds import KINDS
from meshdoctor.semantics.kubernetes.lists import incomplete, is_list, refusal
from meshdoctor.sources.documents import list_document, packed_document
from meshdoctor.sources.redact import Removals, redact_object, redact_page
from meshdoctor.text.printable import printable

_SUFFIXES = (".yaml", ".yml", ".json")


def redacted(capture: Capture, removals: Removals) -> Capture:
    """The same evidence without secrets, resources as one List per kind. What cannot be read is noted in `unread`, and
    so is what a List says of itself that the List made of it could not."""
    documents: dict[str, Document] = {}
    unread = list(capture.unread)
    for path, document in capture.documents.items():
        try:
            made = _redacted(path, document, removals, unread)
        except (Unreadable, OSError) as problem:
            unread.append(Unread(path, str(problem)))
            continue
        documents[made.path] = made
    return structs.replace(capture, documents=documents, unread=tuple(unread))


def _redacted(path: str, document: Document, removals: Removals, unread: list[Unread]) -> Document:
    if path.startswith("resources/") and path.endswith(_SUFFIXES):
        target = f"{path.rsplit('.', 1)[0]}.yaml"
        text = document.read()
        read = yamlio.load_partly(text, document.origin or path)
        if refused := next(filter(None, map(refusal, read.documents)), ""):
            raise Unreadable(refused)
        reasons = [read.problem] if read.problem else []
        if read.duplicates:
            reasons.append(f"an object has the key {', '.join(read.duplicates)} twice with different values")
        kind = KINDS.get(path.split("/")[1].rsplit(".", 1)[0], "")
        items = list(_items(read.documents, b"" if read.problem else text, kind, reasons))
        if path.count("/") == 1 and items and not any(isinstance(t, list) or is_list(t) for t in read.documents):
            reasons.append(f"is no List: whether there are other objects of kind {kind} is not known")
        if reasons and not items:
            raise Unreadable("; ".join(reasons))
        unread += [Unread(target, printable(because)) for because in reasons]
        return list_document(target, [redact_object(target, item, removals) for item in items])
    if path.endswith(f"/{RAW_FILE}"):
        # No pattern finds secrets in paths and queries of requests: only the counts are passed on.
        return packed_document(path.replace(RAW_FILE, FILE), encode(digest(document.read())))
    if path.startswith("proxies/"):
        return structs.replace(document, path=path, read=partial(_page, path, document, removals), tree=None)
    return structs.replace(document, path=path)


def _page(path: str, document: Document, removals: Removals) -> bytes:
    own = Removals()
    content = redact_page(path, document.read(), own)
    removals.replace(path, own)
    return content


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
