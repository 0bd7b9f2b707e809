"""Documents that meshdoctor makes itself: a List of objects, and evidence held in memory compressed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NoReturn

import msgspec

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Document

_LEVEL = 1
_SMALL = 4096


def list_document(path: str, items: Sequence[dict[str, Any]]) -> Document:
    """A Kubernetes List as a document. Its text is made when it is read: most kinds are used as objects only.

    The objects are kept as compressed JSON, which takes a fiftieth of what they take as dicts, and parsed for each use.
    """
    packed = _packed(msgspec.json.encode({"apiVersion": "v1", "items": items, "kind": "List"}))

    def tree() -> Any:
        return msgspec.json.decode(_unpacked(packed))

    text = cache(lambda: _packed(_as_yaml(tree())))
    return Document(path, lambda: _unpacked(text()), len(packed), tree=tree)


def _as_yaml(tree: dict[str, Any]) -> bytes:
    """The List as YAML, dumped item by item: the whole at once takes twice the time and ten times the memory.

    `kind: List` comes last, as kubectl prints it: a file without it was cut short.
    """
    if not tree["items"]:
        return yamlio.EMPTY_LIST
    return "".join(
        ("apiVersion: v1\nitems:\n", *(yamlio.dump([item]) for item in tree["items"]), "kind: List\n")
    ).encode()


def missing_document(shown: str, because: str) -> Document:
    """A dump that is missing: reading it raises the reason, so that its proxy is reported as not read."""

    def refuse() -> NoReturn:
        raise Unreadable(f"{shown} {because}")

    return Document(shown, refuse, 0)


def packed_document(path: str, content: bytes) -> Document:
    """A document that keeps its content compressed: a config dump shrinks twentyfold."""
    if len(content) < _SMALL:
        return Document(path, lambda: content, len(content))
    packed = _packed(content)
    return Document(path, partial(_unpacked, packed), len(packed))


def _packed(content: bytes) -> bytes:
    import zstandard

    # The compressor returns a buffer as large as the worst case, of which only the start is used: it is copied.
    return bytes(memoryview(zstandard.ZstdCompressor(level=_LEVEL).compress(content)))


def _unpacked(packed: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdDecompressor().decompress(packed)
