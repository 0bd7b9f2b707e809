"""What all screens share: the source, its diagnosis, the state of the mesh and how it is viewed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from meshdoctor.tui.feed import Feed
from meshdoctor.tui.session_state import SessionOpening, SessionState
from meshdoctor.tui.state.mesh_state import MeshState, StateChange
from meshdoctor.tui.state.view_state import ViewState

if TYPE_CHECKING:
    from meshdoctor.doctor import Source
    from meshdoctor.tui.session_fixes import SessionFixes


class TuiSession(SessionState):
    """Opens a source, refreshes its diagnosis and takes in its events.

    `wake` is called from another thread when events wait.
    """

    def __init__(self, opening: SessionOpening, wake: Callable[[], object], *, ascii_only: bool = False) -> None:
        super().__init__(opening)
        self.ascii_only = ascii_only
        """Only ASCII is shown, because of the terminal or the user's settings."""
        self.view_state = ViewState(self.mesh_state)
        self.is_watching = False
        """Watch mode is on."""
        self._wake = wake
        self._feed = Feed(wake)

    @cached_property
    def fixes(self) -> SessionFixes:
        """The fixes of this session; loaded when the first one is opened."""
        from meshdoctor.tui.session_fixes import SessionFixes

        return SessionFixes(self)

    @property
    def is_fixing(self) -> bool:
        """A fix is being applied or undone."""
        return "fixes" in vars(self) and self.fixes.busy_with is not None

    def begin(self) -> None:
        """Opens the source and starts the diagnosis, in a thread: loading the modules would delay the first paint."""
        from threading import Thread

        Thread(target=self._begin, args=(self.opening, self._feed), daemon=True, name="meshdoctor opening").start()

    def _begin(self, opening: SessionOpening, feed: Feed) -> None:
        from meshdoctor.diagnosis.events import DiagnosisFailed
        from meshdoctor.errors import MeshdoctorError, fault

        try:
            from meshdoctor.diagnosis.session import DiagnosisSession

            diagnosis_session = DiagnosisSession(opening.source(), feed.put, opening.namespaces, opening.labels)
            if opening is self.opening:  # else another source was opened meanwhile
                self.diagnosis_session = diagnosis_session
                diagnosis_session.refresh()
        except MeshdoctorError as problem:
            feed.put(DiagnosisFailed(problem.message, is_away=False))
        except Exception as problem:
            feed.put(DiagnosisFailed(fault(problem), is_away=False))

    def refresh(self, pods: Collection[str] | None = None, *, only_changed: bool = False) -> bool:
        """Checks these pods, or all, again; False where a refresh is running. What is known stays until it is replaced.

        `only_changed`: reads only what has changed in a cluster.
        """
        if self.diagnosis_session is not None:
            return self.diagnosis_session.refresh(pods, only_changed=only_changed)
        if self.mesh_state.is_refreshing:
            return False
        self.mesh_state.is_refreshing = True
        self.begin()
        return True

    @property
    def has_news(self) -> bool:
        """Events wait."""
        return self._feed.has_news

    def take(self) -> StateChange:
        """Applies the events that wait. At the end of a refresh, rows that are gone lose their marks."""
        changed = self.mesh_state.apply(self._feed.take())
        if changed.is_end and self.mesh_state.failed is None:
            self.view_state.drop_gone()
        return changed

    def open(self, opening: SessionOpening) -> None:
        """Closes the source and opens another."""
        self.stop()
        self.opening = opening
        self.mesh_state = MeshState()
        self.mesh_state.location = opening.place
        self.view_state.mesh_state = self.mesh_state
        self.view_state.forget()
        self.diagnosis_session = None
        self._feed = Feed(self._wake)
        self.begin()

    def open_demo(self, name: str = "") -> None:
        """Opens a bundled snapshot, by default the first that has an error."""
        self.open(SessionOpening(lambda: demo_source(name), f"demo:{name}" if name else "demo", is_read_only=True))

    def stop(self) -> None:
        """Stops the diagnosis."""
        if self.diagnosis_session is not None:
            self.diagnosis_session.stop()


def demo_source(name: str = "") -> Source:
    """A bundled snapshot as a source. Raises `UsageError` where there is none of that name."""
    from meshdoctor.doctor import Source, snapshots

    if name:
        return Source(snapshot=name)
    found: Sequence[str] = [snapshot.name for snapshot in snapshots() if snapshot.expected.get("errors")]
    return Source(snapshot=found[0])
