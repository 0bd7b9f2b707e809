"""One look at a mesh, as often as a proof needs it: the same source, the same rules, the same pods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor import doctor
from meshdoctor.mending.proof import baseline
from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.mend import Baseline

if TYPE_CHECKING:
    from meshdoctor.collect.live.cluster import Watcher


class Look(Struct, frozen=True):
    """What was asked for."""

    source: doctor.Source
    namespaces: tuple[str, ...] = ()
    labels: str = ""
    rule_dirs: tuple[Path, ...] = ()

    def open(self, watcher: Watcher | None = None) -> Seen:
        """Reads the source and judges it. Raises what `doctor.open_case` and `doctor.diagnose` raise."""
        case = doctor.open_case(self.source, watcher)
        diagnosis = doctor.diagnose(case, rule_dirs=self.rule_dirs, namespaces=self.namespaces, labels=self.labels)
        return Seen(self, case, diagnosis)


class Seen:
    """What a look showed."""

    def __init__(self, look: Look, case: doctor.Case, diagnosis: Diagnosis) -> None:
        self.look = look
        self.case = case
        self.diagnosis = diagnosis

    def baseline(self) -> Baseline:
        """What it is compared by; traces every host for every pod."""
        listed = doctor.hosts(self.case, self.look.namespaces, self.look.labels)
        return baseline(self.diagnosis, listed, self.case.mesh.pods)
