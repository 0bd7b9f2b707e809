"""The documents and objects of one pod, so that the evidence of one replica can be rewritten for another."""

from __future__ import annotations

import re
from array import array

from msgspec import Struct, structs

from meshdoctor.model.evidence import Evidence, Pointer

Orders = dict[str, "array[int]"]
"""Path of a list of the dump to the places of its items, in the order of their names."""

_ITEM = re.compile(r"(?P<list>\$\.configs(?:\[\d+\]|\.\w+)\.\w+)\[(?P<place>\d+)\]")


class PodEvidence(Struct, frozen=True):
    """The documents and objects that are one pod's own."""

    pod: str
    """`namespace/pod`."""
    folder: str = ""
    """`proxies/shop/web-1/`; empty where its evidence cannot be rewritten for a replica."""
    pointer: Pointer = Pointer("")
    """The pod's own object."""
    orders: Orders = {}

    def owns(self, piece: Evidence | Pointer) -> bool:
        """Whether this was seen in the pod's own documents or object: no other pod has the same piece."""
        if not self.folder:
            return False
        return piece.document.startswith(self.folder) or self.under_pointer(piece) is not None

    def under_pointer(self, piece: Evidence | Pointer) -> str | None:
        """The path below the pod's own object; None where it is of another."""
        own = self.pointer
        if not own.document or piece.document != own.document or not piece.path.startswith(own.path):
            return None
        rest = piece.path[len(own.path) :]
        return rest if not rest or rest[0] in ".[" else None

    def retold(self, piece: Evidence, other: PodEvidence) -> Evidence:
        """The same piece where it stands for a replica that is configured alike."""
        if not self.folder:
            return piece
        if piece.document.startswith(self.folder):
            document = other.folder + piece.document[len(self.folder) :]
            return structs.replace(piece, document=document, path=self._moved(piece.path, other))
        rest = self.under_pointer(piece)
        if rest is None:
            return piece
        return structs.replace(piece, document=other.pointer.document, path=other.pointer.path + rest)

    def _moved(self, path: str, other: PodEvidence) -> str:
        item = _ITEM.match(path)
        own = self.orders.get(item["list"]) if item else None
        if item is None or own is None:
            return path
        place = other.orders[item["list"]][own.index(int(item["place"]))]
        return f"{item['list']}[{place}]{path[item.end() :]}"
