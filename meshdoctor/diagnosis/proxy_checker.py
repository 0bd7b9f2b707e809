"""Applies the rules to one proxy at a time, and makes its column of the host table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from meshdoctor.facts.derived.fact_lists import PER_POD, FactSheet, ProxyFacts
from meshdoctor.facts.derived.host_rows import Pair, PodColumn, column_of
from meshdoctor.facts.derived.missing_evidence import EvidenceGaps, cannot_run, lacks_evidence
from meshdoctor.facts.derived.pod_gaps import PodGap, grouped, pod_gaps
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.replicas import ProxyToCheck
from meshdoctor.facts.proxy_files import ProxyNotes
from meshdoctor.model.evidence import Unread
from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import Finding, NotEvaluated
from meshdoctor.model.pod_evidence import PodEvidence
from meshdoctor.model.proxy_summary import summary_of
from meshdoctor.model.rule import Rule
from meshdoctor.rules.causes import explained
from meshdoctor.rules.evaluate import by_pod, hits_of
from meshdoctor.rules.pod_specific import depends_on_pod
from meshdoctor.rules.selectors import compile_selector
from meshdoctor.rules.tally import FindingShare, Tally


class RuleResults(NamedTuple):
    """The results of the rules for a mesh."""

    findings: tuple[Finding, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    checked: frozenset[str]
    """Pods whose proxy was checked."""
    external_hosts: int


class ShareResult(NamedTuple):
    """The results of a share of the proxies."""

    tally: Tally
    pods: set[str]
    """Pods whose proxy was checked."""
    hosts: set[tuple[str, int]]
    """External hosts that they connect to."""
    columns: dict[str, PodColumn]
    policies: dict[str, str]
    """Outbound policy of each sidecar."""
    gaps: dict[str, list[PodGap]]
    """By pod, what only its own dump shows to be missing."""
    repeatable: dict[str, tuple[PodEvidence, list[FindingShare]]]
    """The part in each finding of each pod that has replicas; empty once the share is complete."""

    @classmethod
    def nothing(cls) -> ShareResult:
        """An empty result."""
        return cls(Tally(), set(), set(), {}, {}, {}, {})

    def add(self, share: ShareResult) -> None:
        """Adds another share, which is complete."""
        self.tally.merge(share.tally)
        self.pods.update(share.pods)
        self.hosts.update(share.hosts)
        self.columns.update(share.columns)
        self.policies.update(share.policies)
        self.gaps.update(share.gaps)


class CheckedShare(NamedTuple):
    """The result of some proxies with the notes on their files, so that none is read again."""

    names: tuple[str, ...]
    result: ShareResult
    learnt: ProxyNotes
    unread: tuple[Unread, ...]
    """Documents that could not be read."""


class ProxyChecker:
    """Checks proxies one by one. `pairs`: the hosts of the columns; None: no columns."""

    def __init__(self, sheet: FactSheet, rules: Sequence[Rule], pairs: Collection[Pair] | None) -> None:
        self._sheet = sheet
        self._rules = rules
        self._in_force = [rule for rule in rules if not cannot_run(rule, sheet.mesh)]
        self.needs_every_pod = depends_on_pod(self._in_force, PER_POD)
        """A rule depends on the pod's name, so that each replica has to be checked."""
        self._pod_facts: dict[tuple[str, str], list[Fact]] = {}
        """Facts of the lists that need no dump, by list and pod."""
        if self.needs_every_pod:
            for name in PER_POD:
                for fact in sheet.of_pods(name):
                    self._pod_facts.setdefault((name, fact.pod), []).append(fact)
        self._pairs = pairs

    def check(self, turn: ProxyToCheck, result: ShareResult) -> None:
        """Adds one proxy to the result; for a replica, the result of the proxy that was checked."""
        pod, first, case = turn.place.pod, turn.first, turn.case
        result.pods.add(pod)
        if case is not None:
            if self._rules:
                self._apply_rules(turn.place, case, result)
            if self._pairs is not None and case.viewer.is_sidecar:
                result.columns[pod] = column_of(case, self._pairs)
                result.policies[pod] = case.policy
            return
        if self._rules:
            place, shares = result.repeatable[first]
            result.tally.repeat(shares, place, turn.place)
            result.gaps[pod] = [one._replace(pod=pod) for one in result.gaps[first]]
        if first in result.columns:
            result.columns[pod] = result.columns[first].of_replica(pod)
            result.policies[pod] = result.policies[first]

    def _apply_rules(self, place: PodEvidence, case: ProxyContext, result: ShareResult) -> None:
        lists, summary = ProxyFacts(case), summary_of(case.proxy)
        sighted = [rule for rule in self._in_force if not lacks_evidence(rule, summary)]
        hits = hits_of(sighted, partial(self._facts, lists, place.pod), {})
        result.repeatable[place.pod] = (place, result.tally.add(explained(list(hits)), place))
        result.hosts.update((fact.host, fact.port) for fact in lists.facts("connections"))
        result.gaps[place.pod] = list(pod_gaps(case, lists, sighted))

    def _facts(self, lists: ProxyFacts, pod: str, name: str) -> Sequence[Fact]:
        return self._pod_facts.get((name, pod), ()) if name in PER_POD else lists.facts(name)

    def results(self, done: ShareResult) -> RuleResults:
        """The results once every proxy is in `done`; adds the rules that need no proxy. Call it once."""
        sheet, checked, tally = self._sheet, frozenset(done.pods), done.tally
        gaps_of = EvidenceGaps(sheet.mesh, sheet.is_asked).of
        missing = {rule.id: gaps_of(rule) for rule in self._rules}
        of_pods = [rule for rule in self._rules if compile_selector(rule.select).list_name in PER_POD]
        for pod, hits in by_pod(hits_of(of_pods, sheet.of_pods, missing)).items():
            if not self.needs_every_pod or pod not in checked:
                tally.add(explained(hits), PodEvidence(pod))
        gaps = [gap for rule in self._rules for gap in missing[rule.id]]
        return RuleResults(tally.findings(), (*gaps, *grouped(done.gaps)), checked, len(done.hosts))
