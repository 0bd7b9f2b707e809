"""What rules could not evaluate for one pod, as only its own dump and its facts show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from meshdoctor.facts.derived.fact_lists import ProxyFacts
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.model.finding import NotEvaluated
from meshdoctor.model.proxied_dependency import ProxiedDependency
from meshdoctor.model.rule import Rule
from meshdoctor.model.sheet import Connection, Disagreement, EntryPort
from meshdoctor.model.verdict import Verdict
from meshdoctor.text.phrases import some

_COMPARED = "$.disagreements"
"""The list that compares the ServiceEntries with the dump."""


class PodGap(NamedTuple):
    """What a rule could not evaluate for one pod: a dependency whose verdict is unknown, or all (no host)."""

    pod: str
    rule: str
    host: str
    port: int
    missing: tuple[str, ...]
    because: str


def pod_gaps(case: ProxyContext, lists: ProxyFacts, rules: Sequence[Rule]) -> Iterator[PodGap]:
    """What these rules, which ran over the pod's facts, could not evaluate for it."""
    yield from _unknown(case.key, lists, rules)
    yield from _contradicted(case.key, lists, rules)
    yield from _unlisted(case, rules)
    yield from _unresolved(case, lists, rules)


def _unknown(pod: str, lists: ProxyFacts, rules: Sequence[Rule]) -> Iterator[PodGap]:
    """The pod's dependencies with an unknown verdict: the rule that is about every dependency did not evaluate them."""
    fallback = next((rule for rule in rules if rule.backstop), None)
    if fallback is None:
        return
    for fact in (*lists.facts("connections"), *lists.facts("proxied")):
        is_used = isinstance(fact, ProxiedDependency) or (isinstance(fact, Connection) and fact.used)
        if isinstance(fact, Connection | ProxiedDependency) and is_used and fact.verdict is Verdict.UNKNOWN:
            yield PodGap(pod, fallback.id, fact.host, fact.port, fact.missing, fact.because)


def _contradicted(pod: str, lists: ProxyFacts, rules: Sequence[Rule]) -> Iterator[PodGap]:
    """The rules that read ServiceEntries, where the dump shows that these are not all."""
    facts = lists.facts("disagreements")
    hosts = list(dict.fromkeys(one.host for one in facts if isinstance(one, Disagreement) and one.cluster))
    because = f"the sidecar has clusters of hosts that no ServiceEntry that was read names: {some(hosts, 3)}"
    for rule in rules if hosts else ():
        if "serviceentries" in rule.needs and not rule.select.startswith(_COMPARED):
            yield PodGap(pod, rule.id, "", 0, ("resources/serviceentries.yaml",), because)


def _unlisted(case: ProxyContext, rules: Sequence[Rule]) -> Iterator[PodGap]:
    """The rules that read pods, where the pod of a sidecar that was read is not among them."""
    if case.key in case.mesh.pods or "pods" not in case.mesh.kinds_read or not case.viewer.is_sidecar:
        return
    because = "its sidecar was read, but the pod is not among those that were read, so its dependencies are not known"
    for rule in rules:
        if "pods" in rule.needs:
            yield PodGap(case.key, rule.id, "", 0, (f"resources/pods.yaml: {case.key}",), because)


def _unresolved(case: ProxyContext, lists: ProxyFacts, rules: Sequence[Rule]) -> Iterator[PodGap]:
    """The rules that compare addresses with DNS answers, where those of an entry's host are not known."""
    because = "no DNS answers were read, and no sidecar has resolved the host"
    for rule in rules if case.mesh.dns is None else ():
        for fact in lists.facts("entry_ports") if "dns" in rule.needs else ():
            if isinstance(fact, EntryPort) and fact.addresses and fact.family != "http" and not fact.dns_known:
                yield PodGap(case.key, rule.id, fact.host, fact.port, ("dns.json",), because)


def grouped(gaps: Mapping[str, Sequence[PodGap]]) -> Iterator[NotEvaluated]:
    """Each gap with all pods that have it."""
    found: dict[PodGap, list[str]] = {}
    for pod in sorted(gaps):
        for one in gaps[pod]:
            found.setdefault(one._replace(pod=""), []).append(pod)
    for one, pods in found.items():
        yield NotEvaluated(one.rule, tuple(pods), one.missing, one.because, True, one.host, one.port)
