"""Findings as Markdown, written into one file and copied: the same words from a finding's screen and the main one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from textual.screen import Screen

from meshdoctor.diagnosis.excerpts import Excerpt, excerpt
from meshdoctor.errors import MeshdoctorError
from meshdoctor.model.finding import Finding
from meshdoctor.model.trace import Trace
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.messages import Exported
from meshdoctor.tui.state.postmortem import postmortem, write_postmortem


class KnownFacts(NamedTuple):
    """A finding with the way of its connection and its evidence, as far as they could be read."""

    finding: Finding
    way: Trace | None = None
    excerpts: Sequence[Excerpt] = ()


def look_up(session: TuiSession, finding: Finding) -> KnownFacts:
    """Reads what belongs to a finding, the way being its first pod's. Call it from a thread; never raises."""
    diagnosis_session = session.diagnosis_session
    if diagnosis_session is None:
        return KnownFacts(finding)
    way, excerpts = None, []
    try:
        excerpts = diagnosis_session.using(lambda case: [excerpt(case.capture, piece) for piece in finding.evidence])
        if finding.host and finding.port and finding.pods:
            way = diagnosis_session.trace(finding.pods[0], finding.host, finding.port)
    except MeshdoctorError:
        pass  # the finding says what it rests on; the way is told where there is one
    return KnownFacts(finding, way, excerpts)


def export(session: TuiSession, found: Sequence[KnownFacts], folder: Path) -> Exported:
    """Writes findings into a file of their own, in their order. Call it from a thread; never raises."""
    text = "\n".join(_told(session, one) for one in found)
    try:
        path = str(write_postmortem([one.finding for one in found], text, folder))
    except MeshdoctorError as problem:
        return Exported(text, "", str(problem))
    return Exported(text, path, "")


def _told(session: TuiSession, known: KnownFacts) -> str:
    entries, improvements = session.fixes.done_about(known.finding.fingerprint)
    diagnosis = session.mesh_state.diagnosis
    return postmortem(known.finding, diagnosis, known.way, known.excerpts, entries, improvements)


def tell(screen: Screen[Any], message: Exported) -> None:
    """Copies what was exported, and says where it is."""
    screen.app.copy_to_clipboard(message.text)
    copied = "copied, where the terminal allows it (OSC 52)"
    if message.path:
        screen.notify(f"{message.path}\nwritten, and {copied}", title="Exported", markup=False)
    else:
        screen.notify(f"{message.because}; {copied}", severity="warning", markup=False)
