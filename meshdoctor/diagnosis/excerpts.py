"""The part of a document that a piece of evidence points to, with its surroundings, for display.

Of a large config dump only the parts on the path are decoded. Secrets are redacted.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Capture, Document, Evidence
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.egress_kinds import PLURALS
from meshdoctor.sources.redact import Removals, redact_object, redact_page

_WHOLE = 6000
"""Bytes of compact JSON that are shown as a whole."""
_LONGEST = 300_000
"""Bytes of a value from which it is not shown."""
_DUMPS = (".json",)
_PLAIN = re.compile(r"[A-Za-z_][\w-]*\Z")

Steps = Sequence[str | int]


class Excerpt(Struct, frozen=True, kw_only=True):
    """A part of a document. Where it cannot be shown, `because` says why and there is no `tree`."""

    document: str
    at: str = ""
    """JSONPath of the part in its document."""
    line: int | None = None
    """1-based line of the evidence in the document, for YAML."""
    form: str = "json"
    """`json` or `yaml`: how the document is written."""
    tree: Any = None
    inner: Steps = ()
    """The path from the part to the deciding value; empty where the part is that value, or where none is known."""
    value: str = ""
    """The deciding value, as in the finding."""
    because: str = ""


def excerpt(capture: Capture, piece: Evidence) -> Excerpt:
    """The part of a document around a piece of evidence. Never raises: `because` says what went wrong."""
    form = "json" if piece.document.endswith(_DUMPS) else "yaml"
    bare = Excerpt(document=piece.document, line=piece.line, form=form, value=piece.value)
    documents = _documents(capture, piece.document)
    steps = yamlio.steps_of(piece.path) if piece.path else None
    if not documents:
        return structs.replace(bare, because="this document was not read")
    if steps is None:
        because = f"{piece.path} is not a path in the document" if piece.path else "the document as a whole"
        return structs.replace(bare, because=because)
    for document in documents:
        try:
            found = _of_dump(document, steps) if form == "json" else _of_resources(document, steps)
        except (Unreadable, OSError, ValueError, LookupError, TypeError):
            continue
        if found is not None:
            tree, length = found
            return structs.replace(bare, at=_path(steps[:length]), tree=tree, inner=tuple(steps[length:]))
    return structs.replace(bare, because=f"{piece.path} could not be read from the document")


def resource(capture: Capture, ref: ObjectRef) -> Excerpt:
    """An object as it was read, whole. Never raises."""
    path = f"resources/{PLURALS.get(ref.kind, '')}.yaml"
    for document in _documents(capture, path):
        try:
            for steps, body in _objects(document):
                metadata = body.get("metadata") or {}
                names = (metadata.get("namespace") or "", metadata.get("name"))
                if names == (ref.namespace, ref.name) and body.get("kind", ref.kind) == ref.kind:
                    return Excerpt(document=path, at=_path(steps), form="yaml", tree=_clean_object(body))
        except (Unreadable, OSError, ValueError):
            continue
    return Excerpt(document=path, form="yaml", because="this object was not read")


def _path(steps: Iterable[str | int]) -> str:
    """Steps as a JSONPath, as in evidence."""
    parts = ["$"]
    for step in steps:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _PLAIN.match(step):
            parts.append(f".{step}")
        else:
            escaped = step.replace("\\", "\\\\").replace("'", "\\'")
            parts.append(f"['{escaped}']")
    return "".join(parts)


def _documents(capture: Capture, path: str) -> list[Document]:
    """The documents with this path for the user, the one with this key first."""
    own = [capture.documents[path]] if path in capture.documents else []
    return own + [one for key, one in capture.documents.items() if one.path == path and key != path]


def _of_dump(document: Document, steps: Steps) -> tuple[Any, int] | None:
    """The part to show, and how many steps lead to it."""
    raws = list(_values_on(Raw(document.read()), steps))
    if len(raws) <= len(steps) or len(bytes(raws[-1])) > _LONGEST:
        return None
    length = len(steps)
    while length > 1 and len(bytes(raws[length - 1])) <= _WHOLE:
        length -= 1
    clean = redact_page(document.path, _as_page(steps[:length], bytes(raws[length])), Removals())
    tree = json.loads(clean)
    for _ in steps[:length]:
        tree = tree[0] if isinstance(tree, list) else next(iter(tree.values()))
    return tree, length


def _as_page(steps: Steps, part: bytes) -> bytes:
    """The part inside the keys that lead to it: redaction depends on their names."""
    for step in reversed(steps):
        part = b"[" + part + b"]" if isinstance(step, int) else b"{" + json.dumps(step).encode() + b":" + part + b"}"
    return part


def _values_on(raw: Raw, steps: Steps) -> Iterator[Raw]:
    """The document, then the value at each step, as far as the path exists."""
    yield raw
    for step in steps:
        if isinstance(step, int):
            items = msgspec.json.decode(raw, type=list[Raw])
            if step >= len(items):
                return
            raw = items[step]
        else:
            members = msgspec.json.decode(raw, type=dict[str, Raw])
            if step not in members:
                return
            raw = members[step]
        yield raw


def _of_resources(document: Document, steps: Steps) -> tuple[Any, int] | None:
    """The object on the path, and the number of steps to it."""
    for length, body in _trees_on(document, steps):
        if isinstance(body, dict) and "metadata" in body and "items" not in body:
            return _clean_object(body), length
    return None


def _trees_on(document: Document, steps: Steps) -> Iterator[tuple[int, Any]]:
    data = b"" if document.tree else document.read()
    text = None if document.tree else yamlio.split_list(data)
    if text is not None and len(steps) > 1 and steps[0] == "items" and isinstance(steps[1], int):
        item = text.items[steps[1]]
        yield 2, yamlio.load_documents(data[item.start : item.end], document.path)[0][0]
        return
    tree: Any = document.tree() if document.tree else yamlio.load_documents(data, document.path)
    if not document.tree:
        tree = tree if len(tree) > 1 and isinstance(steps[0], int) else tree[0]
    yield 0, tree
    for length, step in enumerate(steps, 1):
        tree = tree[step]
        yield length, tree


def _objects(document: Document) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Every object of a document with its path."""
    trees: Sequence[Any] = [document.tree()] if document.tree else yamlio.load_documents(document.read(), document.path)
    for number, tree in enumerate(trees):
        first: Steps = (number,) if len(trees) > 1 else ()
        if isinstance(tree, dict) and isinstance(tree.get("items"), list):
            kind = str(tree.get("kind") or "").removesuffix("List")
            for index, item in enumerate(tree["items"]):
                if isinstance(item, dict):
                    yield (*first, "items", index), {"kind": kind, **item} if kind else item
        elif isinstance(tree, dict):
            yield first, tree


def _clean_object(body: dict[str, Any]) -> dict[str, Any]:
    return redact_object("", copy.deepcopy(body), Removals())
