"""An excerpt of the document behind what is looked at, the deciding line marked."""

from __future__ import annotations

from meshdoctor.model.evidence import Evidence
from meshdoctor.sitting.excerpts import Excerpt, excerpt
from meshdoctor.tui.board.folding import Folding, Row, excerpt_rows
from meshdoctor.tui.latest import Latest
from meshdoctor.tui.session import Session
from meshdoctor.tui.widgets.document import DocumentView


class EvidencePane(DocumentView):
    """Reads documents in a thread; what is shown is always of the piece asked for last."""

    def __init__(self, session: Session) -> None:
        super().__init__(title="Evidence", part="evidence", ascii_only=session.looks.ascii_only)
        self._session = session
        self.piece: Evidence | None = None
        """What is looked at."""
        self._asker = Latest[Evidence, Excerpt](self, self._work, self._told)

    def look_at(self, piece: Evidence | None) -> None:
        """Shows the evidence of something; None: there is none."""
        if piece is not None and piece == self.piece:
            return
        self.piece = piece
        if piece is None:
            self._asker.forget()
            self.rows.put(Folding([Row(0, "No document decides this step.", is_head=True)]))
        else:
            self._asker.ask(piece)

    def look_again(self) -> None:
        """The document may be another now."""
        if self.piece is not None:
            self._asker.ask(self.piece)

    def _work(self, piece: Evidence) -> Excerpt:
        """In the thread."""
        return self._session.open_sitting.using(lambda case: excerpt(case.capture, piece))

    def _told(self, piece: Evidence, found: Excerpt | None, problem: str) -> None:
        """The lines are there."""
        if piece == self.piece:
            shown = found or Excerpt(document=piece.document, because=problem)
            folding = Folding(excerpt_rows(shown))
            folding.fold_far()
            self.rows.put(folding)
