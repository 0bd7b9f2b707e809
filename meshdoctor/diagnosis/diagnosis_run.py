"""Rules over a whole mesh, dump by dump: what is kept is what the findings show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from meshdoctor.diagnosis.dump_shares import over_dumps
from meshdoctor.facts.derived.fact_lists import PER_POD, FactSheet, ProxyFacts
from meshdoctor.facts.derived.missing_evidence import cannot_run, gaps_of, lacks_evidence
from meshdoctor.facts.derived.replicas import ProxyToCheck, ReplicaGroups, proxies_to_check
from meshdoctor.facts.proxy_files import DumpProxies
from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import Finding, NotEvaluated
from meshdoctor.model.pod_evidence import PodEvidence
from meshdoctor.model.proxy_summary import summary_of
from meshdoctor.model.rule import Rule
from meshdoctor.rules.evaluate import by_pod, explained, hits_of
from meshdoctor.rules.pod_specific import depends_on_pod
from meshdoctor.rules.selectors import compile_selector
from meshdoctor.rules.tally import FindingShare, Tally


class RuleResults(NamedTuple):
    """What the rules say of a mesh."""

    findings: tuple[Finding, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    judged: frozenset[str]
    """Pods whose proxy was looked at."""
    external_hosts: int


class ShareResult(NamedTuple):
    """What one share of the proxies comes to."""

    tally: Tally
    pods: list[str]
    hosts: set[tuple[str, int]]
    added: dict[str, tuple[PodEvidence, list[FindingShare]]]
    """Of those that may be judged for others, their part in each finding, while there are others to come."""

    @classmethod
    def nothing(cls) -> ShareResult:
        """Nothing yet."""
        return cls(Tally(), [], set(), {})


def judge(sheet: FactSheet, rules: Sequence[Rule], *, workers: int = 0, alone: bool = False) -> RuleResults:
    """Every rule over the sheet; as `engine.evaluate` says, and each dump is read once.

    `workers`: processes, 0 for as many as the size of the dumps is worth. `alone`: no proxy is judged for its replicas.
    Neither makes a difference to what comes out. Raises `UsageError` as `engine.evaluate` does.
    """
    course = DiagnosisRun(sheet, rules, alone=alone)
    for judged in over_dumps(sheet.mesh, sheet.names, course.share, workers):
        course.take(judged)
    return course.judgement()


_PodFacts = dict[tuple[str, str], list[Fact]]
"""Facts of the lists that no dump is read for, by list and pod."""


def _by_pod(sheet: FactSheet) -> _PodFacts:
    found: _PodFacts = {}
    for name in PER_POD:
        for fact in sheet.of_pods(name):
            found.setdefault((name, fact.pod), []).append(fact)
    return found


class DiagnosisRun:
    """A mesh on its way to a judgement: who watches takes the proxies' turns one by one and sees the findings grow."""

    def __init__(self, sheet: FactSheet, rules: Sequence[Rule], *, alone: bool = False) -> None:
        mesh = sheet.mesh
        self.sheet = sheet
        self._rules = rules
        self._in_force = [rule for rule in rules if not cannot_run(rule, mesh)]
        self._apart = depends_on_pod(self._in_force, PER_POD)
        self._alone = alone or self._apart
        self._pod_facts = _by_pod(sheet) if self._apart else {}
        self._done = ShareResult.nothing()
        proxies = mesh.proxies
        can_group = isinstance(proxies, DumpProxies) and not self._alone
        self._groups = (
            ReplicaGroups(mesh, sheet.registry, proxies) if can_group and isinstance(proxies, DumpProxies) else None
        )

    def share(self, names: Collection[str], also: Callable[[ProxyToCheck], object] = lambda look: None) -> ShareResult:
        """What some of the proxies come to, not yet taken in. `also` has each look as well; it must not keep it."""
        judged = ShareResult.nothing()
        for look in self.share_turns(names, judged):
            also(look)
            del look  # or this dump is held while the next one is read
        return judged

    def take(self, judged: ShareResult) -> None:
        """Takes a share in."""
        self._done.tally.merge(judged.tally)
        self._done.pods.extend(judged.pods)
        self._done.hosts.update(judged.hosts)

    def turns(self, names: Collection[str]) -> Iterator[ProxyToCheck]:
        """Judges these proxies as they are asked for, and takes each in. May be called again with others."""
        return self._turns(names, self._done, self._groups)

    def share_turns(self, names: Collection[str], judged: ShareResult) -> Iterator[ProxyToCheck]:
        """Judges these proxies as they are asked for, into `judged`, which `take` takes in once all had their turn."""
        yield from self._turns(names, judged)
        judged.added.clear()

    def _turns(
        self, names: Collection[str], judged: ShareResult, groups: ReplicaGroups | None = None
    ) -> Iterator[ProxyToCheck]:
        for look in proxies_to_check(self.sheet.mesh, self.sheet.registry, names, alone=self._alone, groups=groups):
            self._judge(look, judged)
            yield look
            del look

    def findings(self, besides: ShareResult | None = None) -> tuple[Finding, ...]:
        """The findings so far, of rules that look at proxies; `besides`: with those of a share under way."""
        if besides is None:
            return self._done.tally.findings()
        both = Tally()
        both.merge(self._done.tally)
        both.merge(besides.tally)
        return both.findings()

    def judgement(self) -> RuleResults:
        """The end: what is said of pods without a look at their proxies comes in. To be asked once."""
        sheet, done, tally = self.sheet, frozenset(self._done.pods), self._done.tally
        missing = {rule.id: gaps_of(rule, sheet.mesh, sheet.is_asked) for rule in self._rules}
        of_pods = [rule for rule in self._rules if compile_selector(rule.select).list_name in PER_POD]
        for pod, hits in by_pod(hits_of(of_pods, sheet.of_pods, missing)).items():
            if not self._apart or pod not in done:
                tally.add(explained(hits), PodEvidence(pod))
        gaps = tuple(gap for rule in self._rules for gap in missing[rule.id])
        return RuleResults(tally.findings(), gaps, done, len(self._done.hosts))

    def _judge(self, look: ProxyToCheck, judged: ShareResult) -> None:
        """Of those that were judged for others their part in each finding is remembered."""
        pod = look.place.pod
        judged.pods.append(pod)
        if look.case is None:
            first, shares = judged.added[look.first]
            judged.tally.repeat(shares, first, look.place)
            return
        lists, summary = ProxyFacts(look.case), summary_of(look.case.proxy)
        sighted = [rule for rule in self._in_force if not lacks_evidence(rule, summary)]
        hits = hits_of(sighted, partial(_facts, lists, self._pod_facts, pod), {})
        judged.added[pod] = (look.place, judged.tally.add(explained(list(hits)), look.place))
        judged.hosts.update((fact.host, fact.port) for fact in lists.facts("connections"))


def _facts(lists: ProxyFacts, pod_facts: _PodFacts, pod: str, name: str) -> Sequence[Fact]:
    return pod_facts.get((name, pod), ()) if name in PER_POD else lists.facts(name)
