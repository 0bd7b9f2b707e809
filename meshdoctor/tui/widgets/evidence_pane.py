"""An excerpt of the document behind what is looked at, the deciding line marked."""

from __future__ import annotations

from meshdoctor.diagnosis.excerpts import Excerpt, excerpt
from meshdoctor.model.evidence import Evidence
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.latest_answer import LatestAnswer
from meshdoctor.tui.state.folding import Folding, Row, excerpt_rows
from meshdoctor.tui.widgets.document_view import DocumentView


class EvidencePane(DocumentView):
    """Reads documents in a thread; what is shown is always of the piece asked for last."""

    def __init__(self, session: TuiSession) -> None:
        super().__init__(title="Evidence", part="evidence", ascii_only=session.looks.ascii_only)
        self._session = session
        self.piece: Evidence | None = None
        """What is looked at."""
        self._asker = LatestAnswer[Evidence, Excerpt](self, self._work, self._told)

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
        return self._session.open_diagnosis.using(lambda case: excerpt(case.capture, piece))

    def _told(self, piece: Evidence, found: Excerpt | None, problem: str) -> None:
        """The lines are there."""
        if piece == self.piece:
            shown = found or Excerpt(document=piece.document, because=problem)
            folding = Folding(excerpt_rows(shown))
            folding.fold_far()
            self.rows.put(folding)
