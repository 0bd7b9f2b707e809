"""The matrix of pods and hosts, with an icon for each verdict. Enter traces the connection of a cell."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Static

from meshdoctor.diagnosis.events import Pair
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.icons import icon
from meshdoctor.text.printable import printable
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.bindings import MATRIX_KEYS
from meshdoctor.tui.messages import TraceRequested
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.matrix_axes import legend, matrix_axes, matrix_cell, verdict_shown
from meshdoctor.tui.state.mesh_state import StateChange
from meshdoctor.tui.state.row_filter import read_filter
from meshdoctor.tui.state.tones import tone
from meshdoctor.tui.state.view_state import Panel
from meshdoctor.tui.widgets.cursor_view import CursorMoved, CursorOpened
from meshdoctor.tui.widgets.filter_line import Footer
from meshdoctor.tui.widgets.icon_grid import IconGrid
from meshdoctor.tui.widgets.toned import tone_style
from meshdoctor.tui.widgets.typed_line import LineLeft, LineTyped

_LOW = 14
"""With fewer lines the legend and the title are hidden."""
_FILTERED: tuple[Panel, ...] = ("pods", "hosts")


class MatrixScreen(Screen[str]):
    """Ends with the panel that the user goes to, or nothing."""

    DEFAULT_CSS = """
    MatrixScreen #cell { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    .-ascii MatrixScreen #cell { text-overflow: clip; }
    MatrixScreen #legend { height: auto; max-height: 3; padding: 0 1; color: $text-muted; }
    MatrixScreen #nothing { display: none; padding: 1 2; color: $text-muted; height: 1fr; }
    MatrixScreen.-low #legend, MatrixScreen.-low #title { display: none; }
    MatrixScreen.-empty #nothing { display: block; }
    MatrixScreen.-empty IconGrid { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*MATRIX_KEYS]
    AUTO_FOCUS = "IconGrid"

    def __init__(self, session: TuiSession) -> None:
        super().__init__(id="matrix")
        self.session = session
        self.view_state = session.view_state
        self._ascii = session.ascii_only
        self._all = False
        self._filtered: Panel = "pods"
        self.grid = IconGrid(self._cell, self._pod, lambda pair: (printable(pair[0]), f":{pair[1]}"))
        self._footer = Footer()

    def compose(self) -> ComposeResult:
        """Title, the cell under the cursor in words, the grid, the legend, the keys."""
        yield Static("", id="title", markup=False)
        yield Static("", id="cell", markup=False)
        yield self.grid
        yield Static("", id="nothing", markup=False)
        signs = (
            Content.assemble((cell.text, tone_style(cell.tone)), f" {meaning}")
            for cell, meaning in legend(ascii_only=self._ascii)
        )
        yield Static(Content("   ").join(signs), id="legend", markup=False)
        yield self._footer

    def on_mount(self) -> None:
        """Puts the cursor on the chosen pod and host."""
        self._show()
        chosen = {choice.panel: choice.key for choice in self.view_state.choices}
        rows, columns = self.grid.rows, self.grid.columns
        row = rows.index(chosen["pods"]) if chosen.get("pods") in rows else 0
        column = columns.index(chosen["hosts"]) if chosen.get("hosts") in columns else 0
        self.grid.move_to(row, column)

    def on_resize(self, event: Resize) -> None:
        """In a low terminal the grid gets all lines."""
        self.set_class(event.size.height < _LOW, "-low")

    def state_changed(self, changed: StateChange) -> None:
        """Draws what changed."""
        if changed.pods or changed.hosts or changed.is_end:
            self._show()

    def _show(self) -> None:
        axes = matrix_axes(self.view_state, show_all=self._all)
        self.grid.show(axes.pods, axes.hosts)
        is_empty = not (axes.pods and axes.hosts)
        self.set_class(is_empty, "-empty")
        if is_empty:
            self.query_one("#nothing", Static).update(self._nothing())
        parts = [f"Matrix  pods {_of(len(axes.pods), axes.all_pods)}, hosts {_of(len(axes.hosts), axes.all_hosts)}"]
        if self.view_state.namespaces:
            parts.append(", ".join(sorted(self.view_state.namespaces)))
        parts += [
            f"{panel} /{printable(f.typed)}"
            for panel, f in self.view_state.filters.items()
            if f.typed and panel != "findings"
        ]
        parts += ["problems only"] * self.view_state.problems_only + ["all hosts"] * self._all
        self.query_one("#title", Static).update(" " + "  ·  ".join(parts).replace("·", "-" if self._ascii else "·"))
        self._show_cell()

    def _nothing(self) -> str:
        if self.session.mesh_state.diagnosis is None and self.session.mesh_state.failed is None:
            return "Reading ..."
        if any(self.view_state.filters[panel] for panel in _FILTERED):
            return "Nothing matches the filters. esc clears them."
        if self.view_state.problems_only:
            return "No problems: every dependency of every pod is delivered. ctrl+z shows all pods and hosts."
        return "No pod with a sidecar uses an external host."

    def _show_cell(self) -> None:
        here = self.grid.cell
        self.query_one("#cell", Static).update(self._cell_text(*here) if here else "")

    def _cell_text(self, pod: str, pair: Pair) -> Content:
        """The cell in words."""
        row = self.session.mesh_state.pods.get(pod)
        shown_as = matrix_cell(self.session.mesh_state, pod, pair, show_all=True, ascii_only=self._ascii)
        verdict = row.verdicts.get(pair) if row else None
        shown = verdict_shown(self.session.mesh_state, row, pair) if row else ""
        words = (
            verdict[0] if verdict else {"unknown": "unknown", "pending": "not checked yet"}.get(shown, "not checked")
        )
        why = f" ({verdict[1]})" if verdict and verdict[1] and verdict[0] is not Verdict.DELIVERED else ""
        if row is not None and row.state == "unread":
            why = f" ({printable(row.because)})"
        unused = "" if row and pair in row.dependencies else "  not used by this pod"
        return Content.assemble(
            (f"{shown_as.text} {words}", tone_style(shown_as.tone)),
            f"{printable(why)}  {printable(pod)} -> {printable(host_port(*pair))}",
            (unused, "$text-muted"),
        )

    # Cells

    def _cell(self, pod: str, pair: Pair) -> Cell:
        return matrix_cell(self.session.mesh_state, pod, pair, show_all=self._all, ascii_only=self._ascii)

    def _pod(self, key: str) -> Cell:
        row = self.session.mesh_state.pods.get(key)
        if row is None:
            return Cell("")
        several = len(self.view_state.namespaces) != 1 and len(self.session.mesh_state.namespaces) > 1
        name = row.key if several else row.name
        return Cell(f"{icon(row.worst, ascii_only=self._ascii)} {printable(name)}", tone(row.worst))

    @on(CursorMoved)
    def _moved(self, message: CursorMoved) -> None:
        message.stop()
        self._show_cell()

    @on(CursorOpened)
    def _opened(self, message: CursorOpened) -> None:
        message.stop()
        self.action_trace()

    # Keys

    def action_trace(self) -> None:
        """Traces the connection of the cell."""
        here: Any = self.grid.cell
        if here is not None:
            self.post_message(TraceRequested(here[0], *here[1]))

    def action_filter(self, panel: Panel) -> None:
        """Opens the line for a filter of the rows or of the columns."""
        self._filtered = panel
        self._footer.open(self.view_state.filters[panel].typed)

    @on(LineTyped)
    def _filter_typed(self, message: LineTyped) -> None:
        message.stop()
        self.view_state.filters[self._filtered] = read_filter(message.text)
        self._show()

    @on(LineLeft)
    def _filter_left(self, message: LineLeft) -> None:
        message.stop()
        if not message.keep:
            self.view_state.filters[self._filtered] = read_filter("")
        self.set_focus(self.grid)
        self._footer.close()
        self._show()

    def action_problems(self) -> None:
        """Hides rows and columns without a problem, or shows them again."""
        self.view_state.problems_only = not self.view_state.problems_only
        self._show()

    def action_everything(self) -> None:
        """Also shows the verdicts of hosts that a pod does not use, or hides them again."""
        self._all = not self._all
        self._show()

    def action_namespace(self) -> None:
        """Lets the user choose a namespace."""
        from meshdoctor.tui.screens.choice_screen import choose_namespace

        choose_namespace(self, self.view_state, self._show)

    def action_back(self) -> None:
        """Clears the filters; without any, goes back."""
        typed = [panel for panel in _FILTERED if self.view_state.filters[panel].typed]
        if not typed:
            self.dismiss("")
            return
        for panel in typed:
            self.view_state.filters[panel] = read_filter("")
        self._show()

    def action_panel(self, panel: str) -> None:
        """Goes to one of the panels of the main screen."""
        self.dismiss(panel)


def _of(shown: int, total: int) -> str:
    return str(shown) if shown == total else f"{shown}/{total}"
