"""A finding as a whole: what happens, why, the evidence, who is touched, and the mends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from meshdoctor.model.finding import Finding
from meshdoctor.semantics.text import printable
from meshdoctor.tui.bindings import DETAIL_KEYS
from meshdoctor.tui.board.marks import sign
from meshdoctor.tui.board.rows import FindingLine
from meshdoctor.tui.session import Session
from meshdoctor.tui.widgets.key_line import KeyLine

_PODS = 10


class FindingScreen(Screen[None]):
    """One finding of the session's board."""

    BINDINGS: ClassVar[list[BindingType]] = [*DETAIL_KEYS]

    def __init__(self, session: Session, finding: Finding) -> None:
        super().__init__()
        self.session = session
        self.finding = finding

    def compose(self) -> ComposeResult:
        """A title, the text, the keys."""
        found = self.finding
        mark = sign(found.severity, ascii_only=self.session.looks.ascii_only)
        subject = printable(FindingLine(found).subject)
        pods = f"{len(found.pods)} pod{'s' * (len(found.pods) != 1)}" if found.pods else ""
        yield Static(f" {mark} {found.rule}   {subject}   {pods}", id="title", markup=False)
        with VerticalScroll(id="finding"):
            yield Static(Content("\n").join(finding_text(found)), markup=False)
        yield KeyLine()

    def action_back(self) -> None:
        """Back to the parts."""
        self.dismiss()


def finding_text(found: Finding) -> Iterator[Content]:
    """The finding as lines, each heading in bold."""
    yield Content(printable(found.message.strip()))
    yield from _section("Why", [found.why.strip()])
    roles = [f"{one.role}  {one.kind} {one.namespace}/{one.name}" for one in found.resources]
    yield from _section("Objects", roles)
    pieces = [f"{one.document}{f':{one.line}' if one.line else ''}  {one.path}  {one.value}" for one in found.evidence]
    yield from _section("Evidence", pieces)
    more = [f"and {len(found.pods) - _PODS} more"] if len(found.pods) > _PODS else []
    yield from _section("Pods", [*found.pods[:_PODS], *more])
    mends = [f"{at} {fix.title} ({fix.disposition})\n  {fix.tradeoff}" for at, fix in enumerate(found.fixes, 1)]
    yield from _section("Mends", mends)


def _section(name: str, lines: list[str]) -> Iterator[Content]:
    if any(lines):
        yield Content("")
        yield Content.styled(name, "bold")
        yield from (Content("\n".join(map(printable, line.splitlines()))) for line in lines)
