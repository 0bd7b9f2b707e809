"""The fixes of a finding, of which one is chosen."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.events import Click

from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.fix import JournalEntry
from meshdoctor.tui.bindings import FIX_LIST_KEYS
from meshdoctor.tui.state.finding_text import fix_lines
from meshdoctor.tui.state.text_lines import Line
from meshdoctor.tui.widgets.text_view import TextView


class FixList(TextView):
    """Numbered fixes with disposition and price."""

    BINDINGS: ClassVar[list[BindingType]] = [*FIX_LIST_KEYS]

    def __init__(self, finding: Finding, *, ascii_only: bool = False) -> None:
        super().__init__(self._lay_out, title="Fixes", part="fixes")
        self._finding = finding
        self._ascii = ascii_only
        self._owners: list[int] = []
        self.chosen = 0
        """Index of the chosen fix."""
        self.entry: JournalEntry | None = None
        """The last fix of this finding in the journal."""

    @property
    def fix(self) -> Fix | None:
        """The chosen fix."""
        return self._finding.fixes[self.chosen] if self._finding.fixes else None

    def _lay_out(self, width: int) -> list[Line]:
        lines, self._owners = fix_lines(self._finding, self.chosen, width, self.entry, ascii_only=self._ascii)
        return lines

    def choose(self, at: int) -> None:
        """Chooses a fix, as far as there is one."""
        if 0 <= at < len(self._finding.fixes):
            self.chosen = at
            self.show()
            own = [line for line, owner in enumerate(self._owners) if owner == at]
            if own and (own[0] < self.top or own[-1] >= self.top + self.page):
                self.scroll_to(y=min(own[0], max(0, own[-1] - self.page + 1)), animate=False)

    def action_choose(self, by: int) -> None:
        """Chooses the next fix, or the one before."""
        self.choose(self.chosen + by)

    def on_click(self, event: Click) -> None:
        """A click chooses, a second one opens."""
        at = event.get_content_offset(self)
        if at is not None and self.top + at.y < len(self._owners):
            self.choose(self._owners[self.top + at.y])
            if event.chain > 1:
                self.call_later(self.run_action, "screen.fix")
