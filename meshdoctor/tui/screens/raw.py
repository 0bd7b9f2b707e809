"""A finding and its objects as they are: JSON and YAML that fold and can be searched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from meshdoctor.errors import NothingToJudge
from meshdoctor.mending.plan import subject
from meshdoctor.model.finding import Finding, ResourceRole
from meshdoctor.report.json_parts import encoded, finding_of
from meshdoctor.semantics.text import printable
from meshdoctor.sitting.excerpts import Excerpt, resource
from meshdoctor.tui.bindings import DETAIL_KEYS, RAW_KEYS
from meshdoctor.tui.board.folding import Folding, Row, tree_rows
from meshdoctor.tui.latest import Latest
from meshdoctor.tui.session import Session
from meshdoctor.tui.widgets.document import DocumentView
from meshdoctor.tui.widgets.key_line import KeyLine

Wanted = Sequence[ResourceRole]


class RawScreen(Screen[None]):
    """The whole of one finding."""

    BINDINGS: ClassVar[list[BindingType]] = [*RAW_KEYS, *DETAIL_KEYS]
    AUTO_FOCUS = ""

    def __init__(self, session: Session, finding: Finding) -> None:
        super().__init__()
        self.session = session
        self.finding = finding
        self.document = DocumentView(title="As data", part="raw", ascii_only=session.looks.ascii_only)
        self._reader = Latest[Wanted, Sequence[Excerpt]](self, self._read, self._has_read)

    def compose(self) -> ComposeResult:
        """A title, the text, the keys."""
        yield Static(printable(f" {self.finding.rule}   {subject(self.finding)}"), id="title", markup=False)
        yield self.document
        yield KeyLine()

    def on_mount(self) -> None:
        """The finding at once, its objects once they are read."""
        self._put(())
        self.document.rows.focus()
        if self.finding.resources:
            self._reader.ask(self.finding.resources)

    def _put(self, objects: Sequence[Excerpt]) -> None:
        self.document.rows.put(Folding(raw_rows(self.finding, objects)))

    def _read(self, wanted: Wanted) -> Sequence[Excerpt]:
        """In a thread."""
        if self.session.sitting is None:
            raise NothingToJudge("nothing has been read yet")
        return self.session.sitting.using(lambda case: [resource(case.capture, one) for one in wanted])

    def _has_read(self, wanted: Wanted, found: Sequence[Excerpt] | None, problem: str) -> None:
        self._put([Excerpt(document="", because=problem)] * len(wanted) if found is None else found)

    def action_copy(self) -> None:
        """Copies all of it, through the terminal."""
        rows = self.document.rows.folding.rows
        self.app.copy_to_clipboard("\n".join(f"# {row.text}" if row.is_head else row.text for row in rows))
        self.notify("copied, where the terminal allows it (OSC 52)", markup=False)

    def action_back(self) -> None:
        """Back to the finding."""
        self.dismiss()


def raw_rows(finding: Finding, objects: Sequence[Excerpt]) -> Iterator[Row]:
    """The finding as `check --json` gives it, then its objects as they were read."""
    yield Row(0, "the finding, as check --json gives it", is_head=True)
    yield from tree_rows(json.loads(encoded(finding_of(finding))), "json", depth=1)
    for item, found in zip(finding.resources, objects, strict=False):
        yield Row(0, printable(f"{item.role or 'object'}: {item}"), is_head=True)
        if found.because:
            yield Row(1, found.because)
        else:
            yield from tree_rows(found.tree, "yaml", depth=1)
