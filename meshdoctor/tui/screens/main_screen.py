"""The main screen: pods, external hosts and findings side by side, or one at a time where there is little room."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.geometry import Size
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from meshdoctor.model.finding import Finding
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.bindings import MAIN_KEYS
from meshdoctor.tui.messages import Exported, FilterLeft, FilterTyped, RowMoved, RowOpened, TraceWanted, WatchWanted
from meshdoctor.tui.state.mesh_state import MeshState, StateChange
from meshdoctor.tui.state.panel_titles import NAMES, hint, title
from meshdoctor.tui.state.row_filter import read_filter
from meshdoctor.tui.state.trace_form import of_row
from meshdoctor.tui.state.view_state import PARTS, Part, ViewState
from meshdoctor.tui.widgets.filter_line import Foot
from meshdoctor.tui.widgets.header import Header
from meshdoctor.tui.widgets.panel import PartView
from meshdoctor.tui.widgets.tab_line import TabLine

WIDE, HIGH = 100, 18
"""Columns and lines from which on all three parts are shown."""
TINY = 8
"""Lines below which there is none to spare for borders."""


class MainScreen(Screen[None]):
    """Shows the session's board. Moving in a part narrows the others; escape widens again."""

    BINDINGS: ClassVar[list[BindingType]] = [*MAIN_KEYS]
    AUTO_FOCUS = ""
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Textual draws the whole screen when the focus moves; what gets and loses it draws itself."""

    def __init__(self, session: TuiSession) -> None:
        super().__init__(id="main")
        self.session = session
        self.front: Part = "pods"
        """The part in use; the only one that shows where there is little room."""
        ascii_only = session.looks.ascii_only
        self._parts = {part: PartView(part, session.view_state, ascii_only=ascii_only) for part in PARTS}
        self._header = Header(session)
        self._tabs = TabLine()
        self._foot = Foot()
        self._offers = (False, False)
        """There are rows, and findings, to do something with."""

    @property
    def mesh_state(self) -> MeshState:
        """What is known."""
        return self.session.mesh_state

    @property
    def view_state(self) -> ViewState:
        """What of it is in sight."""
        return self.session.view_state

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._header
        yield self._tabs
        with Container(id="parts"):
            yield from self._parts.values()
        yield self._foot

    def on_mount(self) -> None:
        """The first paint: everything is empty yet."""
        self._fit(self.app.size)
        self.action_part("pods")
        self.show_all()

    def on_resize(self, event: Resize) -> None:
        """Where there is little room one part is shown at a time."""
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        self.set_class(size.width < WIDE or size.height < HIGH, "-tabs")
        self.set_class(size.height < TINY, "-tiny")
        self._show_tabs()

    # What others tell

    def state_changed(self, changed: StateChange) -> None:
        """Brings onto the screen what events changed, and no more than that."""
        if changed.head:
            self._header.refresh()
        offers = (bool(self.mesh_state.pods or self.mesh_state.hosts), bool(self.mesh_state.findings))
        if offers != self._offers:
            self._offers = offers
            self.refresh_bindings()
        rows: dict[Part, Collection[Any] | None] = {
            "pods": changed.pods,
            "hosts": changed.hosts,
            "findings": None if changed.findings else (),
        }
        for part in PARTS:
            if rows[part] is None or rows[part] or changed.is_end:
                self._show(part, rows[part])

    def show_all(self, *, but: Part | None = None) -> None:
        """Shows every part anew; `but` one whose rows have not changed."""
        for part in PARTS:
            self._show(part, () if part == but else None)
        self._header.refresh()

    def _show(self, part: Part, changed: Collection[Any] | None) -> None:
        keys = self.view_state.keys(part)
        name = title(self.view_state, part, len(keys), ascii_only=self.session.looks.ascii_only)
        self._parts[part].show(keys, name, hint(self.view_state, part), changed)
        if self.has_class("-tabs"):
            self._show_tabs()

    def _show_tabs(self) -> None:
        names = {part: f"{NAMES[part]} {len(view.table.keys)}" for part, view in self._parts.items()}
        self._tabs.show(names, self.front)

    @on(RowMoved)
    def _moved(self, message: RowMoved) -> None:
        self.view_state.choose(message.part, message.key)
        self.show_all(but=message.part)

    @on(RowOpened)
    def _opened(self, message: RowOpened) -> None:
        if message.part == "findings":
            self.open_finding(message.key)
        else:
            self.view_state.choose(message.part, message.key)
            self.show_all(but=message.part)
            self.action_part("findings" if message.part == "hosts" else "hosts")

    def _finding(self, fingerprint: str) -> Finding | None:
        line = self.mesh_state.finding(fingerprint)
        return line.finding if line is not None else None

    def open_finding(self, fingerprint: str) -> None:
        """Opens a finding's own screen."""
        from meshdoctor.tui.screens.finding_screen import FindingScreen

        found = self._finding(fingerprint)
        if found is not None:
            self.app.push_screen(FindingScreen(self.session, found))

    # Keys

    def action_part(self, part: Part) -> None:
        """Goes to a part."""
        self.front = part
        for name, view in self._parts.items():
            view.set_front(name == part)
        self.set_focus(self._parts[part].table)  # at once: the next key is for it
        self._show_tabs()

    def action_next_part(self, by: int) -> None:
        """Goes to the part after this one, or before it."""
        self.action_part(PARTS[(PARTS.index(self.front) + by) % len(PARTS)])

    def action_filter(self) -> None:
        """Opens the line for this part's filter."""
        self._foot.open(self.view_state.filters[self.front].typed)

    @on(FilterTyped)
    def _filter_typed(self, message: FilterTyped) -> None:
        self.view_state.filters[self.front] = read_filter(message.text)
        self._show(self.front, None)

    @on(FilterLeft)
    def _filter_left(self, message: FilterLeft) -> None:
        if not message.keep:
            self.view_state.filters[self.front] = read_filter("")
        problem = self.view_state.filters[self.front].problem
        if problem:
            self.notify(problem, severity="warning", markup=False)
        self.action_part(self.front)
        self._foot.close()
        self._show(self.front, None)

    def action_widen(self) -> None:
        """Takes back the filter of this part, else the newest choice, else another filter, else the namespaces."""
        if self.view_state.filters[self.front].typed:
            self.view_state.filters[self.front] = read_filter("")
        elif not self.view_state.widen():
            filtered = next((part for part in PARTS if self.view_state.filters[part].typed), None)
            if filtered is None:
                self.view_state.namespaces = frozenset()
            else:
                self.view_state.filters[filtered] = read_filter("")
        for part in PARTS:
            if part not in (choice.part for choice in self.view_state.choices):
                self._parts[part].table.has_moved = False
        self.show_all()

    def action_namespace(self) -> None:
        """Lets the user choose namespaces."""
        from meshdoctor.tui.screens.namespace_screen import NamespaceScreen

        def chosen(names: frozenset[str] | None) -> None:
            if names is not None:
                self.view_state.namespaces = names
                self.show_all()

        self.app.push_screen(NamespaceScreen(self.mesh_state.namespaces, self.view_state.namespaces), chosen)

    def action_all_namespaces(self) -> None:
        """All of them again, as 0 does in k9s."""
        self.view_state.namespaces = frozenset()
        self.show_all()

    def action_mark(self) -> None:
        """Marks the row under the cursor, or takes its mark away, and goes on to the next."""
        table = self._parts[self.front].table
        if table.key is None:
            return
        self.view_state.mark(self.front, table.key)
        table.has_moved = True
        table.refresh_rows((table.key,))
        table.action_move(1)
        self.show_all(but=self.front)

    def action_sort(self) -> None:
        """Takes this part's next order."""
        self.view_state.sort_next(self.front)
        self._show(self.front, None)

    def action_problems(self) -> None:
        """Shows problems only, or everything again."""
        self.view_state.problems_only = not self.view_state.problems_only
        self.show_all()

    def action_refresh(self, everything: bool) -> None:
        """Looks again: at the pods that are marked, else the one under the cursor, or at everything."""
        key = self._parts["pods"].table.key
        pods = list(self.view_state.marks["pods"]) or ([] if key is None else [key])
        if not self.session.refresh(None if everything or not pods else pods):
            self.notify("a look is under way already", markup=False)

    def action_trace(self) -> None:
        """Follows the connection that the row and the choices are about."""
        table = self._parts[self.front].table
        self.post_message(TraceWanted(*of_row(self.view_state, self.front, table.key)))

    def action_watch(self) -> None:
        """Looks again and again, or does not any more."""
        self.post_message(WatchWanted())

    def action_details(self) -> None:
        """Opens what the row is about as a whole."""
        from meshdoctor.tui.screens.details_screen import HostScreen, PodScreen

        key = self._parts[self.front].table.key
        if self.front == "findings" and key is not None:
            self.open_finding(key)
        elif self.front == "pods" and key is not None:
            self.app.push_screen(PodScreen(self.session, key))
        elif key is not None:
            self.app.push_screen(HostScreen(self.session, key))

    def _findings_of_row(self) -> list[str]:
        """Fingerprints: the finding under the cursor, else those in sight about the row there, which it chooses."""
        table = self._parts[self.front].table
        if table.key is None or self.front == "findings":
            return [] if table.key is None else [table.key]
        table.has_moved = True
        self.view_state.choose(self.front, table.key)
        self.show_all()
        return self.view_state.keys("findings")

    async def action_fix(self) -> None:
        """Opens the first fix of the row's finding above its own screen; of several one is chosen first."""
        from meshdoctor.tui.screens.finding_screen import FindingScreen

        keys = self._findings_of_row()
        if len(keys) > 1:
            self.action_part("findings")
            self.notify(f"{len(keys)} findings are about this: choose one, then a", markup=False)
            return
        found = self._finding(keys[0]) if keys else None
        if found is None:
            self.notify("no finding in sight is about this: there is nothing to fix", markup=False)
            return
        screen = FindingScreen(self.session, found)
        await self.app.push_screen(screen)
        screen.open_first_fix()

    def action_raw(self) -> None:
        """Opens what was read of the row."""
        from meshdoctor.tui.screens.details_screen import NO_OBJECT, host_document, pod_document
        from meshdoctor.tui.screens.raw_screen import RawScreen

        key = self._parts[self.front].table.key
        if key is None:
            return
        screen: Screen[None] | None = None
        if self.front == "pods":
            screen = pod_document(self.session, key)
        elif self.front == "hosts":
            screen = host_document(self.session, key)
        else:
            found = self._finding(key)
            screen = RawScreen(self.session, found) if found is not None else None
        if screen is None:
            self.notify(NO_OBJECT, markup=False)
        else:
            self.app.push_screen(screen)

    def action_export(self) -> None:
        """Writes the marked findings, else the row's, into the folder meshdoctor was started in, and copies them."""
        keys = list(self.view_state.marks["findings"]) or self._findings_of_row()
        found = [one for one in map(self._finding, keys) if one is not None]
        if not found or (len(found) > 1 and not self.view_state.marks["findings"]):
            self.notify(
                f"{len(found) or 'no'} findings are about this: 3, then space marks those to export", markup=False
            )
        else:
            self._export(found)

    @work(thread=True, group="export", exclusive=True)
    def _export(self, found: Sequence[Finding]) -> None:
        from meshdoctor.tui.exporting import export, look_up

        self.post_message(export(self.session, [look_up(self.session, one) for one in found], Path.cwd()))

    @on(Exported)
    def _exported(self, message: Exported) -> None:
        from meshdoctor.tui.exporting import tell

        tell(self, message)

    def action_matrix(self) -> None:
        """Opens the matrix."""
        from meshdoctor.tui.screens.matrix_screen import MatrixScreen

        def left(part: str | None) -> None:
            self.show_all()
            if part in PARTS:
                self.action_part(part)

        self.app.push_screen(MatrixScreen(self.session), left)

    def action_undo(self) -> None:
        """Opens the last fix, to take it back."""
        from meshdoctor.tui.screens.fix_screen import open_last

        self.run_worker(open_last(self, self.session), exclusive=True, group="undo")

    def action_demo(self) -> None:
        """Opens a bundled mesh in place of what could not be read."""
        self.session.open_demo()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What has nothing to act on is left out; the demo is offered where there is nothing else to see."""
        mesh_state = self.mesh_state
        if action in ("details", "raw"):
            return bool(mesh_state.pods or mesh_state.hosts)
        if action in ("fix", "export"):
            return bool(mesh_state.findings)
        if action in ("trace", "filter", "problems", "namespace"):
            return mesh_state.failed is None or bool(mesh_state.pods or mesh_state.hosts)
        if action == "demo":
            return mesh_state.failed is not None and not mesh_state.pods
        return True
