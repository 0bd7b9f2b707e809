"""One connection through one sidecar: every field can be changed, and the way is drawn anew at once."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Input, Label, Static

from meshdoctor.diagnosis.excerpts import excerpt
from meshdoctor.errors import UsageError
from meshdoctor.model.trace import Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import printable
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.bindings import TRACE_KEYS
from meshdoctor.tui.latest_answer import LatestAnswer
from meshdoctor.tui.screens.document_screen import DocumentScreen
from meshdoctor.tui.state.cells import Cell, TableColumn
from meshdoctor.tui.state.mesh_state import StateChange
from meshdoctor.tui.state.trace_form import (
    AUTO,
    KINDS,
    Form,
    TraceRequest,
    TraceSubject,
    address_rows,
    as_command,
    hosts_like,
    path_lines,
    pods_like,
    read_form,
    verdict_lines,
    whole,
)
from meshdoctor.tui.widgets.evidence_pane import EvidencePane
from meshdoctor.tui.widgets.field import Field, Offers
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.option_row import OptionRow
from meshdoctor.tui.widgets.path_view import PathView
from meshdoctor.tui.widgets.styles import text_style
from meshdoctor.tui.widgets.table import Table

WIDE = 100
"""Columns from which on the way and what belongs to it stand side by side."""
_TEXTS = ("pod", "to", "ip", "sni", "authority", "path")
_PLACEHOLDERS = {
    "pod": "a pod",
    "to": "github.com:443, or a URL",
    "ip": "every known address",
    "sni": 'as the host; "" for none',
    "authority": "as the host",
    "path": "/",
}
_ADDRESSES = (TableColumn("ADDRESS", 15, 1), TableColumn("VERDICT", 11), TableColumn("CLUSTER", 12, 3, 1))


class TraceScreen(Screen[None]):
    """The fields, the way, the verdict, the addresses and the evidence of the step looked at."""

    CSS_PATH = "trace.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*TRACE_KEYS]
    AUTO_FOCUS = ""

    def __init__(self, session: TuiSession, wanted: TraceSubject) -> None:
        super().__init__()
        self.session = session
        self.form = Form(wanted.pod, host_port(wanted.host, wanted.port) if wanted.host else "")
        self.trace: Trace | None = None
        """The newest answer."""
        ascii_only = session.looks.ascii_only
        self._fields = {name: Field(id=f"f-{name}", placeholder=_PLACEHOLDERS[name]) for name in _TEXTS}
        self._kind = OptionRow(KINDS, id="f-kind")
        self._offers = Offers(id="offers")
        self._way = PathView(ascii_only=ascii_only, id="way", classes="pane")
        self._verdict = Static("", id="verdict", classes="pane", markup=False)
        self._addresses = Table(_ADDRESSES, self._address, id="addresses", classes="pane")
        self._evidence = EvidencePane(session)
        self._asker = LatestAnswer[TraceRequest, Trace](self, self._work, self._told)
        self._rows: dict[str, tuple[str, Verdict, str]] = {}

    def compose(self) -> ComposeResult:
        """Fields, then what they lead to."""
        yield Static("", id="title", markup=False)
        with Vertical(id="form"):
            with Horizontal():
                for name in ("pod", "to", "ip"):
                    yield Label(name, classes="name")
                    yield self._fields[name]
            with Horizontal(classes="more"):
                yield Label("as", classes="name")
                yield self._kind
                for name in ("sni", "authority", "path"):
                    yield Label(name, classes=f"name of-{name}")
                    yield self._fields[name]
        yield self._offers
        with Horizontal(id="panes"):
            yield self._way
            with Vertical(id="beside"):
                yield self._verdict
                yield self._addresses
                yield self._evidence
        yield KeyLine()

    def on_mount(self) -> None:
        """Both ends known: traced at once; else the one that lacks is asked for."""
        self._way.border_title = "The way"
        self._verdict.border_title = "Verdict"
        self._addresses.border_title = "Addresses"
        for name in ("pod", "to"):
            self._fields[name].put(getattr(self.form, name))
        self._fit(self.app.size.width, self.app.size.height)
        self._show_kind()
        self._ask()
        lacking = "pod" if not self.form.pod else "to" if not self.form.to or not self._is_whole() else ""
        self.set_focus(self._fields[lacking] if lacking else self._way)  # at once: the next key is for it

    def _is_whole(self) -> bool:
        try:
            read_form(self.form, self.session.mesh_state)
        except UsageError:
            return False
        return True

    def on_resize(self, event: Resize) -> None:
        """One below the other where there is little room."""
        self._fit(event.size.width, event.size.height)

    def _fit(self, width: int, height: int) -> None:
        self.set_class(width < WIDE, "-narrow")
        self.set_class(height < 20, "-low")

    # Asking and telling

    def _ask(self) -> None:
        """Asks for what the fields say; what they lack is said in the title."""
        try:
            asked = read_form(self.form, self.session.mesh_state)
        except UsageError as problem:
            self._asker.forget()
            self._show_title(str(problem))
            return
        self._asker.ask(asked)

    def _work(self, asked: TraceRequest) -> Trace:
        """In the thread."""
        return self.session.open_diagnosis.trace(asked.pod, asked.host, asked.port, **asked.how)

    def _told(self, asked: TraceRequest, trace: Trace | None, problem: str) -> None:
        """The answer is there."""
        if trace is None:
            self._show_title(problem)
            return
        self.trace = trace
        self._command = as_command(asked)
        self._show_title("")
        self._show_kind()
        ascii_only = self.session.looks.ascii_only
        self._way.show(path_lines(trace, ascii_only=ascii_only))
        lines = verdict_lines(trace, ascii_only=ascii_only)
        pieces = [Content.styled(lines[0].text, text_style(lines[0].tone))]
        pieces += [Content(line.text) for line in lines[1:]]
        self._verdict.update(Content("\n").join(pieces))
        self._rows = {row[0]: row for row in address_rows(trace)}
        self._addresses.show(list(self._rows))
        self._addresses.display = len(self._rows) > 1
        self.set_class(len(self._rows) > 1, "-several")
        self._addresses.border_title = f"Addresses {len(self._rows)}"
        self._show_evidence()

    def state_changed(self, changed: StateChange) -> None:
        """The same question, of newer evidence."""
        if changed.is_end or self.form.pod in changed.pods:
            self._ask()

    def _show_title(self, problem: str) -> None:
        form, said = self.form, Content("")
        if problem:
            said = Content.styled(f"{printable(problem)}  ", "$text-warning")
        elif self.trace is not None:
            said = Content.styled(f"{self.trace.verdict}  ", text_style(self.trace.verdict.icon))
        way = f"{printable(form.pod) or '?'} -> {printable(form.to) or '?'}"
        self.query_one("#title", Static).update(Content.assemble(" trace  ", said, way))

    def _show_kind(self) -> None:
        """Only fields that mean something for what the client does are there."""
        assumed = self.trace.destination.protocol if self.trace and self.form.kind == AUTO else ""
        kind = self.form.kind if self.form.kind != AUTO else assumed
        self._kind.note = assumed
        for name, of in (("sni", "tls"), ("authority", "http"), ("path", "http")):
            self._fields[name].display = kind == of
            self.query_one(f".of-{name}").display = kind == of

    def _show_evidence(self) -> None:
        steps = self._way.steps
        step = steps[self._way.cursor] if self._way.cursor < len(steps) else None
        self._evidence.look_at(step.evidence if step else None)

    def _address(self, ip: str) -> tuple[Cell, ...]:
        row = self._rows.get(ip)
        if row is None:
            return ()
        return Cell(printable(row[0])), Cell(row[1], row[1].icon), Cell(printable(row[2]))

    # What the user does

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        name = (message.input.id or "").removeprefix("f-")
        setattr(self.form, name, message.value.strip())
        self._offer(name)
        self._ask()

    @on(OptionRow.Chosen)
    def _chosen(self, message: OptionRow.Chosen) -> None:
        message.stop()
        self.form.kind = message.word
        self._show_kind()
        self._ask()

    @on(PathView.Moved)
    def _moved(self, message: PathView.Moved) -> None:
        message.stop()
        self._show_evidence()

    @on(Table.Opened, "#addresses")
    def _address_opened(self, message: Table.Opened) -> None:
        message.stop()
        self._fields["ip"].value = str(message.key)

    def _offer(self, name: str) -> None:
        """The names that fit what stands in the field; none where it is one of them."""
        mesh_state, typed = self.session.mesh_state, getattr(self.form, name, "")
        names: list[str] = []
        if name == "pod":
            names = pods_like(mesh_state, typed, self.form.to)
        elif name == "to":
            names = hosts_like(mesh_state, typed, self.form.pod)
        elif name == "ip":
            names = [ip for ip in self._rows if typed in ip]
        if names == [typed]:
            names = []
        self._offers.offer(names)
        self._offers.display = bool(names)

    @on(Field.Entered)
    def _entered(self, message: Field.Entered) -> None:
        message.stop()
        self._offer((message.field.id or "").removeprefix("f-"))

    @on(Field.Left)
    def _left(self, message: Field.Left) -> None:
        message.stop()
        if not isinstance(self.focused, Field):
            self._offers.display = False

    @on(Field.Moved)
    def _offer_moved(self, message: Field.Moved) -> None:
        message.stop()
        if self._offers.display:
            self._offers.has_moved = self._offers.has_moved or message.by < 0
            self._offers.action_move(message.by)

    @on(Table.Moved, "#offers")
    def _offer_touched(self, message: Table.Moved) -> None:
        message.stop()

    @on(Table.Opened, "#offers")
    def _offer_opened(self, message: Table.Opened) -> None:
        message.stop()
        self._take_offer()

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        """Enter takes the name under the cursor, or the first where what stands there is none; then goes on."""
        message.stop()
        name = (message.input.id or "").removeprefix("f-")
        if self._offers.display and (self._offers.has_moved or not self._is_good(name)):
            self._take_offer()
        self._offers.display = False
        if not self._is_good("pod"):
            self._fields["pod"].focus()
        elif not self._is_good("to"):
            self._fields["to"].focus()
        else:
            self._way.focus()

    def _take_offer(self) -> None:
        field, key = self.focused, self._offers.key
        if isinstance(field, Field) and key is not None:
            name = (field.id or "").removeprefix("f-")
            setattr(self.form, name, key)
            field.put(key)
            self._offers.display = False
            self._ask()

    def _is_good(self, name: str) -> bool:
        """Whether a field says something by itself."""
        if name == "pod":
            return self.form.pod in self.session.mesh_state.pods
        form = Form(next(iter(self.session.mesh_state.pods), ""), self.form.to) if name == "to" else self.form
        try:
            read_form(form, self.session.mesh_state)
        except UsageError:
            return False
        return True

    # Keys

    def action_back(self) -> None:
        """Leaves a field; from everywhere else, the screen."""
        if isinstance(self.focused, (Field, OptionRow)) and self.trace is not None:
            self._offers.display = False
            self._way.focus()
        else:
            self.dismiss()

    def action_go(self, name: str) -> None:
        """To a field: what is typed replaces what stands there."""
        self.set_focus(self._fields[name])  # at once: the next key is for it
        self._fields[name].action_select_all()

    def action_protocol(self) -> None:
        """What the client does next."""
        self._kind.action_next(1)

    def action_raw(self) -> None:
        """The document behind the step."""
        piece = self._evidence.piece
        if piece is None:
            self.notify("no document decides this step", markup=False)
            return
        self.app.push_screen(
            DocumentScreen(self.session, piece.document, lambda case: [excerpt(case.capture, whole(piece))])
        )
