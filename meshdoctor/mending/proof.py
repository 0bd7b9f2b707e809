"""Before and after: did the finding go, and did anything else get worse?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.hosts import Hosts
from meshdoctor.model.mend import Baseline, Change, Entry, Judged, Proof, Turn
from meshdoctor.model.mesh import Pod
from meshdoctor.semantics.hosts import host_port

_GOOD = ("delivered", "bypassed")
_OPEN = ("passthrough", "leaked")
_UNKNOWN = "unknown"


def baseline(diagnosis: Diagnosis, hosts: Hosts, pods: Mapping[str, Pod]) -> Baseline:
    """What two looks at a mesh are compared by. `pods` are the mesh's."""
    verdicts: dict[str, dict[str, str]] = {}
    for row in hosts.hosts:
        if row.port is not None:
            verdicts[host_port(row.host, row.port)] = {v.pod: v.verdict for v in row.verdicts}
    proxies = sorted({pod for judged in verdicts.values() for pod in judged})
    workloads = {key: pods[key].workload for key in proxies if key in pods}
    return Baseline(
        findings={finding.fingerprint: _judged(finding) for finding in diagnosis.findings},
        verdicts=verdicts,
        proxies=tuple(proxies),
        workloads={key: str(workload) for key, workload in workloads.items() if workload is not None},
    )


class _Foretold(NamedTuple):
    """What the preview said of a mend."""

    worse: frozenset[tuple[str, str]]
    """Pod and `host:port`."""
    broken: frozenset[tuple[str, str, int]]
    """Rule, host and port."""
    hosts: frozenset[str]
    """Hosts of the objects that change."""


def compare(before: Baseline, after: Baseline, entry: Entry | None = None) -> Proof:
    """The proof that the mend of `entry` worked, or what speaks against it; without an entry, only what differs.

    A finding about a host that was not known before, and that the mend's objects do not name, comes from traffic that
    was first seen since: it is told and counts for nothing.
    """
    foretold = _foretold(entry)
    found: dict[str, list[Judged]] = {"new": [], "foretold": [], "first": []}
    for judged in _new(before, after):
        known = not judged.host or judged.host in foretold.hosts
        known = known or host_port(judged.host, judged.port) in before.verdicts
        found["foretold" if _about(judged) in foretold.broken else "new" if known else "first"].append(judged)
    heirs = _heirs(before, after)
    turns = list(_turns(before, after, heirs))
    missing = {pod for pod, heir in heirs.items() if not heir}
    worse = [t for t in turns if t.is_now != _UNKNOWN and rank(t.is_now) > rank(t.was)]
    return Proof(
        is_gone=_is_gone(before, after, entry.fingerprint if entry else ""),
        new=tuple(found["new"]),
        first_seen=tuple(found["first"]),
        foretold_new=tuple(found["foretold"]),
        worse=tuple(t for t in worse if (t.pod, t.host) not in foretold.worse),
        foretold=tuple(t for t in worse if (t.pod, t.host) in foretold.worse),
        better=tuple(t for t in turns if t.was != _UNKNOWN and rank(t.is_now) < rank(t.was)),
        unread=tuple(sorted(missing | {t.pod for t in turns if t.is_now == _UNKNOWN})),
    )


def _foretold(entry: Entry | None) -> _Foretold:
    if entry is None:
        return _Foretold(frozenset(), frozenset(), frozenset())
    return _Foretold(
        worse=frozenset((pod, host_port(e.host, e.port)) for e in entry.effects for pod in e.pods),
        broken=frozenset((fault.rule, fault.host, fault.port) for fault in entry.faults),
        hosts=frozenset(host for written in entry.written for host in _hosts(written.change)),
    )


def _is_gone(before: Baseline, after: Baseline, fingerprint: str) -> bool:
    """Neither it nor one of the same rule, host and port: a finding explained by another has another fingerprint."""
    wanted = before.findings.get(fingerprint)
    if fingerprint in after.findings:
        return False
    return wanted is None or not wanted.host or _about(wanted) not in map(_about, after.findings.values())


def _new(before: Baseline, after: Baseline) -> Iterator[Judged]:
    known = set(map(_about, before.findings.values()))
    for mark, judged in after.findings.items():
        if mark not in before.findings and judged.severity != "info" and _about(judged) not in known:
            yield judged


def _about(judged: Judged) -> tuple[str, str, int]:
    return judged.rule, judged.host, judged.port


def _hosts(change: Change) -> list[str]:
    hosts = ((change.after or {}).get("spec") or {}).get("hosts")
    return [str(host).lower() for host in hosts] if isinstance(hosts, list) else []


def rank(verdict: str) -> int:
    """How bad a verdict is: 0 reaches its host, 1 leaves without a rule, 2 does not get there."""
    if verdict in _GOOD:
        return 0
    return 1 if verdict in _OPEN else 2


def _heirs(before: Baseline, after: Baseline) -> dict[str, str]:
    """For each pod judged before the one to compare it with: itself, else one of its workload, else none.

    Pods are made anew all the time, and by some mends have to be.
    """
    there = set(after.proxies)
    anew = {work: pod for pod, work in sorted(after.workloads.items(), reverse=True) if pod not in before.workloads}
    return {pod: pod if pod in there else anew.get(before.workloads.get(pod, ""), "") for pod in before.proxies}


def _turns(before: Baseline, after: Baseline, heirs: Mapping[str, str]) -> Iterator[Turn]:
    for host, pods in before.verdicts.items():
        now = after.verdicts.get(host, {})
        for pod, was in pods.items():
            is_now = now.get(heirs[pod], was)
            if is_now != was:
                yield Turn(pod, host, was, is_now)


def _judged(finding: Finding) -> Judged:
    return Judged(finding.rule, finding.host or "", finding.port or 0, finding.severity, finding.message)
