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
from meshdoctor.semantics.kubernetes.lists import incomplete, is_list, refusal
from meshdoctor.sources.documents import list_document, packed_document
from meshdoctor.sources.redact import Removals, redact_object, redact_page

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
        if read.problem and not read.documents:
            raise Unreadable(read.problem)
        lists = _lists(read.documents, b"" if read.problem else text, reasons := [read.problem])
        unread += [Unread(target, because) for because in filter(None, reasons)]
        return list_document(target, [redact_object(target, item, removals) for item in lists])
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


def _lists(trees: list[Any], text: bytes, reasons: list[str]) -> Iterator[dict[str, Any]]:
    """Every object of a document: the items of its Lists, with the kind of the List, and single objects.

    What is missing is added to `reasons`.
    """
    for tree in trees:
        if isinstance(tree, list):
            yield from _lists(tree, b"", reasons)
        elif isinstance(tree, dict) and isinstance(tree.get("items"), list):
            kind = str(tree.get("kind") or "").removesuffix("List")
            given = {"apiVersion": tree.get("apiVersion"), "kind": kind} if kind else {}
            found, count = incomplete(tree, text)
            reasons += found
            yield from ({**given, **item} for item in tree["items"][:count] if isinstance(item, dict))
        elif isinstance(tree, dict) and not is_list(tree):
            yield tree
        else:
            reasons.append("is not a List of objects, or has none")
