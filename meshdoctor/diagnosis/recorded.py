"""A diagnosis with its request, so that a fix can be planned on it and verified by the same request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, structs

from meshdoctor.diagnosis.case_reader import open_case
from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun
from meshdoctor.diagnosis.scope import load_catalogue, sheet_of
from meshdoctor.facts.case import Case
from meshdoctor.fixes.verify.verification import baseline
from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.fix import Baseline
from meshdoctor.model.host_table import HostTable
from meshdoctor.model.mesh import Mesh
from meshdoctor.sources.source import Source

if TYPE_CHECKING:
    from meshdoctor.sources.live.live_cluster import FetchObserver

Answer = TypeVar("Answer")


class DiagnosisRequest(Struct, frozen=True):
    """What to diagnose: a source, some of its pods, and the rules."""

    source: Source
    namespaces: tuple[str, ...] = ()
    labels: str = ""
    rule_dirs: tuple[Path, ...] = ()

    def open(self, watcher: FetchObserver | None = None, *, to_compare: bool = False) -> DiagnosisRecord:
        """Reads the source and diagnoses it. `to_compare`: `baseline` will be called.

        Raises what `doctor.open_case` and `doctor.diagnose` raise.
        """
        case = open_case(self.source, watcher)
        sheet = sheet_of(case, self.namespaces, self.labels)
        run = DiagnosisRun(case, sheet, load_catalogue(self.rule_dirs), with_hosts=to_compare)
        run.drain()
        hosts = run.hosts() if to_compare else None  # before the diagnosis, as they may read dumps again
        return DiagnosisRecord(self, case, run.diagnosis(), hosts)

    def again(self, namespaces: tuple[str, ...], labels: str) -> DiagnosisRecord:
        """Diagnoses the same source again, limited to some pods, with all that was written before.

        Raises as `open` does, and `KeyboardInterrupt` where Ctrl-C ended it: a part verifies nothing.
        """
        source = self.source.fresh()
        if source.cluster is not None:
            scope = structs.replace(source.cluster.scope, namespaces=namespaces, labels=labels)
            source = structs.replace(source, cluster=structs.replace(source.cluster, scope=scope))
        request = structs.replace(self, source=source, namespaces=namespaces, labels=labels)
        record = request.open(to_compare=True)
        if record.case.interrupted:
            raise KeyboardInterrupt
        return record


class DiagnosisRecord:
    """A diagnosis with its request and its case (`FixEvidence`).

    `using` locks the dumps while they are read.
    """

    def __init__(
        self,
        request: DiagnosisRequest,
        case: Case,
        diagnosis: Diagnosis,
        hosts: HostTable | None = None,
        using: Callable[[Callable[[Case], Any]], Any] | None = None,
    ) -> None:
        self.request = request
        self.namespaces = request.namespaces
        self.labels = request.labels
        self.is_whole = request.source.cluster is None or not (self.namespaces or self.labels)
        self.case = case
        self.diagnosis = diagnosis
        self._hosts = hosts
        self._using = using or (lambda work: work(case))

    def using(self, work: Callable[[Mesh], Answer]) -> Answer:
        """The result of `work` on the mesh."""
        made: Answer = self._using(lambda _: work(self.case.mesh))
        return made

    def baseline(self) -> Baseline:
        """The baseline. Traces every host for every pod, unless that is done (`to_compare`)."""
        if self._hosts is None:
            self._hosts = self.using(lambda _: self._traced())
        return baseline(self.diagnosis, self._hosts, self.case.mesh.pods)

    def _traced(self) -> HostTable:
        run = DiagnosisRun(self.case, sheet_of(self.case, self.namespaces, self.labels), rules=())
        run.drain()
        return run.hosts()
