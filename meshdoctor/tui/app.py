"""The app: one session, its screens, its theme and its keys."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from pathlib import PurePath
from time import monotonic
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.events import Event, Key, Resize
from textual.screen import Screen

from meshdoctor.tui.app_session import Appearance, SessionOpening, TuiSession
from meshdoctor.tui.auto_refresh import AutoRefresh
from meshdoctor.tui.bindings import APP_KEYS
from meshdoctor.tui.key_queue import KeyQueue
from meshdoctor.tui.messages import FixEnded, HearsState, TraceWanted, WatchWanted, Woken
from meshdoctor.tui.screens.main_screen import MainScreen
from meshdoctor.tui.state.panel_titles import missing
from meshdoctor.tui.themes import DEFAULT, OWN_COLOURS, THEMES
from meshdoctor.tui.user_settings import Settings, is_colourless, keep_theme
from meshdoctor.tui.widgets.scrollbars import draw_scrollbars

CROWD, PAUSE = 200, 0.4
"""Of so many pods or more the news is shown every so many seconds; of fewer pods accordingly more often.

In a crowd a row more or less cannot be told, and each showing is kilobytes for a slow line."""
INTERRUPTED = 130
NOT_COMMANDS = frozenset({"palette", "palette-too", "quit.interrupt"})
NOT_OFFERED = frozenset({"keys", "maximize", "minimize", "screenshot"})
"""Textual's own commands that are too small here, or in the way of ours: `ns` would find the screenshot first."""


class MeshdoctorApp(App[int]):
    """Opens on the main screen and begins to look once that is painted."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "detail.tcss"]
    TITLE = "meshdoctor"
    BINDINGS: ClassVar[list[BindingType]] = [*APP_KEYS]
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, opening: SessionOpening, settings: Settings | None = None) -> None:
        super().__init__(ansi_color=True if is_colourless() else None)
        self._settings = settings or Settings()
        self._put_on(self._settings.theme)
        draw_scrollbars(ascii_only=self._settings.ascii_only)
        self.session = TuiSession(opening, self._wake, Appearance(self._settings.ascii_only))
        self.main = MainScreen(self.session)
        self.watching = AutoRefresh(self, self.session, self.main.show_all)
        self._has_offered = False
        self._shown_at = 0.0
        self._missed = ""
        """What the look before could not read, as it was told."""
        self._code = 0
        self.turns = KeyQueue(self, super().on_event)

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return self.main

    def on_mount(self) -> None:
        """Settings first, then the first paint, then the first look."""
        self.set_class(self._settings.ascii_only, "-ascii")
        self.theme_changed_signal.subscribe(self, lambda theme: keep_theme(theme.name))
        known = {binding.id for binding in self.all_bindings()}
        self.set_keymap({id_: keys for id_, keys in self._settings.keys.items() if id_ in known})
        unknown = [f"no key is called {id_}" for id_ in self._settings.keys if id_ not in known]
        if self._settings.theme and self._settings.theme not in self.available_themes:
            unknown.append(f"no theme is called {self._settings.theme}: the palette (:) lists them")
        for problem in (*self._settings.problems, *unknown):
            self.notify(problem, severity="warning", markup=False)
        if not self.is_headless:
            self._heed_signals()
        self.call_after_refresh(self.session.begin)

    def _put_on(self, name: str) -> None:
        """Takes a theme before anything is drawn; one that is not there is left out."""
        for theme in THEMES.values():
            self.register_theme(theme)
        if name not in self.available_themes:
            name = OWN_COLOURS if self.console.color_system == "standard" else DEFAULT
        self.set_reactive(App.theme, OWN_COLOURS if self.no_color else name)
        self.stylesheet.set_variables(self.get_css_variables())

    def all_bindings(self) -> Iterable[Binding]:
        """Every binding that has an id."""
        from meshdoctor.tui import bindings

        lists = (value for name, value in vars(bindings).items() if name.endswith("_KEYS"))
        return [binding for found in lists for binding in found]

    async def on_event(self, event: Event) -> None:
        """Keys wait for their turn; everything else goes its way."""
        if isinstance(event, Key) and not event.is_forwarded:
            await self.turns.take(event)
        else:
            await super().on_event(event)

    def on_resize(self, event: Resize) -> None:
        """A terminal that was made smaller has lost what it showed, though it is as large as ever again by now.

        Textual lays out, and draws, only what has another size than when it looked last.
        """
        if self.screen_stack and event.size == self.screen.outer_size:
            self.screen.refresh()

    async def on_turns_over(self, message: KeyQueue.Over) -> None:
        """The next key's turn."""
        message.stop()
        await self.turns.end(message.key)

    def _wake(self) -> None:
        """Called from the session's thread."""
        self.post_message(Woken())

    def on_woken(self, message: Woken) -> None:
        """Has what the session has told shown: at once where it is little, else from time to time."""
        message.stop()
        wait = self._shown_at + PAUSE * min(1.0, len(self.session.mesh_state.pods) / CROWD) - monotonic()
        if wait > 0:
            self.set_timer(wait, self._take)
        else:
            self._take()

    def _take(self) -> None:
        self._shown_at = monotonic()
        changed = self.session.take()
        for screen in self.screen_stack:
            if isinstance(screen, HearsState) and screen.is_mounted:
                screen.state_changed(changed)
        if changed.is_end:
            self._tell_end()

    def on_fix_ended(self, message: FixEnded) -> None:
        """The board looks again: what it shows may have changed. Who has left the fix's screen is told."""
        message.stop()
        course = message.course
        if getattr(self.screen, "course", None) is not course and course.steps.lines:
            self.notify(course.steps.lines[-1].text, title="The fix has ended", markup=False)
        if course.has_written:
            self._look_again()

    def _look_again(self) -> None:
        if not self.session.refresh():
            self.set_timer(1.0, self._look_again)

    def _tell_end(self) -> None:
        mesh_state = self.session.mesh_state
        failed = mesh_state.failed
        if failed is not None and mesh_state.pods and not self.session.is_watching:
            self.notify(f"{failed.because} R refreshes.", severity="warning", markup=False)
        missed = "" if failed is not None or self.session.is_watching else missing(mesh_state)
        if missed and missed != self._missed:
            self.notify(missed, severity="warning", markup=False)
        self._missed = missed
        self.main.refresh_bindings()
        if not self._has_offered:
            self._has_offered = True
            self.run_worker(self._offer_interrupted())

    async def _offer_interrupted(self) -> None:
        entry = await asyncio.to_thread(lambda: self.session.fixes.interrupted())
        if entry is not None:
            text = f"fix {entry.id} ({entry.subject}) was interrupted: u continues or undoes it"
            self.notify(text, severity="warning", timeout=15, markup=False)

    def on_watch_wanted(self, message: WatchWanted) -> None:
        """Switches watching on or off."""
        message.stop()
        is_on = self.watching.toggle()
        self.notify(self.watching.words if is_on else "not watching any more", title="watch" * is_on, markup=False)
        self.main.show_all()

    def on_trace_wanted(self, message: TraceWanted) -> None:
        """Opens the trace screen."""
        from meshdoctor.tui.screens.trace_screen import TraceScreen
        from meshdoctor.tui.state.trace_form import TraceSubject

        message.stop()
        self.push_screen(TraceScreen(self.session, TraceSubject(message.pod, message.host, message.port)))

    def action_help(self) -> None:
        """The keys of the screen in front."""
        from meshdoctor.tui.screens.help_screen import HelpScreen

        if isinstance(self.screen, HelpScreen):
            return
        found: dict[str, tuple[str, Binding]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.id and binding.id not in found:
                found[binding.id] = (self.get_key_display(binding), binding)
        self.push_screen(HelpScreen(list(found.values())))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything that has a key, by its name; then Textual's own, the theme among them."""
        active = {one.binding.id: one for one in screen.active_bindings.values() if one.enabled}
        told: set[str] = set()
        for name, one in active.items():
            binding = one.binding
            is_second = binding.description in told
            if name and not is_second and not name.startswith("row.") and name not in NOT_COMMANDS:
                told.add(binding.description)
                yield SystemCommand(binding.description, binding.tooltip, self._does(binding.action, one.node))
        for command in super().get_system_commands(screen):
            if command.title.lower() not in NOT_OFFERED and "quit" not in command.title.lower():
                yield command

    def _does(self, action: str, whose: DOMNode):  # type: ignore[no-untyped-def]  # noqa: ANN202
        async def run() -> None:
            await self.run_action(action, whose)

        return run

    async def action_quit(self) -> None:
        """Leaves at once: what is under way is dropped. While a fix changes something it asks first."""
        if self.session.is_fixing:
            from meshdoctor.tui.screens.ask_screen import QUIT, AskScreen

            if not isinstance(self.screen, AskScreen):
                self.push_screen(AskScreen(QUIT), lambda is_yes: self._leave() if is_yes else None)
            return
        self._leave()

    async def action_interrupt(self) -> None:
        """As quit, for who is used to Ctrl-C."""
        self._code = INTERRUPTED
        await self.action_quit()

    def _heed_signals(self) -> None:
        """Told to end, or with its terminal gone, it leaves the terminal as it was. A fix can be gone on with."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._leave, 128 + number)

    def _leave(self, code: int | None = None) -> None:
        self.session.stop()
        self.exit(self._code if code is None else code)
