"""Rules over a whole mesh, dump by dump: what is kept is what the findings show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from meshdoctor.engine.distinct import tells_pods_apart
from meshdoctor.engine.evaluate import by_pod, explained, hits_of
from meshdoctor.engine.selectors import compile_selector
from meshdoctor.engine.tally import Share, Tally
from meshdoctor.facts.dumps import DumpProxies
from meshdoctor.facts.joined.gaps import gaps_of, is_blind, is_off
from meshdoctor.facts.joined.replicas import Groups, Look, looks
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


class Judged(NamedTuple):
    """What one share of the proxies comes to."""

    tally: Tally
    pods: list[str]
    hosts: set[tuple[str, int]]
    added: dict[str, tuple[Place, list[Share]]]
    """Of those that may be judged for others, their part in each finding, while there are others to come."""

    @classmethod
    def nothing(cls) -> Judged:
        """Nothing yet."""
        return cls(Tally(), [], set(), {})


def judge(sheet: Sheet, rules: Sequence[Rule], *, workers: int = 0, alone: bool = False) -> Judgement:
    """Every rule over the sheet; as `engine.evaluate` says, and each dump is read once.

    `workers`: processes, 0 for as many as the size of the dumps is worth. `alone`: no proxy is judged for its replicas.
    Neither makes a difference to what comes out. Raises `UsageError` as `engine.evaluate` does.
    """
    course = Course(sheet, rules, alone=alone)
    for judged in over_dumps(sheet.mesh, sheet.names, course.share, workers):
        course.take(judged)
    return course.judgement()


_PodFacts = dict[tuple[str, str], list[Fact]]
"""Facts of the lists that no dump is read for, by list and pod."""


def _by_pod(sheet: Sheet) -> _PodFacts:
    found: _PodFacts = {}
    for name in PER_POD:
        for fact in sheet.of_pods(name):
            found.setdefault((name, fact.pod), []).append(fact)
    return found


class Course:
    """A mesh on its way to a judgement: who watches takes the proxies' turns one by one and sees the findings grow."""

    def __init__(self, sheet: Sheet, rules: Sequence[Rule], *, alone: bool = False) -> None:
        mesh = sheet.mesh
        self.sheet = sheet
        self._rules = rules
        self._in_force = [rule for rule in rules if not is_off(rule, mesh)]
        self._apart = tells_pods_apart(self._in_force, PER_POD)
        self._alone = alone or self._apart
        self._pod_facts = _by_pod(sheet) if self._apart else {}
        self._done = Judged.nothing()
        proxies = mesh.proxies
        can_group = isinstance(proxies, DumpProxies) and not self._alone
        self._groups = Groups(mesh, sheet.registry, proxies) if can_group and isinstance(proxies, DumpProxies) else None

    def share(self, names: Collection[str], also: Callable[[Look], object] = lambda look: None) -> Judged:
        """What some of the proxies come to, not yet taken in. `also` has each look as well; it must not keep it."""
        judged = Judged.nothing()
        for look in self.share_turns(names, judged):
            also(look)
            del look  # or this dump is held while the next one is read
        return judged

    def take(self, judged: Judged) -> None:
        """Takes a share in."""
        self._done.tally.merge(judged.tally)
        self._done.pods.extend(judged.pods)
        self._done.hosts.update(judged.hosts)

    def turns(self, names: Collection[str]) -> Iterator[Look]:
        """Judges these proxies as they are asked for, and takes each in. May be called again with others."""
        return self._turns(names, self._done, self._groups)

    def share_turns(self, names: Collection[str], judged: Judged) -> Iterator[Look]:
        """Judges these proxies as they are asked for, into `judged`, which `take` takes in once all had their turn."""
        yield from self._turns(names, judged)
        judged.added.clear()

    def _turns(self, names: Collection[str], judged: Judged, groups: Groups | None = None) -> Iterator[Look]:
        for look in looks(self.sheet.mesh, self.sheet.registry, names, alone=self._alone, groups=groups):
            self._judge(look, judged)
            yield look
            del look

    def findings(self, besides: Judged | None = None) -> tuple[Finding, ...]:
        """The findings so far, of rules that look at proxies; `besides`: with those of a share under way."""
        if besides is None:
            return self._done.tally.findings()
        both = Tally()
        both.merge(self._done.tally)
        both.merge(besides.tally)
        return both.findings()

    def judgement(self) -> Judgement:
        """The end: what is said of pods without a look at their proxies comes in. To be asked once."""
        sheet, done, tally = self.sheet, frozenset(self._done.pods), self._done.tally
        missing = {rule.id: gaps_of(rule, sheet.mesh, sheet.is_asked) for rule in self._rules}
        of_pods = [rule for rule in self._rules if compile_selector(rule.select).list_name in PER_POD]
        for pod, hits in by_pod(hits_of(of_pods, sheet.of_pods, missing)).items():
            if not self._apart or pod not in done:
                tally.add(explained(hits), Place(pod))
        gaps = tuple(gap for rule in self._rules for gap in missing[rule.id])
        return Judgement(tally.findings(), gaps, done, len(self._done.hosts))

    def _judge(self, look: Look, judged: Judged) -> None:
        """Of those that were judged for others their part in each finding is remembered."""
        pod = look.place.pod
        judged.pods.append(pod)
        if look.case is None:
            first, shares = judged.added[look.first]
            judged.tally.repeat(shares, first, look.place)
            return
        lists, brief = CaseSheet(look.case), brief_of(look.case.proxy)
        sighted = [rule for rule in self._in_force if not is_blind(rule, brief)]
        hits = hits_of(sighted, partial(_facts, lists, self._pod_facts, pod), {})
        judged.added[pod] = (look.place, judged.tally.add(explained(list(hits)), look.place))
        judged.hosts.update((fact.host, fact.port) for fact in lists.facts("connections"))


def _facts(lists: CaseSheet, pod_facts: _PodFacts, pod: str, name: str) -> Sequence[Fact]:
    return pod_facts.get((name, pod), ()) if name in PER_POD else lists.facts(name)
