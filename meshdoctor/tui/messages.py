"""Messages of the session: widgets and workers post them, screens and the app act on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual.message import Message

from meshdoctor.tui.state.mesh_state import StateChange
from meshdoctor.tui.state.view_state import Panel

if TYPE_CHECKING:  # what only a finding's screen needs is loaded with it
    from meshdoctor.model.fix import JournalEntry
    from meshdoctor.tui.fix_worker import FixWorker


class EventsWaiting(Message):
    """Events of the diagnosis wait in the feed."""


class RowMoved(Message):
    """The user moved to a row of a panel."""

    def __init__(self, panel: Panel, key: Any) -> None:
        self.panel = panel
        self.key = key
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        """Of a key held down only the newest step counts."""
        return type(message) is type(self) is RowMoved


class RowOpened(RowMoved):
    """The user opened a row: enter, or a second click on it."""


class TraceRequested(Message):
    """The user wants to trace a connection. What is empty or None is typed on the trace screen."""

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
    """The newest fix of a finding that can be undone; None: there is none."""

    def __init__(self, entry: JournalEntry | None) -> None:
        self.entry = entry
        super().__init__()


class FixMoved(Message):
    """A fix, or its undo, has reached its next step."""


class FixEnded(Message):
    """A fix, or its undo, has ended; it may have changed the mesh."""

    def __init__(self, worker: FixWorker) -> None:
        self.worker = worker
        super().__init__()


class WatchToggled(Message):
    """The user switches watching on or off."""


@runtime_checkable
class StateObserver(Protocol):
    """A screen that shows the state of the mesh and is notified when it changes."""

    is_mounted: bool

    def state_changed(self, changed: StateChange) -> None:
        """Shows what changed."""
