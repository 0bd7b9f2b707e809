"""All that is known of a pod or a host. Each line opens what it is about: a finding, a connection, a document."""

from __future__ import annotations

from abc import abstractmethod
from textwrap import wrap
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Static

from meshdoctor.diagnosis.details import HostFacts, PodFacts
from meshdoctor.diagnosis.events import Pair
from meshdoctor.diagnosis.excerpts import resource
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import printable
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.bindings import DETAIL_KEYS, DETAILS_KEYS
from meshdoctor.tui.latest_answer import LatestAnswer
from meshdoctor.tui.messages import TraceRequested
from meshdoctor.tui.screens.document_screen import DocumentScreen, evidence_screen
from meshdoctor.tui.state.cells import Cell, TableColumn
from meshdoctor.tui.state.detail_items import Item, host_items, pod_items
from meshdoctor.tui.state.mesh_state import StateChange
from meshdoctor.tui.widgets.cursor_view import CursorOpened
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.table import Table

_NAMES = (18, 44)
"""Columns of the names: at least, at most."""


NO_OBJECT = "No object registers this host, so there is none to show."


class DetailsScreen(Screen[None]):
    """Lines under headings, updated while the diagnosis runs."""

    DEFAULT_CSS = """
    DetailsScreen Table { height: 1fr; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*DETAILS_KEYS, *DETAIL_KEYS]
    AUTO_FOCUS = "Table"

    def __init__(self, session: TuiSession, title: str) -> None:
        super().__init__()
        self.session = session
        self._title = title
        self.items: list[Item] = []
        self._lines: list[tuple[int, Cell, Cell, Cell]] = []
        """Item, icon, name and text of each line."""
        self.table = Table(
            (TableColumn("", 2), TableColumn("", 18, ends_matter=True), TableColumn("", 20, 1)), self._cells
        )
        self._asker = LatestAnswer[str, PodFacts | HostFacts](self, lambda _: self._read(), self._facts_read)

    def compose(self) -> ComposeResult:
        """A title, the lines, the keys."""
        yield Static(f" {printable(self._title)}", id="title", markup=False)
        yield self.table
        yield KeyLine()

    def on_mount(self) -> None:
        """Shows what is known already, and reads the rest."""
        self._show()
        self._asker.ask("")

    def on_resize(self, event: Resize) -> None:
        """Wraps texts to the width."""
        self._lay_out()

    def state_changed(self, changed: StateChange) -> None:
        """Shows it; after a refresh the evidence is read again."""
        self._show()
        if changed.is_end:
            self._asker.ask("")

    @abstractmethod
    def _make(self) -> list[Item]:
        """The items to show."""

    @abstractmethod
    def _read(self) -> PodFacts | HostFacts:
        """Reads the evidence, in a thread."""

    @abstractmethod
    def _take(self, facts: PodFacts | HostFacts) -> None:
        """Keeps the evidence."""

    def _facts_read(self, _: str, facts: PodFacts | HostFacts | None, problem: str) -> None:
        if facts is None:
            self.notify(problem, severity="warning", markup=False)
            return
        self._take(facts)
        self._show()

    def _show(self) -> None:
        self.items = self._make()
        self._lay_out()

    def _lay_out(self) -> None:
        """Wraps every item into lines; the cursor stays on its line."""
        width = self.app.size.width
        longest = max((len(item.name) for item in self.items if not item.is_head), default=0)
        names = max(_NAMES[0], min(longest, _NAMES[1], width // 3))
        self.table.widen(1, names)
        room = max(20, width - names - 8)
        self._lines = []
        for number, item in enumerate(self.items):
            if item.is_head:
                if number:
                    self._lines.append((number, Cell(""), Cell(""), Cell("")))
                self._lines.append((number, Cell(""), Cell(printable(item.name), "strong"), Cell("")))
                continue
            mark, name = Cell(f" {item.mark}", item.tone), Cell(printable(item.name), "plain" if item.mark else "faint")
            for text in wrap(printable(item.text), room) or [""]:
                self._lines.append((number, mark, name, Cell(text, item.tone if item.tone != "error" else "plain")))
                mark = name = Cell("")
        self.table.show(range(len(self._lines)))

    def _cells(self, line: int) -> tuple[Cell, ...]:
        return self._lines[line][1:] if line < len(self._lines) else ()

    @property
    def item(self) -> Item | None:
        """The item under the cursor."""
        line = self.table.key
        return self.items[self._lines[line][0]] if line is not None and line < len(self._lines) else None

    # Keys

    @on(CursorOpened)
    def _opened(self, message: CursorOpened) -> None:
        message.stop()
        item = self.item
        if item is None:
            return
        goal = item.goal
        if goal.finding:
            self._open_finding(goal.finding)
        elif goal.pair is not None and goal.pair[1] is not None:
            self.post_message(TraceRequested(goal.pod, *goal.pair))
        elif goal.evidence is not None:
            self.app.push_screen(evidence_screen(self.session, goal.evidence))

    def _open_finding(self, fingerprint: str) -> None:
        from meshdoctor.tui.screens.finding_screen import FindingScreen

        line = self.session.mesh_state.findings.get(fingerprint)
        if line is not None:
            self.app.push_screen(FindingScreen(self.session, line.finding))

    def action_raw(self) -> None:
        """Opens the document that the line is from, else the object itself."""
        item = self.item
        if item is not None and item.goal.evidence is not None:
            self.app.push_screen(evidence_screen(self.session, item.goal.evidence))
        else:
            self._open_object()

    @abstractmethod
    def _open_object(self) -> None:
        """Opens the pod, or the objects that register the host, as they were read."""

    @abstractmethod
    def action_trace(self) -> None:
        """Traces a connection."""


def pod_document(session: TuiSession, key: str) -> DocumentScreen:
    """A pod as it was read."""
    namespace, _, name = key.rpartition("/")
    role = ObjectRef("Pod", namespace, name)
    return DocumentScreen(session, key, lambda case: [resource(case.capture, role)])


def host_document(session: TuiSession, pair: Pair) -> DocumentScreen | None:
    """The objects that register a host, as they were read; None where none does."""
    line = session.mesh_state.hosts.get(pair)
    named = [name.partition(" ") for name in (line.registered_by if line else ())]
    roles = [ObjectRef(kind, *name.split("/", 1)) for kind, _, name in named]
    if not roles:
        return None
    return DocumentScreen(session, host_port(*pair), lambda case: [resource(case.capture, role) for role in roles])


class PodScreen(DetailsScreen):
    """One pod."""

    def __init__(self, session: TuiSession, key: str) -> None:
        super().__init__(session, f"pod  {key}")
        self.key = key
        self.facts: PodFacts | None = None

    def _make(self) -> list[Item]:
        return pod_items(self.session.mesh_state, self.key, self.facts, ascii_only=self.session.ascii_only)

    def _read(self) -> PodFacts:
        return self.session.open_diagnosis.pod_facts(self.key)

    def _take(self, facts: PodFacts | HostFacts) -> None:
        if isinstance(facts, PodFacts):
            self.facts = facts

    def _open_object(self) -> None:
        self.app.push_screen(pod_document(self.session, self.key))

    def action_trace(self) -> None:
        """Traces to the host of the line, or to one that the user types."""
        item = self.item
        pair = item.goal.pair if item is not None else None
        self.post_message(TraceRequested(self.key, *(pair or ())))


class HostScreen(DetailsScreen):
    """One host and port."""

    def __init__(self, session: TuiSession, pair: Pair) -> None:
        super().__init__(session, f"host  {host_port(*pair)}")
        self.pair = pair
        self.facts: HostFacts | None = None

    def _make(self) -> list[Item]:
        return host_items(self.session.mesh_state, self.pair, self.facts, ascii_only=self.session.ascii_only)

    def _read(self) -> HostFacts:
        mesh_state = self.session.mesh_state
        line = mesh_state.hosts.get(self.pair)
        judged = [key for key, row in mesh_state.pods.items() if self.pair in row.verdicts]
        using = [key for key in (line.used_by if line else ()) if key in judged]
        return self.session.open_diagnosis.host_facts(*self.pair, next(iter([*using, *judged]), ""))

    def _take(self, facts: PodFacts | HostFacts) -> None:
        if isinstance(facts, HostFacts):
            self.facts = facts

    def _open_object(self) -> None:
        document = host_document(self.session, self.pair)
        if document is None:
            self.notify(NO_OBJECT, markup=False)
        else:
            self.app.push_screen(document)

    def action_trace(self) -> None:
        """Traces from the pod of the line, or from one that the user types."""
        item = self.item
        self.post_message(TraceRequested(item.goal.pod if item is not None else "", *self.pair))
