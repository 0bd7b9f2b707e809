"""A fix: what it changes, its impact, and its steps while it is tried, applied, verified and undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
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
from meshdoctor.tui.state.draw import draw
from meshdoctor.tui.state.text_lines import Line, line, paragraph, title_lines
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.text_view import TextView
from meshdoctor.tui.widgets.toned import toned
from meshdoctor.view import fix as fix_view
from meshdoctor.view import journal, verification
from meshdoctor.view.blocks import GAP, Block, DiffText

WIDE = 100
"""Columns from which on all parts are shown."""
_LEAVE = "The fix continues by itself, and its screen can be opened again. Leave the screen?"
_WORSE = "Something got worse that was not predicted. Undo the fix now?"
_ACTIONS: dict[str, Deed] = {"apply": "apply", "save": "save", "undo": "undo"}


class FixScreen(Screen[None]):
    """One course of a fix, or of its undo."""

    BINDINGS: ClassVar[list[BindingType]] = [*FIX_KEYS, *DETAIL_KEYS]
    AUTO_FOCUS = ""

    def __init__(self, session: TuiSession, course: FixRun) -> None:
        super().__init__()
        self.session = session
        self.course = course
        self._told: Callable[[], object] = lambda: self.post_message(FixMoved())
        self._asked_worse = course.result
        self.diff = TextView(self._diff, title="What changes", part="diff")
        self.impact = TextView(self._impact, title="Impact", part="impact")
        self.steps = TextView(self._steps, title="Steps", part="steps")

    def compose(self) -> ComposeResult:
        """A title, three parts, the keys."""
        yield Static("", id="title", markup=False)
        yield Static("", id="pages", markup=False)
        with Container(id="fix"):
            yield self.diff
            with Vertical(id="beside"):
                yield self.impact
                yield self.steps
        yield KeyLine()

    def on_mount(self) -> None:
        """Listens to the course from now on."""
        app = self.app
        self.session.fixes.ended = lambda course: app.post_message(FixEnded(course))
        self.course.listeners.add(self._told)
        self.set_interval(1.0, self._tick)
        self._fit(app.size)
        (self.steps if self.course.is_writing else self.diff).focus()
        self._show()

    def on_unmount(self) -> None:
        """The course goes on without listeners."""
        self.course.listeners.discard(self._told)

    def on_resize(self, event: Resize) -> None:
        """Where there is little room a page at a time is shown."""
        self._fit(event.size)
        self._title()

    def _fit(self, size: Size) -> None:
        self.set_class(size.width < WIDE, "-pages")

    @on(FixMoved)
    def _moved(self) -> None:
        self._show()
        made = self.course.result
        is_worse = (
            made is not None
            and made.verification is not None
            and made.verification.is_worse
            and not self.course.is_undo
        )
        if is_worse and made is not self._asked_worse and not self.course.is_busy:
            self._asked_worse = made
            self.app.push_screen(AskScreen(_WORSE), self._answered_worse)

    def _answered_worse(self, is_yes: bool | None) -> None:
        if is_yes:
            self.action_undo()

    def _tick(self) -> None:
        """Seconds pass while something is awaited."""
        if self.course.steps.pending is not None:
            self.steps.show()

    def _show(self) -> None:
        self._title()
        for part in (self.diff, self.impact, self.steps):
            part.show()
        is_going = self.course.is_writing or self.course.result is not None
        self.set_class(is_going, "-going")
        if is_going:
            self.call_after_refresh(self.steps.action_end, True)
        self.refresh_bindings()

    # The parts

    def _title(self) -> None:
        course = self.course
        if course.plan is not None:
            plan = course.plan
            about = fix_view.in_short(plan.fix, plan.changes, plan.impact, plan.finding.host)
            name = plan.fix.title
        elif course.entry is not None:
            name, about = f"Fix {course.entry.id}: {course.entry.title}", course.entry.state
        else:
            name, about = course.fix.title if course.fix is not None else "", ""
        lines = title_lines(name, about, self.app.size.width)
        self.query_one("#title", Static).update(Content("\n").join(toned(one) for one in lines))

    def _diff(self, width: int) -> list[Line]:
        course = self.course
        if course.diffs:
            return draw([block for diff in course.diffs for block in (DiffText(diff), GAP)][:-1], width)
        if course.plan is not None:
            return draw(fix_view.manual(course.plan.fix), width)
        return [] if course.is_busy else paragraph("Nothing to show.", width, "faint")

    def _impact(self, width: int) -> list[Line]:
        plan, entry = self.course.plan, self.course.entry
        blocks: Iterable[Block] = ()
        if plan is not None:
            blocks = fix_view.effects(plan.fix, plan.impact if plan.changes else None)
        elif entry is not None:
            blocks = journal.details(entry)
        return draw(blocks, width, ascii_only=self.session.looks.ascii_only)

    def _steps(self, width: int) -> list[Line]:
        course, ascii_only = self.course, self.session.looks.ascii_only
        lines = list(course.steps.laid_out(width, ascii_only=ascii_only))
        if course.result is not None and not course.is_busy:
            ended = verification.undone if course.is_undo else verification.result
            lines += draw(ended(course.result), width, ascii_only=ascii_only)
        if self.session.fixes.busy_with not in (None, course):
            lines.append(line("  a and u are off: another fix is under way", "faint"))
        return lines

    @on(DescendantFocus)
    def _focused(self, event: DescendantFocus) -> None:
        page = "left" if event.widget is self.diff else "right"
        self.set_class(page == "left", "-left")
        self.set_class(page == "right", "-right")
        names = {"left": "What changes", "right": "Impact, steps"}
        marked = (f"[{name}]" if key == page else f" {name} " for key, name in names.items())
        self.query_one("#pages", Static).update(Content(" " + " ".join(marked) + "  tab"))

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be done is greyed; the steps say why."""
        if action not in _ACTIONS:
            return True
        if action == "save" and self.course.entry is not None:
            return False
        return None if self.course.why_not(_ACTIONS[action]) else True

    def action_next_part(self, by: int) -> None:
        """Goes to the next part, or to the one before."""
        parts = [self.diff, self.impact, self.steps]
        at = parts.index(self.focused) if isinstance(self.focused, TextView) else 0
        parts[(at + by) % len(parts)].focus()

    def action_apply(self) -> None:
        """Applies it, or goes on with it. Without a cluster it is written to files."""
        if self.course.entry is None and self.course.is_in_files:
            self.action_save()
        elif not self.course.why_not("apply"):
            self._go(self.course.apply)

    def action_save(self) -> None:
        """Writes it to files."""
        if self.course.why_not("save"):
            return
        if not self.course.asks_folder:
            self._go(lambda: self.course.save(None))
            return

        def named(folder: str | None) -> None:
            if folder is not None:
                self._go(lambda: self.course.save(Path(folder)))

        self.app.push_screen(FolderScreen("The folder to write the fix to:", str(FOLDER)), named)

    def action_undo(self) -> None:
        """Takes it back."""
        if not self.course.why_not("undo"):
            self._go(self.course.undo)

    def _go(self, do: Callable[[], None]) -> None:
        do()
        self.steps.focus()
        self._show()

    def action_back(self) -> None:
        """Back; while something is being changed it asks first."""
        if self.course.is_writing:
            self.app.push_screen(AskScreen(_LEAVE), self._leave)
        else:
            self.dismiss()

    def _leave(self, is_yes: bool | None) -> None:
        if is_yes:
            self.dismiss()


async def open_last(screen: Screen[None], session: TuiSession, fingerprint: str = "") -> None:
    """Opens the last fix that can be taken back from here: of one finding, or of all."""
    entries = await asyncio.to_thread(lambda: session.fixes.entries(fingerprint))
    busy = session.fixes.busy_with
    if busy is not None:
        screen.app.push_screen(FixScreen(session, busy))
    elif entries:
        screen.app.push_screen(FixScreen(session, session.fixes.open_entry(entries[-1])))
    else:
        about = "of this finding is" if fingerprint else "from here is"
        screen.notify(f"no fix {about} in the journal: nothing to undo", markup=False)
