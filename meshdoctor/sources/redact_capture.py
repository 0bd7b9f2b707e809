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
from meshdoctor.sources.documents import list_document, packed_document
from meshdoctor.sources.redact import Removals, redact_object, redact_page

_SUFFIXES = (".yaml", ".yml", ".json")


def redacted(capture: Capture, removals: Removals) -> Capture:
    """The same evidence without secrets, resources as one List per kind. What cannot be read is noted in `unread`."""
    documents: dict[str, Document] = {}
    unread = list(capture.unread)
    for path, document in capture.documents.items():
        try:
            made = _redacted(path, document, removals)
        except (Unreadable, OSError) as problem:
            unread.append(Unread(path, str(problem)))
            continue
        documents[made.path] = made
    return structs.replace(capture, documents=documents, unread=tuple(unread))


def _redacted(path: str, document: Document, removals: Removals) -> Document:
    if path.startswith("resources/") and path.endswith(_SUFFIXES):
        target = f"{path.rsplit('.', 1)[0]}.yaml"
        trees = yamlio.load_documents(document.read(), document.origin or path)
        return list_document(target, [redact_object(target, item, removals) for item in _items(trees)])
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


def _items(trees: list[Any]) -> Iterator[dict[str, Any]]:
    """Every object of a document: the items of its Lists, with the kind of the List, and single objects."""
    for tree in trees:
        if isinstance(tree, list):
            yield from _items(tree)
        elif isinstance(tree, dict) and isinstance(tree.get("items"), list):
            kind = str(tree.get("kind") or "").removesuffix("List")
            given = {"apiVersion": tree.get("apiVersion"), "kind": kind} if kind else {}
            yield from ({**given, **item} for item in tree["items"] if isinstance(item, dict))
        elif isinstance(tree, dict):
            yield tree
