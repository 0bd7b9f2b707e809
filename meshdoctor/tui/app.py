"""The app: one session, its screens, its theme and its keys."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from pathlib import PurePath
from time import monotonic
from typing import Any, ClassVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.events import Event, Key, Resize
from textual.notifications import SeverityLevel
from textual.screen import Screen

from meshdoctor.text.printable import in_lines, lines_of
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.auto_refresh import AutoRefresh
from meshdoctor.tui.bindings import APP_KEYS
from meshdoctor.tui.key_queue import KeyHandled, KeyQueue
from meshdoctor.tui.messages import EventsWaiting, Exported, FixEnded, StateObserver, TraceRequested, WatchToggled
from meshdoctor.tui.screens.main_screen import MainScreen
from meshdoctor.tui.session_state import SessionOpening
from meshdoctor.tui.state.panel_titles import missing
from meshdoctor.tui.themes import DEFAULT, OWN_COLOURS, THEMES
from meshdoctor.tui.user_settings import Settings, is_colourless, keep_theme
from meshdoctor.tui.widgets.scrollbars import draw_scrollbars

CROWD, PAUSE = 200, 0.4
"""With so many pods or more the screen is updated every so many seconds; with fewer accordingly more often.

Among many rows one more or less is not noticed, and each update is kilobytes for a slow line."""
INTERRUPTED = 130
NOT_COMMANDS = frozenset({"palette", "palette-too", "quit.interrupt"})
NOT_OFFERED = frozenset({"keys", "maximize", "minimize", "screenshot"})
"""Textual's own commands that are too small here, or in the way of ours: `ns` would find the screenshot first."""


class MeshdoctorApp(App[int]):
    """Opens on the main screen and starts the diagnosis once that is painted."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "detail.tcss"]
    TITLE = "meshdoctor"
    BINDINGS: ClassVar[list[BindingType]] = [*APP_KEYS]

    def __init__(self, opening: SessionOpening, settings: Settings | None = None) -> None:
        super().__init__(ansi_color=True if is_colourless() else None)
        self._settings = settings or Settings()
        self._apply_theme(self._settings.theme)
        draw_scrollbars(ascii_only=self._settings.ascii_only)
        self.session = TuiSession(
            opening, lambda: self.post_message(EventsWaiting()), ascii_only=self._settings.ascii_only
        )
        self.main = MainScreen(self.session)
        self.watching = AutoRefresh(self, self.session, self.main.show_all)
        self._has_checked_journal = False
        self._shown_at = 0.0
        self._missed = ""
        """What the previous refresh could not read, as it was shown."""
        self._code = 0
        self.key_queue = KeyQueue(self, super().on_event)

    async def run_async(self, **options: Any) -> int | None:
        """Runs it; a signal ends it with 128 and its number, and restores the terminal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._leave, 128 + number)
        return await super().run_async(**options)

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return self.main

    def on_mount(self) -> None:
        """Settings first, then the first paint, then the diagnosis."""
        self.set_class(self._settings.ascii_only, "-ascii")
        self.theme_changed_signal.subscribe(self, lambda theme: keep_theme(theme.name))
        known = {binding.id for binding in self.all_bindings()}
        self.set_keymap({id_: keys for id_, keys in self._settings.keys.items() if id_ in known})
        unknown = [
            f"no key binding has the id {id_}: the help (?) lists them"
            for id_ in self._settings.keys
            if id_ not in known
        ]
        if self._settings.theme and self._settings.theme not in self.available_themes:
            unknown.append(f"no theme {self._settings.theme}: the command palette (:) lists them")
        for problem in (*self._settings.problems, *unknown):
            self.notify(problem, severity="warning", markup=False)
        self.call_after_refresh(self.session.begin)

    def _apply_theme(self, name: str) -> None:
        """Sets the theme before anything is drawn; the default where there is none of that name."""
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
        """Keys are handled one after the other."""
        if isinstance(event, Key) and not event.is_forwarded:
            await self.key_queue.take(event)
        else:
            await super().on_event(event)

    def on_resize(self, event: Resize) -> None:
        """Draws everything where the terminal was made smaller and has its old size again: it has lost what it showed.

        Textual draws only what has another size than at its last layout.
        """
        if self.screen_stack and event.size == self.screen.outer_size:
            self.screen.refresh()

    @on(KeyHandled)
    async def _key_handled(self, message: KeyHandled) -> None:
        message.stop()
        await self.key_queue.end(message.key)

    @on(EventsWaiting)
    def _events_waiting(self, message: EventsWaiting) -> None:
        """Shows what they change: at once in a small mesh, else from time to time."""
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
            if isinstance(screen, StateObserver) and screen.is_mounted:
                screen.state_changed(changed)
        if changed.is_end:
            self._notify_end()

    @on(FixEnded)
    def _fix_ended(self, message: FixEnded) -> None:
        """Refreshes, as the fix may have changed the mesh, and notifies a user who has left the fix's screen."""
        message.stop()
        worker = message.worker
        if getattr(self.screen, "worker", None) is not worker and worker.steps.lines:
            self.notify(worker.steps.lines[-1].text, title="Fix finished", markup=False)
        if worker.has_written:
            self._refresh_after_fix()

    def _refresh_after_fix(self) -> None:
        if not self.session.refresh():
            self.set_timer(1.0, self._refresh_after_fix)

    def _notify_end(self) -> None:
        mesh_state = self.session.mesh_state
        failed = mesh_state.failed
        if failed is not None and mesh_state.pods and not self.session.is_watching:
            self.notify(f"{failed.because} R tries again.", severity="warning", markup=False)
        missed = "" if failed is not None or self.session.is_watching else missing(mesh_state)
        if missed and missed != self._missed:
            self.notify(missed, severity="warning", markup=False)
        self._missed = missed
        self.main.refresh_bindings()
        if not self._has_checked_journal:
            self._has_checked_journal = True
            self.run_worker(self._warn_of_interrupted())

    async def _warn_of_interrupted(self) -> None:
        entry = await asyncio.to_thread(lambda: self.session.fixes.interrupted())
        if entry is not None:
            text = f"Fix {entry.id} ({entry.subject}) was interrupted: u opens it again"
            self.notify(text, severity="warning", timeout=15, markup=False)

    @on(WatchToggled)
    def _watch_toggled(self, message: WatchToggled) -> None:
        message.stop()
        self.notify(self.watching.toggle(), title="Watch mode", markup=False)
        self.main.show_all()

    @on(TraceRequested)
    def _trace_requested(self, message: TraceRequested) -> None:
        from meshdoctor.tui.screens.trace_screen import TraceScreen
        from meshdoctor.tui.state.trace_form import TraceSubject

        message.stop()
        self.push_screen(TraceScreen(self.session, TraceSubject(message.pod, message.host, message.port)))

    @on(Exported)
    def _exported(self, message: Exported) -> None:
        """Copies what was exported, and names its file."""
        self.copy_to_clipboard(message.text)
        copied = "Copied, if the terminal allows it (OSC 52)."
        if message.path:
            self.notify(in_lines((message.path, copied)), title="Exported", markup=False)
        else:
            self.notify(f"Not saved: {message.because}. {copied}", severity="warning", markup=False)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """A notification; a name in it neither steers the terminal nor begins a line."""
        shown = "\n".join(lines_of(message))
        super().notify(shown, title=title, severity=severity, timeout=timeout, markup=markup)

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
        listed: set[str] = set()
        for name, one in active.items():
            binding = one.binding
            is_second = binding.description in listed
            if name and not is_second and not name.startswith("row.") and name not in NOT_COMMANDS:
                listed.add(binding.description)
                yield SystemCommand(binding.description, binding.tooltip, self._runner(binding.action, one.node))
        for command in super().get_system_commands(screen):
            if command.title.lower() not in NOT_OFFERED and "quit" not in command.title.lower():
                yield command

    def _runner(self, action: str, whose: DOMNode):  # type: ignore[no-untyped-def]  # noqa: ANN202
        async def run() -> None:
            await self.run_action(action, whose)

        return run

    async def action_quit(self) -> None:
        """Quits at once, but asks first while a fix is being applied."""
        if self.session.is_fixing:
            from meshdoctor.tui.screens.ask_screen import QUIT, AskScreen

            if not isinstance(self.screen, AskScreen):
                self.push_screen(AskScreen(QUIT), lambda is_yes: self._leave() if is_yes else None)
            return
        self._leave()

    async def action_interrupt(self) -> None:
        """As quit, with exit code 130."""
        self._code = INTERRUPTED
        await self.action_quit()

    def _leave(self, code: int | None = None) -> None:
        """Stops and restores the terminal. A fix that this interrupts can be resumed."""
        self.session.stop()
        self.exit(self._code if code is None else code)
