"""The matrix: pods down, hosts across, a sign a verdict. Enter follows the connection of a cell."""

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
from meshdoctor.tui.messages import FilterLeft, FilterTyped, TraceWanted
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.icons import tone
from meshdoctor.tui.state.matrix_axes import legend, matrix_axes, matrix_cell, verdict_shown
from meshdoctor.tui.state.mesh_state import StateChange
from meshdoctor.tui.state.row_filter import read_filter
from meshdoctor.tui.state.view_state import Part
from meshdoctor.tui.widgets.filter_line import Foot
from meshdoctor.tui.widgets.icon_grid import Grid
from meshdoctor.tui.widgets.styles import text_style

_LOW = 14
"""Lines below which there is none to spare for the legend."""
_FILTERED: tuple[Part, ...] = ("pods", "hosts")


class MatrixScreen(Screen[str]):
    """Shows the session's board as a grid. Ends with the part to go to, where one was asked for."""

    DEFAULT_CSS = """
    MatrixScreen #cell { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    .-ascii MatrixScreen #cell { text-overflow: clip; }
    MatrixScreen #legend { height: auto; max-height: 3; padding: 0 1; color: $text-muted; }
    MatrixScreen #nothing { display: none; padding: 1 2; color: $text-muted; height: 1fr; }
    MatrixScreen.-low #legend, MatrixScreen.-low #title { display: none; }
    MatrixScreen.-empty #nothing { display: block; }
    MatrixScreen.-empty Grid { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*MATRIX_KEYS]
    AUTO_FOCUS = "Grid"

    def __init__(self, session: TuiSession) -> None:
        super().__init__(id="matrix")
        self.session = session
        self.view_state = session.view_state
        self._ascii = session.looks.ascii_only
        self._all = False
        self._filtered: Part = "pods"
        self.grid = Grid(self._cell, self._pod, self._host)
        self._foot = Foot()

    def compose(self) -> ComposeResult:
        """Title, the cell under the cursor in words, the grid, the legend, the keys."""
        yield Static("", id="title", markup=False)
        yield Static("", id="cell", markup=False)
        yield self.grid
        yield Static("", id="nothing", markup=False)
        yield Static(self._legend(), id="legend", markup=False)
        yield self._foot

    def on_mount(self) -> None:
        """The cursor is where the user was."""
        self._show()
        chosen = {choice.part: choice.key for choice in self.view_state.choices}
        rows, columns = self.grid.rows, self.grid.columns
        row = rows.index(chosen["pods"]) if chosen.get("pods") in rows else 0
        column = columns.index(chosen["hosts"]) if chosen.get("hosts") in columns else 0
        self.grid.move_to(row, column)

    def on_resize(self, event: Resize) -> None:
        """Where there are few lines the grid gets them."""
        self.set_class(event.size.height < _LOW, "-low")

    def state_changed(self, changed: StateChange) -> None:
        """Brings what changed onto the screen."""
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
            f"{part} /{printable(f.typed)}"
            for part, f in self.view_state.filters.items()
            if f.typed and part != "findings"
        ]
        parts += ["problems only"] * self.view_state.problems_only + ["all hosts"] * self._all
        self.query_one("#title", Static).update(" " + "  ·  ".join(parts).replace("·", "-" if self._ascii else "·"))
        self._show_cell()

    def _nothing(self) -> str:
        if self.session.mesh_state.diagnosis is None and self.session.mesh_state.failed is None:
            return "Reading ..."
        if any(self.view_state.filters[part] for part in _FILTERED):
            return "Nothing fits the filters. esc takes them back."
        if self.view_state.problems_only:
            return "No problems: every host that a pod wants is delivered. ctrl+z shows them all."
        return "No pod with a sidecar wants or has a host outside."

    def _show_cell(self) -> None:
        here = self.grid.cell
        self.query_one("#cell", Static).update(self._told(*here) if here else "")

    def _told(self, pod: str, pair: Pair) -> Content:
        """The cell in words."""
        row = self.session.mesh_state.pods.get(pod)
        sign_ = matrix_cell(self.session.mesh_state, pod, pair, show_all=True, ascii_only=self._ascii)
        verdict = row.verdicts.get(pair) if row else None
        shown = verdict_shown(self.session.mesh_state, row, pair) if row else ""
        words = verdict[0] if verdict else {"unknown": "unknown", "pending": "not judged yet"}.get(shown, "not judged")
        why = f" ({verdict[1]})" if verdict and verdict[1] and verdict[0] is not Verdict.DELIVERED else ""
        if row is not None and row.state == "unread":
            why = f" ({printable(row.because)})"
        wanted = "" if row and pair in row.wants else "  not wanted by this pod"
        return Content.assemble(
            (f"{sign_.text} {words}", text_style(sign_.tone)),
            f"{printable(why)}  {printable(pod)} -> {printable(host_port(*pair))}",
            (wanted, "$text-muted"),
        )

    def _legend(self) -> Content:
        pieces = [
            Content.assemble((cell.text, text_style(cell.tone)), f" {meaning}")
            for cell, meaning in legend(ascii_only=self._ascii)
        ]
        return Content("   ").join(pieces)

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

    def _host(self, pair: Pair) -> tuple[str, str]:
        return printable(pair[0]), f":{pair[1]}"

    @on(Grid.Moved)
    def _moved(self, message: Grid.Moved) -> None:
        message.stop()
        self._show_cell()

    @on(Grid.Opened)
    def _opened(self, message: Grid.Opened) -> None:
        message.stop()
        self.action_trace()

    # Keys

    def action_trace(self) -> None:
        """Follows the connection of the cell."""
        here: Any = self.grid.cell
        if here is not None:
            self.post_message(TraceWanted(here[0], *here[1]))

    def action_filter(self, part: Part) -> None:
        """Opens the line for a filter: of the rows, or of the columns."""
        self._filtered = part
        self._foot.open(self.view_state.filters[part].typed)

    @on(FilterTyped)
    def _filter_typed(self, message: FilterTyped) -> None:
        message.stop()
        self.view_state.filters[self._filtered] = read_filter(message.text)
        self._show()

    @on(FilterLeft)
    def _filter_left(self, message: FilterLeft) -> None:
        message.stop()
        if not message.keep:
            self.view_state.filters[self._filtered] = read_filter("")
        self.set_focus(self.grid)
        self._foot.close()
        self._show()

    def action_problems(self) -> None:
        """Rows and columns without a problem go, or come back."""
        self.view_state.problems_only = not self.view_state.problems_only
        self._show()

    def action_everything(self) -> None:
        """What would become of hosts that a pod does not ask for, too."""
        self._all = not self._all
        self._show()

    def action_namespace(self) -> None:
        """Lets the user choose namespaces."""
        from meshdoctor.tui.screens.namespace_screen import NamespaceScreen

        def chosen(names: frozenset[str] | None) -> None:
            if names is not None:
                self.view_state.namespaces = names
                self._show()

        self.app.push_screen(NamespaceScreen(self.session.mesh_state.namespaces, self.view_state.namespaces), chosen)

    def action_back(self) -> None:
        """Takes a filter back; without one, leaves."""
        typed = [part for part in _FILTERED if self.view_state.filters[part].typed]
        if not typed:
            self.dismiss("")
            return
        for part in typed:
            self.view_state.filters[part] = read_filter("")
        self._show()

    def action_part(self, part: str) -> None:
        """Leaves for one of the three parts."""
        self.dismiss(part)


def _of(shown: int, total: int) -> str:
    return str(shown) if shown == total else f"{shown}/{total}"
