"""One connection through one sidecar. Each change of a field traces it again."""

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

from meshdoctor.errors import UsageError
from meshdoctor.model.trace import AddressTrace, Trace
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import printable
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.bindings import TRACE_KEYS
from meshdoctor.tui.latest_answer import LatestAnswer
from meshdoctor.tui.screens.document_screen import evidence_screen
from meshdoctor.tui.state.cells import Cell, TableColumn
from meshdoctor.tui.state.draw import draw
from meshdoctor.tui.state.mesh_state import StateChange
from meshdoctor.tui.state.trace_form import (
    AUTO,
    KINDS,
    Form,
    TraceRequest,
    TraceSubject,
    hosts_like,
    pods_like,
    read_form,
)
from meshdoctor.tui.widgets.cursor_view import CursorMoved, CursorOpened
from meshdoctor.tui.widgets.evidence_pane import EvidencePane
from meshdoctor.tui.widgets.field import CompletionMoved, Completions, Field, FieldEntered, FieldLeft
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.option_row import OptionRow
from meshdoctor.tui.widgets.path_view import PathView
from meshdoctor.tui.widgets.table import Table
from meshdoctor.tui.widgets.toned import tone_style, toned
from meshdoctor.view import trace as view

WIDE = 100
"""With fewer columns the path stands above the verdict, not beside it."""
_TEXTS = ("pod", "to", "ip", "sni", "authority", "path")
_PLACEHOLDERS = {
    "pod": "a pod",
    "to": "github.com:443, or a URL",
    "ip": "all known addresses",
    "sni": 'the host; "" for none',
    "authority": "the host",
    "path": "/",
}
_ADDRESSES = (TableColumn("ADDRESS", 15, 1), TableColumn("VERDICT", 11), TableColumn("CLUSTER", 12, 3, 1))


class TraceScreen(Screen[None]):
    """The fields, the path, the verdict, the addresses and the evidence of the step under the cursor."""

    CSS_PATH = "trace.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*TRACE_KEYS]
    AUTO_FOCUS = ""

    def __init__(self, session: TuiSession, subject: TraceSubject) -> None:
        super().__init__()
        self.session = session
        self.form = Form(subject.pod, host_port(subject.host, subject.port) if subject.host else "")
        self.trace: Trace | None = None
        """The newest answer."""
        ascii_only = session.ascii_only
        self._fields = {name: Field(id=f"f-{name}", placeholder=_PLACEHOLDERS[name]) for name in _TEXTS}
        self._kind = OptionRow(KINDS, id="f-kind")
        self._completions = Completions(id="completions")
        self._path = PathView(ascii_only=ascii_only)
        self._verdict = Static("", id="verdict", classes="panel", markup=False)
        self._addresses = Table(_ADDRESSES, self._address, id="addresses", classes="panel")
        self._evidence = EvidencePane(session)
        self._asker = LatestAnswer[TraceRequest, Trace](
            self,
            lambda asked: session.open_diagnosis.trace(asked.pod, asked.host, asked.port, **asked.client),
            self._traced,
        )
        self._rows: dict[str, AddressTrace] = {}

    def compose(self) -> ComposeResult:
        """Fields, then the results."""
        yield Static("", id="title", markup=False)
        with Vertical(id="form"):
            with Horizontal():
                for name in ("pod", "to", "ip"):
                    yield Label(name, classes="name")
                    yield self._fields[name]
            with Horizontal(classes="more"):
                yield Label("protocol", classes="name")
                yield self._kind
                for name in ("sni", "authority", "path"):
                    yield Label(name, classes=f"name of-{name}")
                    yield self._fields[name]
        yield self._completions
        with Horizontal(id="results"):
            yield self._path
            with Vertical(id="beside"):
                yield self._verdict
                yield self._addresses
                yield self._evidence
        yield KeyLine()

    def on_mount(self) -> None:
        """Traces at once where pod and host are known, else lets the user type what is missing."""
        self._verdict.border_title = "Verdict"
        self._addresses.border_title = "Addresses"
        for name in ("pod", "to"):
            self._fields[name].put(getattr(self.form, name))
        self._fit(self.app.size.width, self.app.size.height)
        self._show_kind()
        self._ask()
        missing = "pod" if not self.form.pod else "to" if not self.form.to or not self._is_good("form") else ""
        self.set_focus(self._fields[missing] if missing else self._path)  # at once: the next key is for it

    def on_resize(self, event: Resize) -> None:
        """Stacks the panels in a small terminal."""
        self._fit(event.size.width, event.size.height)
        self.call_after_refresh(self._show_verdict)  # its own width is not known yet

    def _fit(self, width: int, height: int) -> None:
        self.set_class(width < WIDE, "-narrow")
        self.set_class(height < 20, "-low")

    # Tracing

    def _ask(self) -> None:
        """Asks for what the fields say; what they lack is said in the title."""
        try:
            asked = read_form(self.form, self.session.mesh_state)
        except UsageError as problem:
            self._asker.forget()
            self._show_title(str(problem))
            return
        self._asker.ask(asked)

    def _traced(self, asked: TraceRequest, trace: Trace | None, problem: str) -> None:
        if trace is None:
            self._show_title(problem)
            return
        self.trace = trace
        self._show_title("")
        self._show_kind()
        self._path.put(view.steps(trace, with_app=True))
        self._show_verdict()
        self._rows = {row.ip: row for row in view.worst_first(trace)}
        self._addresses.show(list(self._rows))
        self._addresses.display = len(self._rows) > 1
        self.set_class(len(self._rows) > 1, "-several")
        self._addresses.border_title = f"Addresses {len(self._rows)}"
        self._show_evidence()

    def _show_verdict(self) -> None:
        """Draws the verdict for the width of its panel, so that wrapped lines keep their indent."""
        width = self._verdict.content_size.width
        if self.trace is not None and width > 0:
            lines = draw([view.verdict(self.trace)], width, ascii_only=self.session.ascii_only)
            self._verdict.update(Content("\n").join(map(toned, lines)))

    def state_changed(self, changed: StateChange) -> None:
        """Traces again with the newer evidence."""
        if changed.is_end or self.form.pod in changed.pods:
            self._ask()

    def _show_title(self, problem: str) -> None:
        form, said = self.form, Content("")
        if problem:
            said = Content.styled(f"{printable(problem)}  ", "$text-warning")
        elif self.trace is not None:
            said = Content.styled(f"{self.trace.verdict}  ", tone_style(self.trace.verdict.icon))
        ends = f"{printable(form.pod) or '?'} -> {printable(form.to) or '?'}"
        self.query_one("#title", Static).update(Content.assemble(" trace  ", said, ends))

    def _show_kind(self) -> None:
        """Shows only the fields that the protocol has."""
        assumed = self.trace.destination.protocol if self.trace and self.form.kind == AUTO else ""
        kind = self.form.kind if self.form.kind != AUTO else assumed
        self._kind.note = assumed
        for name, of in (("sni", "tls"), ("authority", "http"), ("path", "http")):
            self._fields[name].display = kind == of
            self.query_one(f".of-{name}").display = kind == of

    def _show_evidence(self) -> None:
        steps = self._path.steps
        step = steps[self._path.cursor] if self._path.cursor < len(steps) else None
        self._evidence.show(step.evidence if step else None)

    def _address(self, ip: str) -> tuple[Cell, ...]:
        row = self._rows.get(ip)
        if row is None:
            return ()
        last = printable(row.cluster or row.reason)
        return Cell(printable(row.ip)), Cell(row.verdict, row.verdict.icon), Cell(last)

    # Messages

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

    @on(CursorMoved, "#path")
    def _moved(self, message: CursorMoved) -> None:
        message.stop()
        self._show_evidence()

    @on(CursorOpened, "#addresses")
    def _address_opened(self, message: CursorOpened) -> None:
        message.stop()
        self._fields["ip"].value = str(self._addresses.key)

    def _offer(self, name: str) -> None:
        """Shows the names that match the field, unless it holds the only one."""
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
        self._completions.offer(names)
        self._completions.display = bool(names)

    @on(FieldEntered)
    def _entered(self, message: FieldEntered) -> None:
        message.stop()
        self._offer((message.field.id or "").removeprefix("f-"))

    @on(FieldLeft)
    def _left(self, message: FieldLeft) -> None:
        message.stop()
        if not isinstance(self.focused, Field):
            self._completions.display = False

    @on(CompletionMoved)
    def _completion_moved(self, message: CompletionMoved) -> None:
        message.stop()
        if self._completions.display:
            self._completions.has_moved = self._completions.has_moved or message.by < 0
            self._completions.action_move(message.by)

    @on(CursorOpened, "#completions")
    def _completion_opened(self, message: CursorOpened) -> None:
        message.stop()
        self._complete()

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        """Enter takes the name under the cursor, or the first where the text is no name yet; then goes on."""
        message.stop()
        name = (message.input.id or "").removeprefix("f-")
        if self._completions.display and (self._completions.has_moved or not self._is_good(name)):
            self._complete()
        self._completions.display = False
        if not self._is_good("pod"):
            self._fields["pod"].focus()
        elif not self._is_good("to"):
            self._fields["to"].focus()
        else:
            self._path.focus()

    def _complete(self) -> None:
        field, key = self.focused, self._completions.key
        if isinstance(field, Field) and key is not None:
            name = (field.id or "").removeprefix("f-")
            setattr(self.form, name, key)
            field.put(key)
            self._completions.display = False
            self._ask()

    def _is_good(self, name: str) -> bool:
        """Whether a field holds a valid value; for the fields below pod and destination: whether all do."""
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
        """Leaves a field; from elsewhere, the screen."""
        if isinstance(self.focused, (Field, OptionRow)) and self.trace is not None:
            self._completions.display = False
            self._path.focus()
        else:
            self.dismiss()

    def action_go(self, name: str) -> None:
        """Goes to a field; typing replaces its text."""
        self.set_focus(self._fields[name])  # at once: the next key is for it
        self._fields[name].action_select_all()

    def action_protocol(self) -> None:
        """Takes the next protocol."""
        self._kind.action_next(1)

    def action_raw(self) -> None:
        """Opens the document that decides the step."""
        piece = self._evidence.piece
        if piece is None:
            self.notify("No document decides this step.", markup=False)
        else:
            self.app.push_screen(evidence_screen(self.session, piece))
