"""What all screens share: the source, the session that looks at it, the board it fills and the way it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.tui.feed import Feed
from meshdoctor.tui.state.mesh_state import MeshState, StateChange
from meshdoctor.tui.state.view_state import ViewState

if TYPE_CHECKING:
    from meshdoctor.diagnosis.session import DiagnosisSession
    from meshdoctor.doctor import Source
    from meshdoctor.tui.session_fixes import SessionFixes


class Appearance(Struct, frozen=True):
    """How the session is drawn."""

    ascii_only: bool = False
    """The terminal takes no other signs, or the user wants none."""


class SessionOpening(Struct, frozen=True):
    """What the session opens on."""

    source: Callable[[], Source]
    """Made after the first paint: what it takes to make one is loaded then. May raise `MeshdoctorError`."""
    place: str
    """What the header says until the source is read: a context, a path."""
    namespaces: tuple[str, ...] = ()
    labels: str = ""
    is_read_only: bool = False


class TuiSession:
    """One opening, and what became of it. `wake` is called from another thread when the session has told something."""

    def __init__(self, opening: SessionOpening, wake: Callable[[], object], looks: Appearance | None = None) -> None:
        self.opening = opening
        self.looks = looks or Appearance()
        self.mesh_state = MeshState()
        self.mesh_state.location = opening.place
        self.view_state = ViewState(self.mesh_state)
        self.diagnosis_session: DiagnosisSession | None = None
        """None until the first look began."""
        self.is_watching = False
        """It is looked at again and again."""
        self._wake = wake
        self._feed = Feed(wake)

    @property
    def open_diagnosis(self) -> DiagnosisSession:
        """The session. Raises `NothingToJudge` until the first look began."""
        if self.diagnosis_session is None:
            from meshdoctor.errors import NothingToJudge

            raise NothingToJudge("nothing has been read yet")
        return self.diagnosis_session

    @property
    def is_read_only(self) -> bool:
        """Nothing is changed, whatever key is pressed."""
        return self.opening.is_read_only

    @cached_property
    def fixes(self) -> SessionFixes:
        """The fixes of this session; loaded when the first one is looked at."""
        from meshdoctor.tui.session_fixes import SessionFixes

        return SessionFixes(self)

    @property
    def is_fixing(self) -> bool:
        """A fix is changing something just now."""
        return "fixes" in vars(self) and self.fixes.busy_with is not None

    def begin(self) -> None:
        """Begins the first look, in a thread. What judges is loaded there too: it would hold up the first paint."""
        from threading import Thread

        Thread(target=self._begin, args=(self.opening, self._feed), daemon=True, name="meshdoctor opening").start()

    def _begin(self, opening: SessionOpening, feed: Feed) -> None:
        from meshdoctor.diagnosis.events import DiagnosisFailed
        from meshdoctor.errors import MeshdoctorError

        try:
            from meshdoctor.diagnosis.session import DiagnosisSession

            diagnosis_session = DiagnosisSession(opening.source(), feed.put, opening.namespaces, opening.labels)
            if opening is self.opening:  # else something else was opened meanwhile
                self.diagnosis_session = diagnosis_session
                diagnosis_session.refresh()
        except MeshdoctorError as problem:
            feed.put(DiagnosisFailed(str(problem), is_away=False))
        except Exception as problem:
            what = str(problem).partition("\n")[0]
            fault = f"a fault in meshdoctor itself: {type(problem).__name__}: {what}"
            feed.put(DiagnosisFailed(fault, is_away=False))

    def refresh(self, pods: Collection[str] | None = None, *, only_changed: bool = False) -> bool:
        """Looks again; False where a look is under way. What is known stays until it is told anew.

        `is_glance`: of a cluster only what has changed is read again.
        """
        if self.diagnosis_session is not None:
            return self.diagnosis_session.refresh(pods, only_changed=only_changed)
        if self.mesh_state.is_looking:
            return False
        self.mesh_state.is_looking = True
        self.begin()
        return True

    @property
    def has_news(self) -> bool:
        """The session has told something that is not taken in yet."""
        return self._feed.has_news

    def take(self) -> StateChange:
        """Takes in what the session has told. At the end of a look, marks of what is not there any more go."""
        changed = self.mesh_state.apply(self._feed.take())
        if changed.is_end and self.mesh_state.failed is None:
            self.view_state.drop_gone()
        return changed

    def open(self, opening: SessionOpening) -> None:
        """Leaves what was looked at and begins with something else."""
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
        """Opens a bundled mesh, by default the first that has a fault to show."""
        self.open(SessionOpening(lambda: demo_source(name), f"demo:{name}" if name else "demo", is_read_only=True))

    def stop(self) -> None:
        """Ends what is under way."""
        if self.diagnosis_session is not None:
            self.diagnosis_session.stop()


def demo_source(name: str = "") -> Source:
    """A bundled snapshot as a source. Raises `UsageError` where there is none of that name."""
    from meshdoctor.doctor import Source, snapshots

    if name:
        return Source(snapshot=name)
    found: Sequence[str] = [snapshot.name for snapshot in snapshots() if snapshot.expected.get("errors")]
    return Source(snapshot=found[0])
