"""The fixes of a finding, of which one is chosen."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.fix import JournalEntry
from meshdoctor.tui.bindings import FIX_LIST_KEYS
from meshdoctor.tui.state.finding_text import fix_lines
from meshdoctor.tui.state.text_lines import Line
from meshdoctor.tui.widgets.cursor_view import CursorView
from meshdoctor.tui.widgets.text_view import TextView


class FixList(CursorView, TextView):
    """Numbered fixes with their class and trade-off. The one under the cursor is chosen; page keys scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [*FIX_LIST_KEYS]

    def __init__(self, finding: Finding, *, ascii_only: bool = False) -> None:
        super().__init__(self._lines, title="Fixes", panel="fixes")
        self._finding = finding
        self._ascii = ascii_only
        self._owners: list[int] = []
        """The fix that each line belongs to."""
        self.entry: JournalEntry | None = None
        """The last fix of this finding in the journal."""

    @property
    def fix(self) -> Fix | None:
        """The chosen fix."""
        return self._finding.fixes[self.cursor] if self._finding.fixes else None

    def _lines(self, width: int) -> list[Line]:
        lines, self._owners = fix_lines(self._finding, self.cursor, width, self.entry, ascii_only=self._ascii)
        return lines

    @property
    def count(self) -> int:
        """How many fixes there are."""
        return len(self._finding.fixes)

    def lines_of(self, at: int) -> range:
        """The lines of a fix."""
        own = [line for line, owner in enumerate(self._owners) if owner == at]
        return range(own[0], own[-1] + 1) if own else range(0)

    def item_at(self, line: int) -> int | None:
        """The fix of a line."""
        return self._owners[line] if line < len(self._owners) and self._owners[line] >= 0 else None

    def redraw(self, before: int) -> None:
        """Marks the chosen fix."""
        self.show()

    action_page, action_end = TextView.action_page, TextView.action_end

    def action_open(self) -> None:
        """Opens the chosen fix."""
        self.call_later(self.run_action, "screen.fix")
