"""What is told inside the session. Widgets and workers post these; screens act on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual.message import Message

from meshdoctor.tui.state.mesh_state import StateChange
from meshdoctor.tui.state.view_state import Part

if TYPE_CHECKING:  # what only a finding's screen needs is loaded with it
    from meshdoctor.model.fix import JournalEntry
    from meshdoctor.tui.fix_worker import FixWorker


class Woken(Message):
    """The session has told something: it waits in the feed."""


class RowMoved(Message):
    """The user moved to a row of a part."""

    def __init__(self, part: Part, key: Any) -> None:
        self.part = part
        self.key = key
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        """Of a key held down only the newest step counts."""
        return type(message) is type(self) is RowMoved


class RowOpened(RowMoved):
    """The user opened a row: enter, or a second click on it."""


class FilterTyped(Message):
    """The filter's text is another now."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__()


class FilterLeft(Message):
    """The user is done with the filter; `keep` says whether it stays."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        super().__init__()


class TraceWanted(Message):
    """Somebody asks for the way of a connection. What is empty or None is asked for on the trace screen."""

    def __init__(self, pod: str = "", host: str = "", port: int | None = None) -> None:
        self.pod = pod
        self.host = host
        self.port = port
        super().__init__()


class Exported(Message):
    """A finding was written out; without a `path` it could not be, and `because` says why."""

    def __init__(self, text: str, path: str, because: str) -> None:
        self.text = text
        self.path = path
        self.because = because
        super().__init__()


class JournalRead(Message):
    """The newest fix of a finding that can be taken back; None: there is none."""

    def __init__(self, entry: JournalEntry | None) -> None:
        self.entry = entry
        super().__init__()


class FixMoved(Message):
    """A fix, or its undo, went a step on: its screen shows it."""


class FixEnded(Message):
    """A fix, or its undo, has ended; it may have changed what is looked at."""

    def __init__(self, worker: FixWorker) -> None:
        self.worker = worker
        super().__init__()


class WatchWanted(Message):
    """The user switches watching on or off."""


@runtime_checkable
class HearsState(Protocol):
    """A screen that shows what the board holds, and is told when that changes."""

    is_mounted: bool

    def state_changed(self, changed: StateChange) -> None:
        """Brings onto the screen what changed."""
