"""What all screens share: the source, the sitting that looks at it, the board it fills and the way it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.tui.board.board import Board, Changed
from meshdoctor.tui.board.sight import Sight
from meshdoctor.tui.feed import Feed

if TYPE_CHECKING:
    from meshdoctor.doctor import Source
    from meshdoctor.sitting.sitting import Sitting
    from meshdoctor.tui.mends.ground import Ground


class Looks(Struct, frozen=True):
    """How the session is drawn."""

    ascii_only: bool = False
    """The terminal takes no other signs, or the user wants none."""


class Opening(Struct, frozen=True):
    """What the session opens on."""

    source: Callable[[], Source]
    """Made after the first paint: what it takes to make one is loaded then. May raise `MeshdoctorError`."""
    place: str
    """What the header says until the source is read: a context, a path."""
    namespaces: tuple[str, ...] = ()
    labels: str = ""
    is_read_only: bool = False


class Session:
    """One opening, and what became of it. `wake` is called from another thread when the sitting has told something."""

    def __init__(self, opening: Opening, wake: Callable[[], object], looks: Looks | None = None) -> None:
        self.opening = opening
        self.looks = looks or Looks()
        self.board = Board()
        self.board.location = opening.place
        self.sight = Sight(self.board)
        self.sitting: Sitting | None = None
        """None until the first look began."""
        self.is_watching = False
        """It is looked at again and again."""
        self._wake = wake
        self._feed = Feed(wake)

    @property
    def open_sitting(self) -> Sitting:
        """The sitting. Raises `NothingToJudge` until the first look began."""
        if self.sitting is None:
            from meshdoctor.errors import NothingToJudge

            raise NothingToJudge("nothing has been read yet")
        return self.sitting

    @property
    def is_read_only(self) -> bool:
        """Nothing is changed, whatever key is pressed."""
        return self.opening.is_read_only

    @cached_property
    def mends(self) -> Ground:
        """The mends of this session; loaded when the first one is looked at."""
        from meshdoctor.tui.mends.ground import Ground

        return Ground(self)

    @property
    def is_mending(self) -> bool:
        """A mend is changing something just now."""
        return "mends" in vars(self) and self.mends.busy_with is not None

    def begin(self) -> None:
        """Begins the first look, in a thread. What judges is loaded there too: it would hold up the first paint."""
        from threading import Thread

        Thread(target=self._begin, args=(self.opening, self._feed), daemon=True, name="meshdoctor opening").start()

    def _begin(self, opening: Opening, feed: Feed) -> None:
        from meshdoctor.errors import MeshdoctorError
        from meshdoctor.sitting.events import Failed

        try:
            from meshdoctor.sitting.sitting import Sitting

            sitting = Sitting(opening.source(), feed.put, opening.namespaces, opening.labels)
            if opening is self.opening:  # else something else was opened meanwhile
                self.sitting = sitting
                sitting.refresh()
        except MeshdoctorError as problem:
            feed.put(Failed(str(problem), is_away=False))
        except Exception as problem:
            what = str(problem).partition("\n")[0]
            fault = f"a fault in meshdoctor itself: {type(problem).__name__}: {what}"
            feed.put(Failed(fault, is_away=False))

    def refresh(self, pods: Collection[str] | None = None, *, is_glance: bool = False) -> bool:
        """Looks again; False where a look is under way. What is known stays until it is told anew.

        `is_glance`: of a cluster only what has changed is read again.
        """
        if self.sitting is not None:
            return self.sitting.refresh(pods, is_glance=is_glance)
        if self.board.is_looking:
            return False
        self.board.is_looking = True
        self.begin()
        return True

    @property
    def has_news(self) -> bool:
        """The sitting has told something that is not taken in yet."""
        return self._feed.has_news

    def take(self) -> Changed:
        """Takes in what the sitting has told. At the end of a look, marks of what is not there any more go."""
        changed = self.board.apply(self._feed.take())
        if changed.is_end and self.board.failed is None:
            self.sight.drop_gone()
        return changed

    def open(self, opening: Opening) -> None:
        """Leaves what was looked at and begins with something else."""
        self.stop()
        self.opening = opening
        self.board = Board()
        self.board.location = opening.place
        self.sight.board = self.board
        self.sight.forget()
        self.sitting = None
        self._feed = Feed(self._wake)
        self.begin()

    def open_demo(self, name: str = "") -> None:
        """Opens a bundled mesh, by default the first that has a fault to show."""
        self.open(Opening(lambda: demo_source(name), f"demo:{name}" if name else "demo", is_read_only=True))

    def stop(self) -> None:
        """Ends what is under way."""
        if self.sitting is not None:
            self.sitting.stop()


def demo_source(name: str = "") -> Source:
    """A bundled snapshot as a source. Raises `UsageError` where there is none of that name."""
    from meshdoctor.doctor import Source, snapshots

    if name:
        return Source(snapshot=name)
    found: Sequence[str] = [snapshot.name for snapshot in snapshots() if snapshot.expected.get("errors")]
    return Source(snapshot=found[0])
