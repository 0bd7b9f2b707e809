"""A screen with documents as they were read, without their secrets: they fold, can be searched and copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from meshdoctor.diagnosis.excerpts import Excerpt, excerpt
from meshdoctor.model.evidence import Evidence
from meshdoctor.text.printable import printable
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.bindings import DETAIL_KEYS, RAW_KEYS
from meshdoctor.tui.latest_answer import LatestAnswer
from meshdoctor.tui.state.folding import Folding, folded
from meshdoctor.tui.state.trace_form import whole
from meshdoctor.tui.widgets.document_view import DocumentView
from meshdoctor.tui.widgets.key_line import KeyLine

if TYPE_CHECKING:
    from meshdoctor.doctor import Case

Read = Callable[["Case"], Sequence[Excerpt]]


class DocumentScreen(Screen[None]):
    """Reads in a thread; of a large dump only what is shown is decoded."""

    BINDINGS: ClassVar[list[BindingType]] = [*RAW_KEYS, *DETAIL_KEYS]
    AUTO_FOCUS = "RowsView"

    def __init__(self, session: TuiSession, name: str, read: Read, *, title: str = "As read") -> None:
        super().__init__()
        self.session = session
        self._about = name
        self._read = read
        self.document = DocumentView(title=title, ascii_only=session.ascii_only)
        self._asker = LatestAnswer[Read, Sequence[Excerpt]](
            self,
            lambda read: session.open_diagnosis.using(read),
            lambda _, found, problem: self.put(found if found is not None else self.unread(problem)),
        )

    def compose(self) -> ComposeResult:
        """A title, the rows, the keys."""
        yield Static(f" {printable(self._about)}", id="title", markup=False)
        yield self.document
        yield KeyLine()

    def on_mount(self) -> None:
        """Reads."""
        self._asker.ask(self._read)

    def put(self, found: Sequence[Excerpt]) -> None:
        """Shows what was read."""
        self.document.rows.put(self.folded(found))

    def unread(self, because: str) -> Sequence[Excerpt]:
        """What is shown in place of documents that could not be read."""
        return [Excerpt(document=self._about, because=because)]

    def folded(self, found: Sequence[Excerpt]) -> Folding:
        """What was read, folded as it is shown at first."""
        return folded(found)

    def action_copy(self) -> None:
        """Copies everything through the terminal; names of documents become comments."""
        rows = self.document.rows.folding.rows
        self.app.copy_to_clipboard("\n".join(f"# {row.text}" if row.is_head else row.text for row in rows))
        self.notify(f"Copied {len(rows)} lines, if the terminal allows it (OSC 52)", markup=False)


def evidence_screen(session: TuiSession, piece: Evidence) -> DocumentScreen:
    """The whole object that a piece of evidence is part of."""
    return DocumentScreen(session, piece.document, lambda case: [excerpt(case.capture, whole(piece))])
