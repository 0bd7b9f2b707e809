"""The mends of a finding, of which one is chosen."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.events import Click

from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.mend import Entry
from meshdoctor.tui.bindings import MENDS_KEYS
from meshdoctor.tui.board.finding_text import mend_lines
from meshdoctor.tui.board.lines import Line
from meshdoctor.tui.widgets.text_view import TextView


class MendsView(TextView):
    """Numbered mends with disposition and price."""

    BINDINGS: ClassVar[list[BindingType]] = [*MENDS_KEYS]

    def __init__(self, finding: Finding, *, ascii_only: bool = False) -> None:
        super().__init__(self._lay_out, title="Mends", part="mends")
        self._finding = finding
        self._ascii = ascii_only
        self._owners: list[int] = []
        self.chosen = 0
        """Index of the chosen mend."""
        self.entry: Entry | None = None
        """The last mend of this finding in the journal."""

    @property
    def fix(self) -> Fix | None:
        """The chosen mend."""
        return self._finding.fixes[self.chosen] if self._finding.fixes else None

    def _lay_out(self, width: int) -> list[Line]:
        lines, self._owners = mend_lines(self._finding, self.chosen, width, self.entry, ascii_only=self._ascii)
        return lines

    def choose(self, at: int) -> None:
        """Chooses a mend, as far as there is one."""
        if 0 <= at < len(self._finding.fixes):
            self.chosen = at
            self.show()
            own = [line for line, owner in enumerate(self._owners) if owner == at]
            if own and (own[0] < self.top or own[-1] >= self.top + self.page):
                self.scroll_to(y=min(own[0], max(0, own[-1] - self.page + 1)), animate=False)

    def action_choose(self, by: int) -> None:
        """Chooses the next mend, or the one before."""
        self.choose(self.chosen + by)

    def on_click(self, event: Click) -> None:
        """A click chooses, a second one opens."""
        at = event.get_content_offset(self)
        if at is not None and self.top + at.y < len(self._owners):
            self.choose(self._owners[self.top + at.y])
            if event.chain > 1:
                self.call_later(self.run_action, "screen.mend")
