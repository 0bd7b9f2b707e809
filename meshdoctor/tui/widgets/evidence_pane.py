"""An excerpt of the document behind what is looked at, the deciding line marked."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from meshdoctor.errors import NothingToJudge
from meshdoctor.model.evidence import Evidence
from meshdoctor.semantics.text import printable
from meshdoctor.sitting.excerpt import Excerpt, excerpt
from meshdoctor.tui.latest import Latest
from meshdoctor.tui.session import Session
from meshdoctor.tui.widgets.lines_view import LinesView


class EvidencePane(Vertical):
    """Reads documents in a thread; what is shown is always of the piece asked for last."""

    DEFAULT_CSS = """
    EvidencePane > Static { height: auto; max-height: 3; color: $text-muted; padding: 0 1; }
    """

    def __init__(self, session: Session, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._session = session
        self.piece: Evidence | None = None
        self._place = Static("", markup=False)
        self.view = LinesView(ascii_only=session.looks.ascii_only)
        self._asker = Latest[Evidence, Excerpt](self, self._work, self._told)

    def compose(self) -> ComposeResult:
        """Where it stands, then the lines."""
        yield self._place
        yield self.view

    def on_mount(self) -> None:
        """Nothing is shown yet."""
        self.border_title = "Evidence"

    def show(self, piece: Evidence | None, of: str) -> None:
        """Shows the evidence of something; None: there is none."""
        self.border_title = f"Evidence {of}".strip()
        if piece is not None and piece == self.piece:
            return
        self.piece = piece
        if piece is None:
            self._asker.forget()
            self._place.update("No document decides this step.")
            self.view.show(())
            return
        line = f":{piece.line}" if piece.line else ""
        self._place.update(f"{printable(piece.document)}{line}\n{printable(piece.path)}")
        self._asker.ask(piece)

    def _work(self, piece: Evidence) -> Excerpt:
        """In the thread."""
        if self._session.sitting is None:
            raise NothingToJudge("nothing has been read yet")
        return self._session.sitting.in_peace(lambda case: excerpt(case, piece.document, piece.path, piece.value))

    def _told(self, piece: Evidence, found: Excerpt | None, problem: str) -> None:
        """The lines are there."""
        if piece == self.piece:
            self.view.show(found.lines if found else [printable(problem)], found.marked if found else None)

    def open_raw(self) -> None:
        """Opens the whole object on a screen of its own."""
        from meshdoctor.tui.screens.raw import RawScreen

        if self.piece is None:
            self.notify("no document decides this step", markup=False)
            return
        piece = self.piece
        self.app.push_screen(
            RawScreen(
                self._session,
                piece.document,
                lambda case: excerpt(case, piece.document, piece.path, piece.value, whole=True),
            )
        )
