"""One finding: its description, the path of its connection, the evidence, and the fixes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import DescendantFocus, Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from meshdoctor.diagnosis.excerpts import Excerpt, excerpt
from meshdoctor.model.finding import Finding
from meshdoctor.model.trace import Trace
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.bindings import DETAIL_KEYS, FINDING_KEYS
from meshdoctor.tui.latest_answer import LatestAnswer
from meshdoctor.tui.messages import JournalRead, TraceRequested
from meshdoctor.tui.state.draw import draw
from meshdoctor.tui.state.finding_text import title_cells
from meshdoctor.tui.state.folding import folded
from meshdoctor.tui.state.mesh_state import StateChange
from meshdoctor.tui.state.text_lines import Line, paragraph
from meshdoctor.tui.widgets.document_view import DocumentView
from meshdoctor.tui.widgets.fix_list import FixList
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.tab_line import PageLine
from meshdoctor.tui.widgets.text_view import TextView
from meshdoctor.tui.widgets.toned import toned
from meshdoctor.view import finding as finding_view
from meshdoctor.view import trace as trace_view

WIDE, HIGH = 100, 20
"""With fewer columns or lines two panels are shown at a time."""
_PODS = 8
"""Pods that are listed; p offers all."""
_PAGES = {"what": "left", "fixes": "left", "path": "right", "evidence": "right"}
"""Which panels are shown together in a small terminal."""


class FindingScreen(Screen[None]):
    """Four panels, or two at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [*FINDING_KEYS, *DETAIL_KEYS]
    AUTO_FOCUS = ""

    def __init__(self, session: TuiSession, finding: Finding) -> None:
        super().__init__()
        self.session = session
        self.finding = finding
        self.pod = finding.pods[0] if finding.pods else ""
        """Whose connection is shown."""
        self.trace: Trace | None = None
        self._excerpts: tuple[Excerpt, ...] = ()
        self._why_no_path = "Tracing ..." if self._has_path else "This finding is not about a single connection."
        ascii_only = session.ascii_only
        self.what = TextView(self._what, title="Description", panel="what")
        self.fixes = FixList(finding, ascii_only=ascii_only)
        self.path = TextView(self._path, title="Path of a connection", panel="path")
        self.evidence = DocumentView(title="Evidence", panel="evidence", ascii_only=ascii_only)
        # In a thread: a dump may be large.
        self._reader = LatestAnswer[Finding, tuple[Excerpt, ...]](
            self,
            lambda _: session.open_diagnosis.using(
                lambda case: tuple(excerpt(case.capture, e) for e in finding.evidence)
            ),
            self._evidence_read,
        )
        self._tracer = LatestAnswer[str, Trace](
            self,
            lambda pod: session.open_diagnosis.trace(
                pod, finding.host or "", finding.port or 0, protocol=finding.protocol or None
            ),
            self._traced,
        )

    @property
    def _has_path(self) -> bool:
        return bool(self.finding.host and self.finding.port and self.pod)

    def compose(self) -> ComposeResult:
        """A title, four panels, the keys."""
        yield Static("", id="title", markup=False)
        yield PageLine("Description, fixes", "Path, evidence")
        with Container(id="finding"):
            yield self.what
            yield self.path
            yield self.fixes
            yield self.evidence
        yield KeyLine()

    def on_mount(self) -> None:
        """Shows what is known already, and reads the rest."""
        self._fit(self.app.size)
        self._title()
        self.fixes.focus()
        self._reader.ask(self.finding)
        self._look_at(self.pod)

    def on_resize(self, event: Resize) -> None:
        """A small terminal shows two panels at a time."""
        self._fit(event.size)

    def on_screen_resume(self) -> None:
        """A fix may have been applied meanwhile."""
        self._title()
        self._read_journal()

    def state_changed(self, changed: StateChange) -> None:
        """After a refresh the finding may be gone or unknown."""
        if changed.is_end:
            self._title()

    def _fit(self, size: Size) -> None:
        self.set_class(size.width < WIDE or size.height < HIGH, "-pages")

    def _title(self) -> None:
        mesh_state = self.session.mesh_state
        line = mesh_state.finding(self.finding.fingerprint)
        change = "gone" if line is None and mesh_state.diagnosis is not None else line.change if line else ""
        cells = title_cells(self.finding, change, ascii_only=self.session.ascii_only)
        self.query_one("#title", Static).update(toned(tuple(cells)))

    # The panels

    def _what(self, width: int) -> list[Line]:
        others = [line.finding for line in self.session.mesh_state.findings.values()]
        return draw(finding_view.what(self.finding, others, _PODS), width)

    def _path(self, width: int) -> list[Line]:
        if self.trace is None:
            return paragraph(self._why_no_path, width, "faint")
        blocks, ascii_only = list(trace_view.path(self.trace)), self.session.ascii_only
        lines = draw(blocks, width, ascii_only=ascii_only)
        if len(lines) <= self.path.page:
            return lines
        return draw(blocks, width, ascii_only=ascii_only, is_brief=True)

    def _evidence_read(self, finding: Finding, found: tuple[Excerpt, ...] | None, problem: str) -> None:
        self._excerpts = found or tuple(Excerpt(document=one.document, because=problem) for one in finding.evidence)
        self.evidence.rows.put(folded(self._excerpts))

    @work(thread=True, group="journal", exclusive=True)
    def _read_journal(self) -> None:
        """Whether a fix of this finding can be undone. In a thread: journal entries may be large."""
        entries = self.session.fixes.entries(self.finding.fingerprint)
        self.post_message(JournalRead(entries[-1] if entries else None))

    @on(JournalRead)
    def _journal_read(self, message: JournalRead) -> None:
        self.fixes.entry = message.entry if self.session.fixes.busy_with is None else None
        self.fixes.show()
        self.refresh_bindings()

    def _look_at(self, pod: str) -> None:
        self.pod = pod
        name = f" of {pod}" if len(self.finding.pods) > 1 else ""
        self.path.border_title = f"Path of a connection{name}"
        if self._has_path:
            self._tracer.ask(pod)

    def _traced(self, pod: str, trace: Trace | None, problem: str) -> None:
        if pod == self.pod:
            self.trace, self._why_no_path = trace, problem
            self.path.show()

    @on(DescendantFocus)
    def _focused(self, event: DescendantFocus) -> None:
        """Brings the page of the panel that has the focus to the front."""
        page = next(_PAGES[one.id] for one in event.widget.ancestors_with_self if one.id in _PAGES)
        self.query_one(PageLine).show(page)

    # Keys

    def action_next_panel(self, by: int) -> None:
        """Goes to the next panel, or to the one before."""
        panels: list[Widget] = [self.what, self.fixes, self.path, self.evidence.rows]
        at = panels.index(self.focused) if self.focused in panels else 0
        panels[(at + by) % len(panels)].focus()

    def action_choose(self, number: int) -> None:
        """Chooses a fix by its digit."""
        if number <= self.fixes.count:
            self.fixes.move_to(number - 1)
        self.fixes.focus()

    def action_fix(self) -> None:
        """Opens the chosen fix."""
        from meshdoctor.tui.screens.fix_screen import FixScreen

        if self.fixes.fix is not None:
            worker = self.session.fixes.open(self.finding, self.fixes.fix)
            self.app.push_screen(FixScreen(self.session, worker))

    def open_first_fix(self) -> None:
        """Opens the first fix that can be applied; says so where there is none."""
        fixes = self.finding.fixes
        at = next((number for number, fix in enumerate(fixes) if fix.is_automatic), None)
        if at is not None:
            self.fixes.move_to(at)
            self.action_fix()
        elif fixes:
            self.notify("meshdoctor cannot apply any of these fixes: they list manual steps", markup=False)
        else:
            self.notify("No fix is known for this finding.", markup=False)

    def action_undo(self) -> None:
        """Opens the last fix of this finding to undo it."""
        from meshdoctor.tui.screens.fix_screen import open_last

        self.run_worker(open_last(self, self.session, self.finding.fingerprint), exclusive=True, group="undo")

    def action_raw(self) -> None:
        """Opens the finding as JSON and its objects as YAML."""
        from meshdoctor.tui.screens.raw_screen import RawScreen

        self.app.push_screen(RawScreen(self.session, self.finding))

    def action_pod(self) -> None:
        """Lets the user choose whose connection is shown."""
        from meshdoctor.tui.screens.choice_screen import ChoiceScreen

        def chosen(pod: str | None) -> None:
            if pod is not None:
                self._look_at(pod)

        self.app.push_screen(ChoiceScreen("Pod", self.finding.pods, self.pod), chosen)

    @work(thread=True, group="export", exclusive=True)
    def action_export(self) -> None:
        """Writes the finding as Markdown into the current folder, and copies it."""
        from meshdoctor.tui.exporting import KnownFacts, export

        known = KnownFacts(self.finding, self.trace, self._excerpts)
        self.post_message(export(self.session, [known], Path.cwd()))

    def action_trace(self) -> None:
        """Opens the trace screen on the connection."""
        if self._has_path:
            self.post_message(TraceRequested(self.pod, self.finding.host or "", self.finding.port or 0))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greys keys that have nothing to act on."""
        if action == "trace":
            return True if self._has_path else None
        if action == "pod":
            return True if len(self.finding.pods) > 1 and self._has_path else None
        if action == "undo":
            return True if self.fixes.entry is not None or self.session.fixes.busy_with is not None else None
        if action == "fix":
            return True if self.finding.fixes else None
        return True
