"""A diagnosis kept with what was asked for, so that a fix can be planned on it and verified by the same again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, structs

from meshdoctor import doctor
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.fix_context import FixContext
from meshdoctor.fixes.verify.verification import baseline
from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.fix import Baseline, FixListener
from meshdoctor.model.host_table import HostTable
from meshdoctor.model.mesh import Mesh

if TYPE_CHECKING:
    from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
    from meshdoctor.sources.live.live_cluster import FetchObserver

Answer = TypeVar("Answer")


class DiagnosisRequest(Struct, frozen=True):
    """What is diagnosed: a source, some of its pods, by which rules."""

    source: doctor.Source
    namespaces: tuple[str, ...] = ()
    labels: str = ""
    rule_dirs: tuple[Path, ...] = ()

    def open(self, watcher: FetchObserver | None = None, *, to_compare: bool = False) -> DiagnosisRecord:
        """Reads the source and diagnoses it. `to_compare`: its `baseline` will be asked for, and is made beside it.

        Raises what `doctor.open_case` and `doctor.diagnose` raise.
        """
        case = doctor.open_case(self.source, watcher)
        diagnose = doctor.diagnose_with_hosts if to_compare else _diagnose
        return DiagnosisRecord(
            self, case, *diagnose(case, rule_dirs=self.rule_dirs, namespaces=self.namespaces, labels=self.labels)
        )

    def again(self, namespaces: tuple[str, ...], labels: str) -> DiagnosisRecord:
        """The same source diagnosed now, limited to some pods.

        Raises as `open` does, and `KeyboardInterrupt` where Ctrl-C ended the reading: half of it verifies nothing.
        """
        source = self.source
        if source.cluster is not None:
            scope = structs.replace(source.cluster.scope, namespaces=namespaces, labels=labels)
            source = structs.replace(source, cluster=structs.replace(source.cluster, scope=scope))
        request = structs.replace(self, source=source, namespaces=namespaces, labels=labels)
        record = request.open(to_compare=True)
        if record.case.interrupted:
            raise KeyboardInterrupt
        return record


def _diagnose(case: doctor.Case, **scope: Any) -> tuple[Diagnosis, None]:
    return doctor.diagnose(case, **scope), None


class DiagnosisRecord:
    """A diagnosis, what was asked for, and the evidence: what a fix is planned on (`FixEvidence`)."""

    def __init__(
        self,
        request: DiagnosisRequest,
        case: doctor.Case,
        diagnosis: Diagnosis,
        hosts: HostTable | None = None,
        using: Callable[[Callable[[doctor.Case], Any]], Any] | None = None,
    ) -> None:
        self.request = request
        self.namespaces = request.namespaces
        self.labels = request.labels
        self.is_whole = request.source.cluster is None or not (self.namespaces or self.labels)
        self.case = case
        self.diagnosis = diagnosis
        self._hosts = hosts
        self._using = using or (lambda work: work(case))
        """Keeps others from the dumps meanwhile."""

    def using(self, work: Callable[[Mesh], Answer]) -> Answer:
        """What `work` makes of the mesh."""
        made: Answer = self._using(lambda _: work(self.case.mesh))
        return made

    def baseline(self) -> Baseline:
        """What it is compared by. Traces every host for every pod where that was not done yet (`to_compare`)."""
        if self._hosts is None:
            self._hosts = self._using(lambda _: doctor.hosts(self.case, self.namespaces, self.labels))
        return baseline(self.diagnosis, self._hosts, self.case.mesh.pods)


def fix_context(request: DiagnosisRequest, location: str = "", *, seconds: float = 30.0) -> FixContext:
    """Where fixes of a source are written. `seconds` is how long a cluster's proxies are waited for."""
    cluster, journal = request.source.cluster, Journal()
    if cluster is None:
        return FixContext(journal=journal, manifests=request.source.manifests)
    return FixContext(
        journal=journal,
        connect=lambda tell: cluster_applier(request, journal, tell, seconds=seconds),
        location=location,
        kubectl_context=cluster.context,
    )


def cluster_applier(
    request: DiagnosisRequest, journal: Journal, tell: FixListener = lambda event: None, *, seconds: float = 30.0
) -> ClusterApplier:
    """Logs in to the cluster of a request, to write to it. Raises `Unreadable` and `UsageError` as that does."""
    from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
    from meshdoctor.kube.login import log_in
    from meshdoctor.kube.session import Session

    cluster = request.source.cluster
    assert cluster is not None
    session = Session(log_in(cluster.kubeconfig, cluster.context))
    return ClusterApplier(session, journal, request.again, tell, seconds=seconds, concurrency=cluster.pace.at_once)
