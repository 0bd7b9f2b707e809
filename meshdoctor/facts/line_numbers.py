"""Line numbers for evidence in YAML documents, computed only for what is shown."""

from __future__ import annotations

from typing import TypeVar

from msgspec import structs

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Capture, Document, Evidence
from meshdoctor.model.finding import Finding
from meshdoctor.model.trace import Trace
from meshdoctor.yamlio import Lines

Shown = TypeVar("Shown", tuple[Finding, ...], Trace)


def with_lines(shown: Shown, capture: Capture) -> Shown:
    """The same findings or trace, their evidence in YAML documents completed with 1-based lines."""
    numbered = _Numbered(capture)
    if isinstance(shown, Trace):
        steps = (structs.replace(s, evidence=numbered.one(s.evidence)) if s.evidence else s for s in shown.steps)
        return structs.replace(shown, steps=tuple(steps))
    return tuple(structs.replace(f, evidence=tuple(numbered.one(e) for e in f.evidence)) for f in shown)


class _Numbered:
    """Finds line numbers; reads each document once and looks up each path once."""

    def __init__(self, capture: Capture) -> None:
        self._documents: dict[str, list[Document]] = {}
        for key, document in capture.documents.items():
            if key.endswith((".yaml", ".yml")):
                self._documents.setdefault(document.path, []).append(document)
        self._lines: dict[str, list[Lines]] = {}
        self._found: dict[tuple[str, str], int | None] = {}

    def one(self, piece: Evidence) -> Evidence:
        if piece.line is not None or not piece.path or piece.document not in self._documents:
            return piece
        place = (piece.document, piece.path)
        if place not in self._found:
            if piece.document not in self._lines:
                # of a file with several kinds, one text per kind, with the line numbers of the whole file
                self._lines[piece.document] = [Lines(_content(found)) for found in self._documents[piece.document]]
            lines = (part.of(piece.path) for part in self._lines[piece.document])
            self._found[place] = next((line for line in lines if line is not None), None)
        line = self._found[place]
        return structs.replace(piece, line=line) if line is not None else piece


def _content(document: Document) -> bytes:
    try:
        return document.read()
    except (Unreadable, OSError):
        return b""
