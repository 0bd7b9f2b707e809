"""The main screen: pods, external hosts and findings side by side, or one at a time in a small terminal."""

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
from meshdoctor.tui.messages import RowMoved, RowOpened, TraceRequested, WatchToggled
from meshdoctor.tui.state.mesh_state import MeshState, StateChange
from meshdoctor.tui.state.panel_titles import NAMES, hint, title
from meshdoctor.tui.state.row_filter import read_filter
from meshdoctor.tui.state.trace_form import of_row
from meshdoctor.tui.state.view_state import PANELS, Panel, ViewState
from meshdoctor.tui.widgets.filter_line import Footer
from meshdoctor.tui.widgets.header import Header
from meshdoctor.tui.widgets.panel import PanelView
from meshdoctor.tui.widgets.tab_line import TabLine
from meshdoctor.tui.widgets.typed_line import LineLeft, LineTyped

WIDE, HIGH = 100, 18
"""With fewer columns or lines one panel is shown at a time."""
TINY = 8
"""With fewer lines the panels have no borders."""

_NOUNS: dict[Panel, str] = {"pods": "pod", "hosts": "host", "findings": "row"}


class MainScreen(Screen[None]):
    """Moving in a panel narrows the others; escape widens them again."""

    BINDINGS: ClassVar[list[BindingType]] = [*MAIN_KEYS]
    AUTO_FOCUS = ""
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Textual would draw the whole screen when the focus moves; the widgets that get and lose it draw themselves."""

    def __init__(self, session: TuiSession) -> None:
        super().__init__(id="main")
        self.session = session
        self.front: Panel = "pods"
        """The panel in use; the only one that shows where there is little room."""
        ascii_only = session.ascii_only
        self._panels = {panel: PanelView(panel, session.view_state, ascii_only=ascii_only) for panel in PANELS}
        self._header = Header(session)
        self._tabs = TabLine()
        self._footer = Footer()
        self._has_rows = (False, False)
        """Whether there are rows, and findings, for keys to act on."""

    @property
    def mesh_state(self) -> MeshState:
        """What is known of the mesh."""
        return self.session.mesh_state

    @property
    def view_state(self) -> ViewState:
        """Which rows are shown, and in what order."""
        return self.session.view_state

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._header
        yield self._tabs
        with Container(id="panels"):
            yield from self._panels.values()
        yield self._footer

    def on_mount(self) -> None:
        """The first paint: everything is empty yet."""
        self._fit(self.app.size)
        self.action_panel("pods")
        self.show_all()

    def on_resize(self, event: Resize) -> None:
        """A small terminal shows one panel at a time."""
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        self.set_class(size.width < WIDE or size.height < HIGH, "-tabs")
        self.set_class(size.height < TINY, "-tiny")
        self._show_tabs()

    # Messages

    def state_changed(self, changed: StateChange) -> None:
        """Draws what events changed, and no more than that."""
        if changed.head:
            self._header.refresh()
        has_rows = (bool(self.mesh_state.pods or self.mesh_state.hosts), bool(self.mesh_state.findings))
        if has_rows != self._has_rows:
            self._has_rows = has_rows
            self.refresh_bindings()
        rows: dict[Panel, Collection[Any] | None] = {
            "pods": changed.pods,
            "hosts": changed.hosts,
            "findings": None if changed.findings else (),
        }
        for panel in PANELS:
            if rows[panel] is None or rows[panel] or changed.is_end:
                self._show(panel, rows[panel])

    def show_all(self, *, but: Panel | None = None) -> None:
        """Draws every panel; `but` is one whose rows have not changed."""
        for panel in PANELS:
            self._show(panel, () if panel == but else None)
        self._header.refresh()

    def _show(self, panel: Panel, changed: Collection[Any] | None) -> None:
        keys = self.view_state.keys(panel)
        name = title(self.view_state, panel, len(keys), ascii_only=self.session.ascii_only)
        self._panels[panel].show(keys, name, hint(self.view_state, panel), changed)
        if self.has_class("-tabs"):
            self._show_tabs()

    def _show_tabs(self) -> None:
        names = {panel: f"{NAMES[panel]} {len(view.table.keys)}" for panel, view in self._panels.items()}
        self._tabs.show(names, self.front)

    @on(RowMoved)
    def _moved(self, message: RowMoved) -> None:
        self.view_state.choose(message.panel, message.key)
        self.show_all(but=message.panel)

    @on(RowOpened)
    def _opened(self, message: RowOpened) -> None:
        if message.panel == "findings":
            self.open_finding(message.key)
        else:
            self.view_state.choose(message.panel, message.key)
            self.show_all(but=message.panel)
            self.action_panel("findings" if message.panel == "hosts" else "hosts")

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

    def action_panel(self, panel: Panel) -> None:
        """Goes to a panel."""
        self.front = panel
        for name, view in self._panels.items():
            view.set_front(name == panel)
        self.set_focus(self._panels[panel].table)  # at once: the next key is for it
        self._show_tabs()

    def action_next_panel(self, by: int) -> None:
        """Goes to the panel after this one, or before it."""
        self.action_panel(PANELS[(PANELS.index(self.front) + by) % len(PANELS)])

    def action_filter(self) -> None:
        """Opens the line for this panel's filter."""
        self._footer.open(self.view_state.filters[self.front].typed)

    @on(LineTyped)
    def _filter_typed(self, message: LineTyped) -> None:
        self.view_state.filters[self.front] = read_filter(message.text)
        self._show(self.front, None)

    @on(LineLeft)
    def _filter_left(self, message: LineLeft) -> None:
        if not message.keep:
            self.view_state.filters[self.front] = read_filter("")
        problem = self.view_state.filters[self.front].problem
        if problem:
            self.notify(problem, severity="warning", markup=False)
        self.action_panel(self.front)
        self._footer.close()
        self._show(self.front, None)

    def action_widen(self) -> None:
        """Clears the filter of this panel, else the newest choice, else another filter, else the namespaces."""
        if self.view_state.filters[self.front].typed:
            self.view_state.filters[self.front] = read_filter("")
        elif not self.view_state.widen():
            filtered = next((panel for panel in PANELS if self.view_state.filters[panel].typed), None)
            if filtered is None:
                self.view_state.namespaces = frozenset()
            else:
                self.view_state.filters[filtered] = read_filter("")
        for panel in PANELS:
            if panel not in (choice.panel for choice in self.view_state.choices):
                self._panels[panel].table.has_moved = False
        self.show_all()

    def action_namespace(self) -> None:
        """Lets the user choose a namespace."""
        from meshdoctor.tui.screens.choice_screen import choose_namespace

        choose_namespace(self, self.view_state, self.show_all)

    def action_all_namespaces(self) -> None:
        """Shows all of them again, as 0 does in k9s."""
        self.view_state.namespaces = frozenset()
        self.show_all()

    def action_mark(self) -> None:
        """Marks the row under the cursor or clears its mark, and goes on to the next."""
        table = self._panels[self.front].table
        if table.key is None:
            return
        self.view_state.mark(self.front, table.key)
        table.has_moved = True
        table.refresh_rows((table.key,))
        table.action_move(1)
        self.show_all(but=self.front)

    def action_sort(self) -> None:
        """Changes the order of this panel."""
        self.view_state.sort_next(self.front)
        self._show(self.front, None)

    def action_problems(self) -> None:
        """Shows problems only, or everything again."""
        self.view_state.problems_only = not self.view_state.problems_only
        self.show_all()

    def action_refresh(self, everything: bool) -> None:
        """Checks again: the marked pods, else the one under the cursor, or everything."""
        key = self._panels["pods"].table.key
        pods = list(self.view_state.marks["pods"]) or ([] if key is None else [key])
        if not self.session.refresh(None if everything or not pods else pods):
            self.notify("A refresh is already running.", markup=False)

    def action_trace(self) -> None:
        """Traces the connection that the row and the choices are about."""
        table = self._panels[self.front].table
        self.post_message(TraceRequested(*of_row(self.view_state, self.front, table.key)))

    def action_watch(self) -> None:
        """Switches watch mode on or off."""
        self.post_message(WatchToggled())

    def action_details(self) -> None:
        """Opens the pod, host or finding of the row."""
        from meshdoctor.tui.screens.details_screen import HostScreen, PodScreen

        key = self._panels[self.front].table.key
        if self.front == "findings" and key is not None:
            self.open_finding(key)
        elif self.front == "pods" and key is not None:
            self.app.push_screen(PodScreen(self.session, key))
        elif key is not None:
            self.app.push_screen(HostScreen(self.session, key))

    def _findings_of_row(self) -> list[str]:
        """Fingerprints: the finding under the cursor, else those about the row there, which is chosen."""
        table = self._panels[self.front].table
        if table.key is None or self.front == "findings":
            return [] if table.key is None else [table.key]
        table.has_moved = True
        self.view_state.choose(self.front, table.key)
        self.show_all()
        return self.view_state.keys("findings")

    async def action_fix(self) -> None:
        """Opens the first fix of the row's finding; the user chooses among several findings first."""
        from meshdoctor.tui.screens.finding_screen import FindingScreen

        keys = self._findings_of_row()
        if len(keys) > 1:
            self.action_panel("findings")
            self.notify(
                f"{len(keys)} findings affect this {_NOUNS[self.front]}: select one, then press a", markup=False
            )
            return
        found = self._finding(keys[0]) if keys else None
        if found is None:
            self.notify(f"No finding affects this {_NOUNS[self.front]}, so there is nothing to fix.", markup=False)
            return
        screen = FindingScreen(self.session, found)
        await self.app.push_screen(screen)
        screen.open_first_fix()

    def action_raw(self) -> None:
        """Opens the objects of the row as they were read."""
        from meshdoctor.tui.screens.details_screen import NO_OBJECT, host_document, pod_document
        from meshdoctor.tui.screens.raw_screen import RawScreen

        key = self._panels[self.front].table.key
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
        """Writes the marked findings, else the row's, as Markdown into the current folder, and copies them."""
        keys = list(self.view_state.marks["findings"]) or self._findings_of_row()
        found = [one for one in map(self._finding, keys) if one is not None]
        if not found or (len(found) > 1 and not self.view_state.marks["findings"]):
            self.notify(
                f"{len(found) or 'No'} findings affect this {_NOUNS[self.front]}: mark those to export (3, space)",
                markup=False,
            )
        else:
            self._export(found)

    @work(thread=True, group="export", exclusive=True)
    def _export(self, found: Sequence[Finding]) -> None:
        from meshdoctor.tui.exporting import export, read_facts

        self.post_message(export(self.session, [read_facts(self.session, one) for one in found], Path.cwd()))

    def action_matrix(self) -> None:
        """Opens the matrix."""
        from meshdoctor.tui.screens.matrix_screen import MatrixScreen

        def left(panel: str | None) -> None:
            self.show_all()
            if panel in PANELS:
                self.action_panel(panel)

        self.app.push_screen(MatrixScreen(self.session), left)

    def action_undo(self) -> None:
        """Opens the last fix to undo it."""
        from meshdoctor.tui.screens.fix_screen import open_last

        self.run_worker(open_last(self, self.session), exclusive=True, group="undo")

    def action_demo(self) -> None:
        """Opens a bundled snapshot in place of the cluster that could not be read."""
        self.session.open_demo()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hides keys that have nothing to act on; the demo is offered where nothing could be read."""
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
