"""Rules over a whole mesh, dump by dump: what is kept is what the findings show."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

from meshdoctor.engine.distinct import tells_pods_apart
from meshdoctor.engine.evaluate import by_pod, explained, hits_of
from meshdoctor.engine.selectors import compile_selector
from meshdoctor.engine.tally import Share, Tally
from meshdoctor.facts.joined.gaps import gaps_of, is_blind, is_off
from meshdoctor.facts.joined.replicas import looks
from meshdoctor.facts.joined.sheet import PER_POD, CaseSheet, Sheet
from meshdoctor.judging.shares import over_dumps
from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import Finding, NotEvaluated
from meshdoctor.model.place import Place
from meshdoctor.model.proxies import brief_of
from meshdoctor.model.rule import Rule


class Judgement(NamedTuple):
    """What the rules say of a mesh."""

    findings: tuple[Finding, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    judged: frozenset[str]
    """Pods whose proxy was looked at."""
    external_hosts: int


class _Judged(NamedTuple):
    """What one share of the proxies comes to."""

    tally: Tally
    pods: list[str]
    hosts: set[tuple[str, int]]


def judge(sheet: Sheet, rules: Sequence[Rule], *, workers: int = 0, alone: bool = False) -> Judgement:
    """Every rule over the sheet; as `engine.evaluate` says, and each dump is read once.

    `workers`: processes, 0 for as many as the size of the dumps is worth. `alone`: no proxy is judged for its replicas.
    Neither makes a difference to what comes out. Raises `UsageError` as `engine.evaluate` does.
    """
    mesh = sheet.mesh
    of_pods = [rule for rule in rules if compile_selector(rule.select).list_name in PER_POD]
    in_force = [rule for rule in rules if not is_off(rule, mesh)]
    apart = tells_pods_apart(in_force, PER_POD)
    pod_facts = _by_pod(sheet) if apart else {}
    tally, pods, hosts = Tally(), list[str](), set[tuple[str, int]]()
    work = partial(_judge_share, sheet, in_force, pod_facts, alone or apart)
    for judged in over_dumps(mesh, sheet.names, work, workers):
        tally.merge(judged.tally)
        pods += judged.pods
        hosts |= judged.hosts
    missing = {rule.id: gaps_of(rule, mesh, sheet.is_asked) for rule in rules}
    done = frozenset(pods)
    for pod, hits in by_pod(hits_of(of_pods, sheet.of_pods, missing)).items():
        if not apart or pod not in done:
            tally.add(explained(hits), Place(pod))
    gaps = tuple(gap for rule in rules for gap in missing[rule.id])
    return Judgement(tally.findings(), gaps, done, len(hosts))


_PodFacts = dict[tuple[str, str], list[Fact]]
"""Facts of the lists that no dump is read for, by list and pod."""


def _by_pod(sheet: Sheet) -> _PodFacts:
    found: _PodFacts = {}
    for name in PER_POD:
        for fact in sheet.of_pods(name):
            found.setdefault((name, fact.pod), []).append(fact)
    return found


def _judge_share(
    sheet: Sheet, rules: Sequence[Rule], pod_facts: _PodFacts, alone: bool, names: Collection[str]
) -> _Judged:
    """The proxies of one share. Of those that were judged for others their part in each finding is remembered."""
    judged = _Judged(Tally(), [], set())
    added: dict[str, tuple[Place, list[Share]]] = {}
    for look in looks(sheet.mesh, sheet.registry, names, alone=alone):
        pod = look.place.pod
        judged.pods.append(pod)
        if look.case is None:
            first, shares = added[look.first]
            judged.tally.repeat(shares, first, look.place)
            continue
        lists, brief = CaseSheet(look.case), brief_of(look.case.proxy)
        sighted = [rule for rule in rules if not is_blind(rule, brief)]
        hits = hits_of(sighted, partial(_facts, lists, pod_facts, pod), {})
        added[pod] = (look.place, judged.tally.add(explained(list(hits)), look.place))
        judged.hosts.update((fact.host, fact.port) for fact in lists.facts("connections"))
        del look
    return judged


def _facts(lists: CaseSheet, pod_facts: _PodFacts, pod: str, name: str) -> Sequence[Fact]:
    return pod_facts.get((name, pod), ()) if name in PER_POD else lists.facts(name)
