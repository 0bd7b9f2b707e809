"""An excerpt of the document that decides a step, the deciding line marked."""

from __future__ import annotations

from meshdoctor.diagnosis.excerpts import Excerpt, excerpt
from meshdoctor.model.evidence import Evidence
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.latest_answer import LatestAnswer
from meshdoctor.tui.state.folding import Folding, Row, folded
from meshdoctor.tui.widgets.document_view import DocumentView


class EvidencePane(DocumentView):
    """Reads documents in a thread, and shows the one asked for last."""

    def __init__(self, session: TuiSession) -> None:
        super().__init__(title="Evidence", panel="evidence", ascii_only=session.ascii_only)
        self.piece: Evidence | None = None
        """What is shown."""
        self._asker = LatestAnswer[Evidence, Excerpt](
            self,
            lambda piece: session.open_diagnosis.using(lambda case: excerpt(case.capture, piece)),
            self._excerpt_read,
        )

    def show(self, piece: Evidence | None) -> None:
        """Shows a piece of evidence; None: there is none."""
        if piece is not None and piece == self.piece:
            return
        self.piece = piece
        if piece is None:
            self._asker.forget()
            self.rows.put(Folding([Row(0, "No document decides this step.", is_head=True)]))
        else:
            self._asker.ask(piece)

    def _excerpt_read(self, piece: Evidence, found: Excerpt | None, problem: str) -> None:
        if piece == self.piece:
            shown = found or Excerpt(document=piece.document, because=problem)
            self.rows.put(folded([shown]))
