"""Exports findings as Markdown, into one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from meshdoctor.diagnosis.excerpts import Excerpt, excerpt
from meshdoctor.errors import MeshdoctorError
from meshdoctor.model.finding import Finding
from meshdoctor.model.trace import Trace
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.messages import Exported
from meshdoctor.tui.state.postmortem_file import postmortem, write_postmortem


class KnownFacts(NamedTuple):
    """A finding with the path of its connection and its evidence, as far as they could be read."""

    finding: Finding
    path: Trace | None = None
    excerpts: Sequence[Excerpt] = ()


def read_facts(session: TuiSession, finding: Finding) -> KnownFacts:
    """Reads the evidence of a finding and the path from its first pod. Call it from a thread; never raises."""
    diagnosis_session = session.diagnosis_session
    if diagnosis_session is None:
        return KnownFacts(finding)
    path, excerpts = None, []
    try:
        excerpts = diagnosis_session.using(lambda case: [excerpt(case.capture, piece) for piece in finding.evidence])
        if finding.host and finding.port and finding.pods:
            path = diagnosis_session.trace(finding.pods[0], finding.host, finding.port)
    except MeshdoctorError:
        pass  # the finding is exported without them
    return KnownFacts(finding, path, excerpts)


def export(session: TuiSession, found: Sequence[KnownFacts], folder: Path) -> Exported:
    """Writes findings into one file, in their order. Call it from a thread; never raises."""
    pieces = []
    for known in found:
        entries, improvements = session.fixes.done_about(known.finding.fingerprint)
        diagnosis = session.mesh_state.diagnosis
        pieces.append(postmortem(known.finding, diagnosis, known.path, known.excerpts, entries, improvements))
    text = "\n".join(pieces)
    try:
        file = str(write_postmortem([one.finding for one in found], text, folder))
    except MeshdoctorError as problem:
        return Exported(text, "", str(problem))
    return Exported(text, file, "")
