"""The diagnosis of one case: every dump is read once, for the rules and for the host table.

`drain` checks all proxies, in several processes if the dumps are large; `events` yields them one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial

from meshdoctor.diagnosis.diagnosis_builder import build_diagnosis
from meshdoctor.diagnosis.events import DiagnosisFinished, PodChecked
from meshdoctor.diagnosis.proxy_checker import CheckedShare, ProxyChecker, RuleResults, ShareResult
from meshdoctor.diagnosis.workers import spread
from meshdoctor.facts.case import Case
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.derived.host_rows import likely_pairs, pairs_of, rows_of
from meshdoctor.facts.derived.missing_evidence import unread_dumps
from meshdoctor.facts.derived.replicas import ReplicaGroups, proxies_to_check
from meshdoctor.facts.proxy_files import DumpProxies
from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.host_table import HostTable
from meshdoctor.model.rule import Rule
from meshdoctor.rules.tally import Tally
from meshdoctor.semantics.istio.data_plane import PROXIES, not_traced, pod_kind


class DiagnosisRun:
    """Checks one case. `sheet` is the case's, limited to the pods asked for.

    `with_hosts`: `hosts` will be called. `alone`: each replica is checked by itself, with the same result. `is_final`:
    the result of a pod will not change.
    """

    def __init__(
        self,
        case: Case,
        sheet: FactSheet,
        rules: Sequence[Rule],
        *,
        with_hosts: bool = True,
        alone: bool = False,
        is_final: bool = True,
    ) -> None:
        self._case = case
        self.sheet = sheet
        self._rules = rules
        self._is_final = is_final
        assert isinstance(case.mesh.proxies, DumpProxies)
        self._proxies = case.mesh.proxies
        self._checker = ProxyChecker(sheet, rules, likely_pairs(sheet) if with_hosts else None)
        self._alone = alone or self._checker.needs_every_pod
        self._groups = None if self._alone else ReplicaGroups(case.mesh, sheet.registry, self._proxies)
        """Replicas among the proxies that are checked one by one; a share has its own."""
        self._done = ShareResult.nothing()
        self._under_way: ShareResult | None = None
        self.shares: list[CheckedShare] = []
        """The complete shares."""

    def drain(self, workers: int = 0) -> None:
        """Checks every proxy. `workers`: processes, 0 for as many as the size of the dumps is worth."""
        self._spread(self.sheet.names, self._checker, workers)

    def _spread(self, names: Collection[str], checker: ProxyChecker, workers: int = 0) -> None:
        for share in spread(names, self._proxies.size, partial(self._drained_share, checker), workers):
            self._add_share(share)

    def _drained_share(self, checker: ProxyChecker, names: Collection[str]) -> CheckedShare:
        result = ShareResult.nothing()
        for _ in self._check(names, checker, result):
            pass
        result.repeatable.clear()
        return CheckedShare(tuple(names), result, self._proxies.learnt(), tuple(self._case.mesh.unread))

    def _add_share(self, share: CheckedShare) -> None:
        """Adds the result of a share."""
        mesh = self._case.mesh
        self._done.add(share.result)
        self._proxies.learn(share.learnt)
        mesh.unread += [note for note in share.unread if note not in mesh.unread]

    def events(self, kept: Sequence[CheckedShare] | None = None) -> Iterator[PodChecked | DiagnosisFinished]:
        """Checks every proxy, one per step, and yields the end.

        `kept`: shares of an earlier run to reuse; `shares` then has the result in shares.
        """
        names = self.sheet.names
        if kept is None:
            yield from self.check(names)
        else:
            from meshdoctor.diagnosis.cache import shares_of  # `check` needs no cache

            known = {share.names: share for share in kept}
            for share in shares_of(names):
                yield from self._reuse_share(known[share]) if share in known else self._stepped_share(share)
        yield self.finished()

    def check(self, names: Collection[str]) -> Iterator[PodChecked]:
        """Checks these proxies, one per step. May be called again with others.

        One that cannot be read is in `mesh.proxies_unread`.
        """
        return self._check(names, self._checker, self._done, self._groups)

    def _check(
        self,
        names: Collection[str],
        checker: ProxyChecker,
        result: ShareResult,
        groups: ReplicaGroups | None = None,
    ) -> Iterator[PodChecked]:
        for turn in proxies_to_check(self._case.mesh, self.sheet.registry, names, alone=self._alone, groups=groups):
            checker.check(turn, result)
            checked = self._pod_checked(turn.place.pod, result)
            del turn  # frees this dump before the next one is read
            yield checked

    def _pod_checked(self, pod: str, result: ShareResult) -> PodChecked:
        mesh = self._case.mesh
        column, summary = result.columns.get(pod), mesh.summary(pod)
        kind = pod_kind(pod, mesh.pods.get(pod), summary, mesh.namespaces)
        gaps = (gap.because for gap in summary.gaps.values()) if summary else iter(())
        because = not_traced(kind, summary.control_plane if summary else "") if kind in PROXIES else next(gaps, "")
        return PodChecked(
            pod=pod,
            version=summary.version if summary else "",
            policy=result.policies.get(pod, ""),
            verdicts=column.verdicts if column else {},
            kind=kind,
            because=because,
            is_final=self._is_final,
        )

    def _stepped_share(self, names: tuple[str, ...]) -> Iterator[PodChecked]:
        """Checks the proxies of a share, and keeps its result."""
        mesh, noted = self._case.mesh, len(self._case.mesh.unread)
        self._under_way = result = ShareResult.nothing()
        yield from self._check(names, self._checker, result)
        self._under_way = None
        result.repeatable.clear()
        learnt = self._proxies.learnt(names)
        own = {f"proxies/{name}" for name in learnt.refused}
        unread = tuple(note for note in mesh.unread[noted:] if note.path not in own)
        self.shares.append(CheckedShare(names, result, learnt, unread))
        self._add_share(self.shares[-1])

    def _reuse_share(self, share: CheckedShare) -> Iterator[PodChecked]:
        """Reuses a share of an earlier run, whose files have not changed."""
        self.shares.append(share)
        self._add_share(share)
        yield from (self._pod_checked(name, share.result) for name in share.names if name not in share.learnt.refused)

    def findings(self) -> tuple[Finding, ...]:
        """The findings of the proxies checked so far, without line numbers."""
        so_far = Tally()
        for result in (self._done, self._under_way):
            if result is not None:
                so_far.merge(result.tally)
        return so_far.findings()

    def finished(self) -> DiagnosisFinished:
        """The end, once every proxy was checked. Call it once."""
        hosts = self.hosts()  # may read dumps again, and the diagnosis has those that it cannot read
        return DiagnosisFinished(self._case, self.diagnosis(), hosts)

    def diagnosis(self) -> Diagnosis:
        """The diagnosis, once every proxy was checked. Call it once."""
        return build_diagnosis(self._case, self.sheet, self._rules, self.results())

    def results(self) -> RuleResults:
        """The results of the rules, once every proxy was checked. Call it once."""
        return self._checker.results(self._done)

    def hosts(self) -> HostTable:
        """The host table, once every proxy was checked."""
        capture, mesh, columns = self._case.capture, self._case.mesh, self._done.columns
        pairs = pairs_of(self.sheet, columns.values())
        lacking = [pod for pod, column in columns.items() if column.lacks(pairs)]
        if lacking:  # a host that only one sidecar has is checked for all others too
            self._spread(lacking, ProxyChecker(self.sheet, (), pairs))
        missing = [f"resources/{kind}.yaml" for kind in ("serviceentries", "pods") if kind not in mesh.kinds_read]
        unread = unread_dumps(mesh, self.sheet.is_asked)
        return HostTable(capture.kind, capture.location, rows_of(self.sheet, columns, pairs), (*missing, *unread))
