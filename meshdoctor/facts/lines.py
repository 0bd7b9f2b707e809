"""Line numbers for evidence in YAML documents, worked out only for what is shown."""

from __future__ import annotations

from typing import TypeVar

from msgspec import structs

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Capture, Evidence
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
    """Looks lines up; each document is read once and each place in it looked up once."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._lines: dict[str, Lines] = {}
        self._found: dict[tuple[str, str], int | None] = {}

    def one(self, piece: Evidence) -> Evidence:
        if piece.line is not None or not piece.path or not piece.document.endswith((".yaml", ".yml")):
            return piece
        place = (piece.document, piece.path)
        if place not in self._found:
            self._found[place] = self._of(piece.document).of(piece.path)
        line = self._found[place]
        return structs.replace(piece, line=line) if line is not None else piece

    def _of(self, path: str) -> Lines:
        if path not in self._lines:
            document = self._capture.documents.get(path)
            try:
                data = document.read() if document is not None else b""
            except (Unreadable, OSError):
                data = b""
            self._lines[path] = Lines(data)
        return self._lines[path]
