"""A case on its way to its diagnosis: each proxy's turn gives what it adds, in one look at its dump."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from meshdoctor.diagnosis.cache import CachedShare
from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun
from meshdoctor.diagnosis.diagnosis_run import ShareResult as RuleShare
from meshdoctor.diagnosis.events import DiagnosisFinished, PodChecked
from meshdoctor.doctor import Case, diagnosis_of, hosts_of, load_catalogue
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.derived.host_rows import PodColumns, likely_pairs, rows_of
from meshdoctor.facts.derived.replicas import ProxyToCheck
from meshdoctor.facts.proxy_files import DumpProxies, ProxyNotes
from meshdoctor.model.finding import Finding


class CaseRun:
    """Findings and hosts of one case, together. `sheet` is the case's, limited to what was asked for."""

    def __init__(self, case: Case, sheet: FactSheet, *, is_final: bool = True) -> None:
        self._case = case
        self._sheet = sheet
        self._is_final = is_final
        self._rules = load_catalogue()
        self._course = DiagnosisRun(sheet, self._rules)
        self._columns = PodColumns(sheet, likely_pairs(sheet))
        self._policies: dict[str, str] = {}
        self._now: RuleShare | None = None
        """The share under way."""
        self.shares: list[CachedShare] = []
        """Those that had their turns."""

    def turns(self, names: Collection[str]) -> Iterator[PodChecked]:
        """What each of these proxies adds. One that cannot be read adds nothing and is in `mesh.proxies_unread`."""
        for look in self._course.turns(names):
            judged = self._judged(look)
            del look  # or this dump is held while the next one is read
            yield judged

    def share_turns(self, names: tuple[str, ...]) -> Iterator[PodChecked]:
        """The same for a share of the proxies, which is kept in `shares`."""
        mesh, proxies = self._case.mesh, self._case.mesh.proxies
        noted = len(mesh.unread)
        self._now = share = RuleShare.nothing()
        for look in self._course.share_turns(names, share):
            judged = self._judged(look)
            del look
            yield judged
        self._course.take(share)
        self._now = None
        if isinstance(proxies, DumpProxies):
            refused = {name: mesh.proxies_unread[name] for name in names if name in mesh.proxies_unread}
            summaries = {name: summary for name in names if name not in refused and (summary := mesh.summary(name))}
            columns = {name: self._columns.by_pod[name] for name in names if name in self._columns.by_pod}
            policies = {name: self._policies[name] for name in names if name in self._policies}
            own = {f"proxies/{name}" for name in refused}
            unread = tuple(note for note in mesh.unread[noted:] if note.path not in own)
            self.shares.append(CachedShare(names, share, columns, policies, ProxyNotes(summaries, refused), unread))

    def adopt(self, share: CachedShare) -> Iterator[PodChecked]:
        """A share of an earlier look, whose files are as they were."""
        mesh, proxies = self._case.mesh, self._case.mesh.proxies
        assert isinstance(proxies, DumpProxies)
        proxies.learn(share.learnt)
        mesh.unread += [note for note in share.unread if note not in mesh.unread]
        self._columns.by_pod |= share.columns
        self._policies |= share.policies
        self._course.take(share.judged)
        self.shares.append(share)
        yield from (self._told(name) for name in share.names if name not in share.learnt.refused)

    def _judged(self, look: ProxyToCheck) -> PodChecked:
        pod = look.place.pod
        self._columns.take(look)
        column = self._columns.by_pod.get(pod)
        if column is not None:
            self._policies[pod] = self._policies[look.first] if look.case is None else look.case.policy
        return self._told(pod)

    def _told(self, pod: str) -> PodChecked:
        column = self._columns.by_pod.get(pod)
        summary = self._sheet.mesh.summary(pod)
        return PodChecked(
            pod=pod,
            version=summary.version if summary else "",
            policy=self._policies.get(pod, ""),
            verdicts=column.verdicts if column else {},
            is_final=self._is_final,
        )

    def findings(self) -> tuple[Finding, ...]:
        """Those of the proxies looked at so far, without line numbers."""
        return self._course.findings(self._now)

    def finished(self) -> DiagnosisFinished:
        """The end, once every proxy of the sheet has had its turn."""
        case, sheet = self._case, self._sheet
        judged = self._course.judgement()
        rows, missing = rows_of(sheet, list(self._columns.by_pod.values()))
        diagnosis = diagnosis_of(case, sheet, self._rules, judged)
        return DiagnosisFinished(case, diagnosis, hosts_of(case, sheet, rows, missing))
