"""A fix: what it would change, its impact, and its steps while it is applied, verified and undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.events import DescendantFocus, Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Static

from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.bindings import DETAIL_KEYS, FIX_KEYS
from meshdoctor.tui.fixing.fix_run import Deed, FixRun
from meshdoctor.tui.fixing.fix_saving import FOLDER
from meshdoctor.tui.messages import FixEnded, FixMoved
from meshdoctor.tui.screens.ask_screen import AskScreen, FolderScreen
from meshdoctor.tui.state.fix_lines import (
    diff_lines,
    entry_lines,
    impact_lines,
    manual_lines,
    result_lines,
    summary,
    title_lines,
)
from meshdoctor.tui.state.text_lines import Line, line, paragraph
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.text_view import TextView
from meshdoctor.tui.widgets.toned import toned

WIDE = 100
"""With fewer columns a page is shown at a time."""
_LEAVE = "The fix continues in the background; u opens its screen again. Go back?"
_WORSE = "The fix made something worse that was not predicted. Undo it now?"
_ACTIONS: dict[str, Deed] = {"apply": "apply", "save": "save", "undo": "undo"}


class FixScreen(Screen[None]):
    """A fix or its undo while it runs, and its result."""

    BINDINGS: ClassVar[list[BindingType]] = [*FIX_KEYS, *DETAIL_KEYS]
    AUTO_FOCUS = ""

    def __init__(self, session: TuiSession, fix_run: FixRun) -> None:
        super().__init__()
        self.session = session
        self.fix_run = fix_run
        self._post_moved: Callable[[], object] = lambda: self.post_message(FixMoved())
        self._asked_worse = fix_run.result
        self.diff = TextView(self._diff, title="Changes", panel="diff")
        self.impact = TextView(self._impact, title="Impact", panel="impact")
        self.steps = TextView(self._steps, title="Steps", panel="steps")

    def compose(self) -> ComposeResult:
        """A title, three panels, the keys."""
        yield Static("", id="title", markup=False)
        yield Static("", id="pages", markup=False)
        with Container(id="fix"):
            yield self.diff
            with Vertical(id="beside"):
                yield self.impact
                yield self.steps
        yield KeyLine()

    def on_mount(self) -> None:
        """Listens to the run from now on."""
        app = self.app
        self.session.fixes.ended = lambda fix_run: app.post_message(FixEnded(fix_run))
        self.fix_run.listeners.add(self._post_moved)
        self.set_interval(1.0, self._tick)
        self._fit(app.size)
        (self.steps if self.fix_run.is_writing else self.diff).focus()
        self._show()

    def on_unmount(self) -> None:
        """The run goes on without listeners."""
        self.fix_run.listeners.discard(self._post_moved)

    def on_resize(self, event: Resize) -> None:
        """A small terminal shows a page at a time."""
        self._fit(event.size)
        self._title()

    def _fit(self, size: Size) -> None:
        self.set_class(size.width < WIDE, "-pages")

    @on(FixMoved)
    def _moved(self) -> None:
        self._show()
        made = self.fix_run.result
        is_worse = (
            made is not None
            and made.verification is not None
            and made.verification.is_worse
            and not self.fix_run.is_undo
        )
        if is_worse and made is not self._asked_worse and not self.fix_run.is_busy:
            self._asked_worse = made
            self.app.push_screen(AskScreen(_WORSE), self._answered_worse)

    def _answered_worse(self, is_yes: bool | None) -> None:
        if is_yes:
            self.action_undo()

    def _tick(self) -> None:
        """Updates the seconds of a step that waits."""
        if self.fix_run.steps.pending is not None:
            self.steps.show()

    def _show(self) -> None:
        self._title()
        for panel in (self.diff, self.impact, self.steps):
            panel.show()
        is_going = self.fix_run.is_writing or self.fix_run.result is not None
        self.set_class(is_going, "-going")
        if is_going:
            self.call_after_refresh(self.steps.action_end, True)
        self.refresh_bindings()

    # The panels

    def _title(self) -> None:
        fix_run = self.fix_run
        if fix_run.plan is not None:
            name, about = fix_run.plan.fix.title, summary(fix_run.plan)
        elif fix_run.entry is not None:
            name, about = f"Fix {fix_run.entry.id}: {fix_run.entry.title}", fix_run.entry.state
        else:
            name, about = fix_run.fix.title if fix_run.fix is not None else "", ""
        lines = title_lines(name, about, self.app.size.width)
        self.query_one("#title", Static).update(Content("\n").join(toned(one) for one in lines))

    def _diff(self, width: int) -> list[Line]:
        fix_run = self.fix_run
        if fix_run.diffs:
            return list(diff_lines(fix_run.diffs))
        if fix_run.plan is not None:
            return list(manual_lines(fix_run.plan, width))
        return [] if fix_run.is_busy else paragraph("Nothing to show.", width, "faint")

    def _impact(self, width: int) -> list[Line]:
        fix_run, ascii_only = self.fix_run, self.session.appearance.ascii_only
        if fix_run.plan is not None:
            return list(impact_lines(fix_run.plan, width, ascii_only=ascii_only))
        return list(entry_lines(fix_run.entry, width)) if fix_run.entry is not None else []

    def _steps(self, width: int) -> list[Line]:
        fix_run, ascii_only = self.fix_run, self.session.appearance.ascii_only
        lines = list(fix_run.steps.laid_out(width, ascii_only=ascii_only))
        if fix_run.result is not None and not fix_run.is_busy:
            lines += result_lines(fix_run.result, width, is_undo=fix_run.is_undo, ascii_only=ascii_only)
        if self.session.fixes.busy_with not in (None, fix_run):
            lines.append(line("  a and u are off: another fix is being applied", "faint"))
        return lines

    @on(DescendantFocus)
    def _focused(self, event: DescendantFocus) -> None:
        page = "left" if event.widget is self.diff else "right"
        self.set_class(page == "left", "-left")
        self.set_class(page == "right", "-right")
        names = {"left": "Changes", "right": "Impact, steps"}
        marked = (f"[{name}]" if key == page else f" {name} " for key, name in names.items())
        self.query_one("#pages", Static).update(Content(" " + " ".join(marked) + "  tab"))

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greys what cannot be done; the steps say why."""
        if action not in _ACTIONS:
            return True
        if action == "save" and self.fix_run.entry is not None:
            return False
        return None if self.fix_run.why_not(_ACTIONS[action]) else True

    def action_next_panel(self, by: int) -> None:
        """Goes to the next panel, or to the one before."""
        panels = [self.diff, self.impact, self.steps]
        at = panels.index(self.focused) if isinstance(self.focused, TextView) else 0
        panels[(at + by) % len(panels)].focus()

    def action_apply(self) -> None:
        """Applies it, or resumes it. Without a cluster it is saved as files."""
        if self.fix_run.entry is None and self.fix_run.is_in_files:
            self.action_save()
        elif not self.fix_run.why_not("apply"):
            self._go(self.fix_run.apply)

    def action_save(self) -> None:
        """Saves it as files."""
        if self.fix_run.why_not("save"):
            return
        if not self.fix_run.asks_folder:
            self._go(lambda: self.fix_run.save(None))
            return

        def named(folder: str | None) -> None:
            if folder is not None:
                self._go(lambda: self.fix_run.save(Path(folder)))

        self.app.push_screen(FolderScreen("Save the fix to this folder:", str(FOLDER)), named)

    def action_undo(self) -> None:
        """Undoes it."""
        if not self.fix_run.why_not("undo"):
            self._go(self.fix_run.undo)

    def _go(self, do: Callable[[], None]) -> None:
        do()
        self.steps.focus()
        self._show()

    def action_back(self) -> None:
        """Goes back; asks first while the fix is being applied."""
        if self.fix_run.is_writing:
            self.app.push_screen(AskScreen(_LEAVE), self._leave)
        else:
            self.dismiss()

    def _leave(self, is_yes: bool | None) -> None:
        if is_yes:
            self.dismiss()


async def open_last(screen: Screen[None], session: TuiSession, fingerprint: str = "") -> None:
    """Opens the last fix that can be undone: of one finding, or of all."""
    entries = await asyncio.to_thread(lambda: session.fixes.entries(fingerprint))
    busy = session.fixes.busy_with
    if busy is not None:
        screen.app.push_screen(FixScreen(session, busy))
    elif entries:
        screen.app.push_screen(FixScreen(session, session.fixes.open_entry(entries[-1])))
    else:
        about = " of this finding" if fingerprint else ""
        screen.notify(f"The journal has no fix{about} to undo.", markup=False)
