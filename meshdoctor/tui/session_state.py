"""What a session has open: a source, its diagnosis and the state of its mesh."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.tui.state.mesh_state import MeshState

if TYPE_CHECKING:
    from meshdoctor.diagnosis.session import DiagnosisSession
    from meshdoctor.doctor import Source


class SessionOpening(Struct, frozen=True):
    """What the session opens on."""

    source: Callable[[], Source]
    """Called after the first paint, as it loads modules. May raise `MeshdoctorError`."""
    place: str
    """What the header shows until the source is read: a context, a path."""
    namespaces: tuple[str, ...] = ()
    labels: str = ""
    is_read_only: bool = False


class SessionState:
    """A source that is open or being opened."""

    def __init__(self, opening: SessionOpening) -> None:
        self.opening = opening
        self.mesh_state = MeshState()
        self.mesh_state.location = opening.place
        self.diagnosis_session: DiagnosisSession | None = None
        """None until the source is opened."""

    @property
    def open_diagnosis(self) -> DiagnosisSession:
        """The diagnosis. Raises `NothingToJudge` until the source is opened."""
        if self.diagnosis_session is None:
            from meshdoctor.errors import NothingToJudge

            raise NothingToJudge("nothing has been read yet")
        return self.diagnosis_session

    @property
    def is_read_only(self) -> bool:
        """No fix can be applied."""
        return self.opening.is_read_only
