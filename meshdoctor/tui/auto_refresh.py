"""Watch mode: checks a cluster again at intervals, and files when they have changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import App
from textual.timer import Timer

from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.latest_answer import LatestAnswer
from meshdoctor.tui.state.refresh_timer import EVERY, FILES_EVERY, RefreshTimer

if TYPE_CHECKING:  # loaded after the first paint
    from meshdoctor.diagnosis.file_stamps import Stamp
    from meshdoctor.doctor import Source

_TICK = 0.5
WHOLE_EVERY = 20
"""One in so many refreshes of a cluster reads everything: addresses and logs change without a change in a sidecar."""


class AutoRefresh:
    """On or off. `expired` is called when marks of changes have been shown long enough."""

    def __init__(self, app: App[int], session: TuiSession, expired: Callable[[], object]) -> None:
        self._app = app
        self._session = session
        self._expired = expired
        self._timer: Timer | None = None
        self._refresh_timer = RefreshTimer(EVERY)
        self._stamp: Stamp | None = None
        self._cluster_refresh = 0
        self._asker = LatestAnswer["Source", "Stamp"](app, _stamp_of, self._compare)

    @property
    def _source(self) -> Source | None:
        return self._session.diagnosis_session.source if self._session.diagnosis_session else None

    def toggle(self) -> str:
        """Switches it on or off, and returns a sentence for the user. A bundled snapshot is not watched."""
        source = self._source
        if source is not None and not (source.cluster or source.path or source.manifests):
            return "A bundled snapshot does not change: there is nothing to watch."
        self._session.is_watching = not self._session.is_watching
        if not self._session.is_watching:
            return "Watch mode is off."
        self._stamp = None
        self._refresh_timer = RefreshTimer(EVERY if self._is_live else FILES_EVERY)
        self._refresh_changed()
        if self._timer is None:
            self._timer = self._app.set_interval(_TICK, self.tick)
        if source is None or self._is_live:
            return f"Refreshes {EVERY:.0f} s after each check. w switches it off."
        return "Refreshes when the files change. w switches it off."

    @property
    def _is_live(self) -> bool:
        return self._source is not None and self._source.cluster is not None

    def tick(self) -> None:
        """Refreshes where it is time; a refresh that runs is waited for."""
        if self._session.mesh_state.changes.forget():
            self._expired()
        if not self._session.is_watching or self._session.diagnosis_session is None:
            return
        if not self._refresh_timer.is_due(is_busy=self._session.diagnosis_session.is_busy):
            return
        if self._is_live:
            self._cluster_refresh += 1
            self._session.refresh(only_changed=self._cluster_refresh % WHOLE_EVERY != 0)
        else:
            self._refresh_changed()

    def _refresh_changed(self) -> None:
        if self._source is not None and not self._is_live:
            self._asker.ask(self._source)

    def _compare(self, source: Source, found: Stamp | None, problem: str) -> None:
        """Refreshes where the files have changed."""
        if found is None or not self._session.is_watching or source is not self._source:
            return
        before, self._stamp = self._stamp, found
        if before is None and self._session.diagnosis_session is not None:
            # What is shown may be old already: changes count from when it was read, not from when the key was pressed.
            before = self._session.diagnosis_session.stamp
        if before is not None and found != before and not self._session.refresh(()):
            # A refresh is running that may have read half of the changes: compare again after it.
            self._stamp = before


def _stamp_of(source: Source) -> Stamp:
    from meshdoctor.diagnosis.file_stamps import stamp

    return stamp(source)
