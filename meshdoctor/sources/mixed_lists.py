"""Splits a List of several kinds into documents of one kind each."""

from __future__ import annotations

import re

from meshdoctor import yamlio
from meshdoctor.model.evidence import Document
from meshdoctor.sources.limits import Limits
from meshdoctor.sources.source_tree import SourceFile

_SMALL = 4096
"""Bytes that an empty List needs at most."""
_OF_EVERY_CLUSTER = re.compile(rb"""name"?: "?kubernetes"?,?\s+"?namespace"?: "?default\b""")
"""Name and namespace of the Service that the API server keeps for itself, as kubectl prints them side by side."""


class MixedList:
    """A List that `kubectl get kind,kind ... -o yaml` printed, or another file in its place.

    Its documents keep the index and line of every item in the file. A file that is not as kubectl prints it is given
    whole for each kind. The constructor reads the file, and raises `Unreadable`.
    """

    def __init__(self, found: SourceFile, shown: str, limits: Limits) -> None:
        self._whole = found.as_document(shown, limits, found.origin)
        data = self._whole.read()
        self._text = yamlio.split_list(data)
        self.is_whole = self._text is None or self._text.is_whole
        """False where the List has no end."""
        self.is_empty = self._is_empty(data)
        """There is no item in it."""
        self.is_whole_cluster = _OF_EVERY_CLUSTER.search(data) is not None
        """It lists the Services of all namespaces: the Service that every cluster has is in it."""

    def may_hold(self, kind: str) -> bool:
        """Whether an item of this kind is in it, as far as its text shows without parsing it."""
        if self._text is not None:
            return kind in self._text.kinds()
        return re.search(rf'"?kind"?:\s*"?{kind}\b'.encode(), self._whole.read()) is not None

    def document(self, kind: str) -> Document:
        """The items of one kind; an empty List where there are none."""
        return Document(self._whole.path, lambda: self._only(kind), self._whole.size, self._whole.origin, is_mixed=True)

    def _only(self, kind: str) -> bytes:
        if self._text is None:
            return self._whole.read()
        return yamlio.only(self._whole.read(), self._text, kind)

    def _is_empty(self, data: bytes) -> bool:
        if self._text is not None:
            return not self._text.items
        if len(data) > _SMALL:
            return False
        trees = yamlio.load_documents(data, self._whole.path)
        return all(isinstance(tree, dict) and tree.get("items", [tree]) in ([], None) for tree in trees)
