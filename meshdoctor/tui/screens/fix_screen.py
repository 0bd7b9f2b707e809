"""A fix: what it would change, its impact, and its steps while it is applied, verified and undone."""

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

from meshdoctor.fixes.fix_run import FOLDER, FixAction
from meshdoctor.text.printable import TextLines
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.bindings import DETAIL_KEYS, FIX_KEYS
from meshdoctor.tui.fix_worker import FixWorker
from meshdoctor.tui.messages import FixEnded, FixMoved
from meshdoctor.tui.screens.ask_screen import AskScreen, FolderScreen
from meshdoctor.tui.state.draw import draw
from meshdoctor.tui.state.text_lines import Line, line, paragraph, title_lines
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.tab_line import PageLine
from meshdoctor.tui.widgets.text_view import TextView
from meshdoctor.tui.widgets.toned import toned
from meshdoctor.view import fix as fix_view
from meshdoctor.view import journal, verification
from meshdoctor.view.blocks import GAP, Block, DiffText

WIDE = 100
"""With fewer columns a page is shown at a time."""
_LEAVE = "The fix continues in the background; u opens its screen again. Go back?"
_WORSE = "The fix made something worse that was not predicted. Undo it now?"
_APPLY_WORSE = "This makes something worse. Apply it all the same?"
_ACTIONS: dict[str, FixAction] = {"apply": "apply", "save": "save", "undo": "undo"}


class FixScreen(Screen[None]):
    """A fix or its undo while it runs, and its result."""

    BINDINGS: ClassVar[list[BindingType]] = [*FIX_KEYS, *DETAIL_KEYS]
    AUTO_FOCUS = ""

    def __init__(self, session: TuiSession, worker: FixWorker) -> None:
        super().__init__()
        self.session = session
        self.worker = worker
        self._post_moved: Callable[[], object] = lambda: self.post_message(FixMoved())
        self._asked_worse = worker.run.result
        self.diff = TextView(self._diff, title="Changes", panel="diff")
        self.impact = TextView(self._impact, title="Impact", panel="impact")
        self.steps = TextView(self._steps, title="Steps", panel="steps")

    def compose(self) -> ComposeResult:
        """A title, three panels, the keys."""
        yield Static("", id="title", markup=False)
        yield PageLine("Changes", "Impact, steps")
        with Container(id="fix"):
            yield self.diff
            with Vertical(id="beside"):
                yield self.impact
                yield self.steps
        yield KeyLine()

    def on_mount(self) -> None:
        """Listens to the run from now on."""
        app = self.app
        self.session.fixes.ended = lambda worker: app.post_message(FixEnded(worker))
        self.worker.listeners.add(self._post_moved)
        self.set_interval(1.0, self._tick)
        self._fit(app.size)
        (self.steps if self.worker.is_writing else self.diff).focus()
        self._show()

    def on_unmount(self) -> None:
        """The run goes on without listeners."""
        self.worker.listeners.discard(self._post_moved)

    def on_resize(self, event: Resize) -> None:
        """A small terminal shows a page at a time."""
        self._fit(event.size)
        self._title()

    def _fit(self, size: Size) -> None:
        self.set_class(size.width < WIDE, "-pages")

    @on(FixMoved)
    def _moved(self) -> None:
        self._show()
        made = self.worker.run.result
        is_worse = (
            made is not None
            and made.verification is not None
            and made.verification.is_worse
            and not self.worker.run.is_undo
        )
        if is_worse and made is not self._asked_worse and not self.worker.is_busy:
            self._asked_worse = made
            self.app.push_screen(AskScreen(_WORSE), lambda is_yes: self.action_undo() if is_yes else None)

    def _tick(self) -> None:
        """Updates the seconds of a step that waits."""
        if self.worker.steps.pending is not None:
            self.steps.show()

    def _show(self) -> None:
        self._title()
        for panel in (self.diff, self.impact, self.steps):
            panel.show()
        is_going = self.worker.is_writing or self.worker.run.result is not None
        self.set_class(is_going, "-going")
        if is_going:
            self.call_after_refresh(self.steps.action_end, True)
        self.refresh_bindings()

    # The panels

    def _title(self) -> None:
        worker = self.worker
        if worker.run.plan is not None:
            plan = worker.run.plan
            about = fix_view.in_short(plan.fix, plan.changes, plan.impact, plan.finding.host)
            name = plan.fix.title
        elif worker.run.entry is not None:
            name, about = f"Fix {worker.run.entry.id}: {worker.run.entry.title}", worker.run.entry.state
        else:
            name, about = worker.run.fix.title if worker.run.fix is not None else "", ""
        lines = title_lines(name, about, self.app.size.width)
        self.query_one("#title", Static).update(Content("\n").join(toned(one) for one in lines))

    def _diff(self, width: int) -> list[Line]:
        worker = self.worker
        if worker.diffs:
            return draw([block for diff in worker.diffs for block in (DiffText(TextLines(diff)), GAP)][:-1], width)
        if worker.run.plan is not None:
            return draw(fix_view.manual(worker.run.plan.fix), width)
        return [] if worker.is_busy else paragraph("Nothing to show.", width, "faint")

    def _impact(self, width: int) -> list[Line]:
        plan, entry = self.worker.run.plan, self.worker.run.entry
        blocks: Iterable[Block] = ()
        if plan is not None:
            blocks = fix_view.effects(plan.fix, plan.impact if plan.changes else None)
        elif entry is not None:
            blocks = journal.details(entry)
        return draw(blocks, width, ascii_only=self.session.ascii_only)

    def _steps(self, width: int) -> list[Line]:
        worker, ascii_only = self.worker, self.session.ascii_only
        lines = list(worker.steps.laid_out(width, ascii_only=ascii_only))
        if worker.run.result is not None and not worker.is_busy:
            ended = verification.undone if worker.run.is_undo else verification.result
            lines += draw(ended(worker.run.result), width, ascii_only=ascii_only)
        if self.session.fixes.busy_with not in (None, worker):
            lines.append(line("  A and U are off: another fix is being applied", "faint"))
        return lines

    @on(DescendantFocus)
    def _focused(self, event: DescendantFocus) -> None:
        page = "left" if event.widget is self.diff else "right"
        self.query_one(PageLine).show(page)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greys what cannot be done; the steps say why."""
        if action not in _ACTIONS:
            return True
        if action == "save" and self.worker.run.entry is not None:
            return False
        return None if self.worker.why_not(_ACTIONS[action]) else True

    def action_next_panel(self, by: int) -> None:
        """Goes to the next panel, or to the one before."""
        panels = [self.diff, self.impact, self.steps]
        at = panels.index(self.focused) if isinstance(self.focused, TextView) else 0
        panels[(at + by) % len(panels)].focus()

    def action_apply(self) -> None:
        """Applies it, or resumes it; asks first where something gets worse. Without a cluster it is saved as files."""
        if self.worker.run.entry is None and self.worker.run.context.in_files:
            self.action_save()
        elif not self.worker.why_not("apply"):
            self._confirm(lambda: self._go(self.worker.apply))

    def action_save(self) -> None:
        """Saves it as files; asks first where something gets worse, and the files are what the fix is applied to."""
        if self.worker.why_not("save"):
            return
        if self.worker.run.context.in_files:
            self._confirm(self._save)
        else:
            self._save()

    def _confirm(self, do: Callable[[], None]) -> None:
        """Does it, where something gets worse only after a yes."""
        run, ascii_only = self.worker.run, self.session.ascii_only
        predicted = run.plan.impact if run.plan is not None else run.entry
        blocks = list(fix_view.worse(predicted.regressions, predicted.connections)) if predicted is not None else []
        if not blocks:
            do()
            return
        self.app.push_screen(
            AskScreen(_APPLY_WORSE, lambda width: draw(blocks, width, ascii_only=ascii_only)),
            lambda is_yes: do() if is_yes else None,
        )

    def _save(self) -> None:
        if not self.worker.asks_folder:
            self._go(lambda: self.worker.save(None))
            return

        def named(folder: str | None) -> None:
            if folder is not None:
                self._go(lambda: self.worker.save(Path(folder)))

        self.app.push_screen(FolderScreen("Save the fix to this folder:", str(FOLDER)), named)

    def action_undo(self) -> None:
        """Undoes it."""
        if not self.worker.why_not("undo"):
            self._go(self.worker.undo)

    def _go(self, do: Callable[[], None]) -> None:
        do()
        self.steps.focus()
        self._show()

    async def action_dismiss(self, result: None = None) -> None:
        """Goes back; asks first while the fix is being applied."""
        if self.worker.is_writing:

            def answered(is_yes: bool | None) -> None:
                if is_yes:
                    self.dismiss()

            self.app.push_screen(AskScreen(_LEAVE), answered)
        else:
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
