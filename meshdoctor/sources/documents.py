"""Documents that meshdoctor makes itself: a List of objects, and evidence held in memory compressed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NoReturn

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Document

_LEVEL = 1
_SMALL = 4096


def list_document(path: str, items: Sequence[dict[str, Any]]) -> Document:
    """A Kubernetes List as a document. Its text is made when it is read: most kinds are used as objects only."""
    tree = {"apiVersion": "v1", "kind": "List", "items": list(items)}
    return Document(path, cache(partial(_as_yaml, tree)), 0, tree=lambda: tree)


def _as_yaml(tree: dict[str, Any]) -> bytes:
    """The List as YAML, dumped item by item: the whole at once takes twice the time and ten times the memory."""
    if not tree["items"]:
        return yamlio.dump(tree).encode()
    head = yamlio.dump({name: value for name, value in tree.items() if name != "items"})
    return "".join((head, "items:\n", *(yamlio.dump([item]) for item in tree["items"]))).encode()


def missing_document(shown: str, because: str) -> Document:
    """A dump that is missing: reading it raises the reason, so that its proxy is reported as not read."""

    def refuse() -> NoReturn:
        raise Unreadable(f"{shown} {because}")

    return Document(shown, refuse, 0)


def packed_document(path: str, content: bytes) -> Document:
    """A document that keeps its content compressed: a config dump shrinks twentyfold."""
    if len(content) < _SMALL:
        return Document(path, lambda: content, len(content))
    import zstandard

    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(content)
    return Document(path, lambda: zstandard.ZstdDecompressor().decompress(packed), len(packed))
