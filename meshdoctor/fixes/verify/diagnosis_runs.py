"""One look at a mesh, as often as a verification needs it: the same source, the same rules, the same pods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from meshdoctor import doctor
from meshdoctor.fixes.verify.verification import baseline
from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.fix import Baseline
from meshdoctor.model.host_table import HostTable

if TYPE_CHECKING:
    from meshdoctor.sources.live.live_cluster import FetchObserver


class DiagnosisRequest(Struct, frozen=True):
    """What was asked for."""

    source: doctor.Source
    namespaces: tuple[str, ...] = ()
    labels: str = ""
    rule_dirs: tuple[Path, ...] = ()

    def open(self, watcher: FetchObserver | None = None, *, to_compare: bool = False) -> DiagnosisRecord:
        """Reads the source and judges it. `to_compare`: `Seen.baseline` will be asked for, and is made beside it.

        Raises what `doctor.open_case` and `doctor.diagnose` raise.
        """
        case = doctor.open_case(self.source, watcher)
        diagnose = doctor.diagnose_with_hosts if to_compare else _diagnose
        return DiagnosisRecord(
            self, case, *diagnose(case, rule_dirs=self.rule_dirs, namespaces=self.namespaces, labels=self.labels)
        )


def _diagnose(case: doctor.Case, **scope: Any) -> tuple[Diagnosis, None]:
    return doctor.diagnose(case, **scope), None


class DiagnosisRecord:
    """What a look showed."""

    def __init__(
        self, look: DiagnosisRequest, case: doctor.Case, diagnosis: Diagnosis, hosts: HostTable | None = None
    ) -> None:
        self.look = look
        self.case = case
        self.diagnosis = diagnosis
        self._hosts = hosts

    def baseline(self) -> Baseline:
        """What it is compared by. Traces every host for every pod where that was not predicted (`to_compare`)."""
        if self._hosts is None:
            self._hosts = doctor.hosts(self.case, self.look.namespaces, self.look.labels)
        return baseline(self.diagnosis, self._hosts, self.case.mesh.pods)
