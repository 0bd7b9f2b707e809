"""Before and after: did the finding go, and did anything else get worse?"""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.hosts import Hosts
from meshdoctor.model.mend import Baseline, Judged, Proof, Turn
from meshdoctor.semantics.hosts import host_port

_GOOD = ("delivered", "bypassed")
_OPEN = ("passthrough", "leaked")
_UNKNOWN = "unknown"


def baseline(diagnosis: Diagnosis, hosts: Hosts) -> Baseline:
    """What two looks at a mesh are compared by."""
    verdicts: dict[str, dict[str, str]] = {}
    for row in hosts.hosts:
        if row.port is not None:
            verdicts[host_port(row.host, row.port)] = {v.pod: v.verdict for v in row.verdicts}
    return Baseline(
        findings={finding.fingerprint: _judged(finding) for finding in diagnosis.findings},
        verdicts=verdicts,
        proxies=tuple(sorted({pod for pods in verdicts.values() for pod in pods})),
    )


def compare(before: Baseline, after: Baseline, fingerprint: str) -> Proof:
    """The proof that a mend of the finding with this fingerprint worked, or what speaks against it."""
    known = {(j.rule, j.host, j.port) for j in before.findings.values()}
    wanted = before.findings.get(fingerprint)
    left = {(j.rule, j.host, j.port) for j in after.findings.values()}
    is_gone = fingerprint not in after.findings and (
        wanted is None or not wanted.host or (wanted.rule, wanted.host, wanted.port) not in left
    )
    new = [
        judged
        for mark, judged in after.findings.items()
        if mark not in before.findings
        and judged.severity != "info"
        and (judged.rule, judged.host, judged.port) not in known
    ]
    turns = list(_turns(before, after))
    return Proof(
        is_gone=is_gone,
        new=tuple(new),
        worse=tuple(t for t in turns if t.is_now != _UNKNOWN and rank(t.is_now) > rank(t.was)),
        better=tuple(t for t in turns if t.was != _UNKNOWN and rank(t.is_now) < rank(t.was)),
        unread=tuple(sorted({*before.proxies} - {*after.proxies} | {t.pod for t in turns if t.is_now == _UNKNOWN})),
    )


def rank(verdict: str) -> int:
    """How bad a verdict is: 0 reaches its host, 1 leaves without a rule, 2 does not get there."""
    if verdict in _GOOD:
        return 0
    return 1 if verdict in _OPEN else 2


def _turns(before: Baseline, after: Baseline) -> Iterator[Turn]:
    for host, pods in before.verdicts.items():
        now = after.verdicts.get(host, {})
        for pod, was in pods.items():
            if pod in now and now[pod] != was:
                yield Turn(pod, host, was, now[pod])


def _judged(finding: Finding) -> Judged:
    return Judged(finding.rule, finding.host or "", finding.port or 0, finding.severity, finding.message)
