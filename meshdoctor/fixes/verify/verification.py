"""Before and after: did the finding go, and did anything else get worse?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.fix import Baseline, Change, ConnectionChange, FindingSummary, JournalEntry, Verification
from meshdoctor.model.host_table import HostTable
from meshdoctor.model.mesh import Pod
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.semantics.istio.data_plane import GATEWAYS, proxy_role
from meshdoctor.semantics.istio.host_names import host_port


def baseline(diagnosis: Diagnosis, hosts: HostTable, pods: Mapping[str, Pod]) -> Baseline:
    """What two looks at a mesh are compared by. `pods` are the mesh's."""
    verdicts: dict[str, dict[str, Verdict]] = {}
    for row in hosts.hosts:
        if row.port is not None:
            verdicts[host_port(row.host, row.port)] = {v.pod: v.verdict for v in row.verdicts}
    proxies = sorted({pod for judged in verdicts.values() for pod in judged})
    workloads = {key: pods[key].workload for key in proxies if key in pods}
    return Baseline(
        at=diagnosis.captured_at or "",
        findings={finding.fingerprint: _judged(finding) for finding in diagnosis.findings},
        verdicts=verdicts,
        proxies=tuple(proxies),
        workloads={key: str(workload) for key, workload in workloads.items() if workload is not None},
        rules=diagnosis.rules_run,
        gaps=_gaps(diagnosis),
        gateways=tuple(sorted(pod for pod in _lacking(diagnosis) if proxy_role(pods.get(pod)) in GATEWAYS)),
    )


def _lacking(diagnosis: Diagnosis) -> set[str]:
    return {pod for gap in diagnosis.not_evaluated for pod in gap.pods}


def _gaps(diagnosis: Diagnosis) -> dict[str, tuple[str, ...]]:
    gaps: dict[str, set[str]] = {}
    for gap in diagnosis.not_evaluated:
        gaps.setdefault(gap.rule, set()).update(gap.pods)
    return {rule: tuple(sorted(pods)) for rule, pods in gaps.items()}


class _Predicted(NamedTuple):
    """What the preview said of a fix."""

    regressions: frozenset[tuple[str, str]]
    """Pod and `host:port`."""
    broken: frozenset[tuple[str, str, int]]
    """Rule, host and port."""
    hosts: frozenset[str]
    """Hosts of the objects that change."""


def compare(before: Baseline, after: Baseline, entry: JournalEntry | None = None) -> Verification:
    """The verification that the fix of `entry` worked, or what speaks against it; without an entry, only what differs.

    A finding about a host that was not known before, and that the fix's objects do not name, comes from traffic that
    was first seen since: it is told and counts for nothing. Where no verdict of the fixed host turned, a new finding
    about it is the old one under another name: a sidecar that lags runs what the objects no longer explain.
    """
    predicted = _predicted(entry)
    found: dict[str, list[FindingSummary]] = {"new": [], "predicted": [], "first": []}
    for judged in _new(before, after):
        known = not judged.host or judged.host in predicted.hosts
        known = known or host_port(judged.host, judged.port) in before.verdicts
        found["predicted" if _about(judged) in predicted.broken else "new" if known else "first"].append(judged)
    heirs = _heirs(before, after)
    turns = list(_turns(before, after, heirs))
    mark = entry.fingerprint if entry is not None else ""
    missing = {pod for pod, heir in heirs.items() if not heir}
    if entry is not None:
        missing |= _unjudged(before, after, heirs, entry)
    worse = [turn for turn in turns if turn.after.is_worse_than(turn.before)]
    renamed = _renamed(before, mark, found["new"], turns)
    return Verification(
        is_gone=not renamed and _is_gone(before, after, mark),
        new_findings=tuple(judged for judged in found["new"] if judged not in renamed),
        first_seen=tuple(found["first"]),
        predicted_findings=tuple(found["predicted"]),
        still_failing=tuple(_still_failing(before, after, heirs, entry)) if entry is not None else (),
        regressions=tuple(t for t in worse if (t.pod, t.host) not in predicted.regressions),
        predicted=tuple(t for t in worse if (t.pod, t.host) in predicted.regressions),
        improvements=tuple(turn for turn in turns if turn.before.is_worse_than(turn.after)),
        unread=tuple(sorted(missing | {t.pod for t in turns if t.after is Verdict.UNKNOWN})),
        before_at=before.at,
        after_at=after.at,
    )


def _predicted(entry: JournalEntry | None) -> _Predicted:
    if entry is None:
        return _Predicted(frozenset(), frozenset(), frozenset())
    return _Predicted(
        regressions=frozenset((pod, host_port(e.host, e.port)) for e in entry.connections for pod in e.pods),
        broken=frozenset((fault.rule, fault.host, fault.port) for fault in entry.regressions),
        hosts=frozenset(host for written in entry.written for host in _hosts(written.change)),
    )


def _is_gone(before: Baseline, after: Baseline, fingerprint: str) -> bool:
    """Neither it nor one of the same rule, host and port: a finding explained by another has another fingerprint."""
    wanted = before.findings.get(fingerprint)
    if fingerprint in after.findings:
        return False
    return wanted is None or not wanted.host or _about(wanted) not in map(_about, after.findings.values())


def _renamed(
    before: Baseline, fingerprint: str, new: Sequence[FindingSummary], turns: Sequence[ConnectionChange]
) -> list[FindingSummary]:
    """New findings that say of the same connection, which has not changed, what the old one said."""
    place = _connection(before, fingerprint)
    if place not in before.verdicts or any(turn.host == place for turn in turns):
        return []
    return [judged for judged in new if host_port(judged.host, judged.port) == place]


def _unjudged(before: Baseline, after: Baseline, heirs: Mapping[str, str], entry: JournalEntry) -> set[str]:
    """Pods of the finding for which its absence shows nothing.

    Its rule was not judged, or lacked a gateway that it had before, through which the connection may go; or its
    connection is no longer known: what was wanted by a line of the access log is forgotten with it.
    """
    gaps = set(after.gaps.get(entry.rule, ())) - set(before.gaps.get(entry.rule, ()))
    was, is_now = (look.verdicts.get(_connection(before, entry.fingerprint), {}) for look in (before, after))
    judged = [pod for pod in entry.pods if heirs.get(pod)]
    if entry.rule not in after.rules or gaps & {*after.gateways}:
        return set(judged)
    return {pod for pod in judged if heirs[pod] in gaps or (pod in was and heirs[pod] not in is_now)}


def _still_failing(
    before: Baseline, after: Baseline, heirs: Mapping[str, str], entry: JournalEntry
) -> list[ConnectionChange]:
    """Connections of an error that is gone, where not one of them got better.

    One is enough: what a scope takes from pods that never wanted the host may stay as it was.
    """
    finding = before.findings.get(entry.fingerprint)
    if finding is None or finding.severity is not Severity.ERROR:
        return []
    host = _connection(before, entry.fingerprint)
    was, is_now = before.verdicts.get(host, {}), after.verdicts.get(host, {})
    turns = [
        ConnectionChange(pod, host, was.get(pod, Verdict.UNKNOWN), is_now.get(heirs.get(pod, ""), Verdict.UNKNOWN))
        for pod in entry.pods
    ]
    failed = [turn for turn in turns if turn.before.severity and turn.after is not Verdict.UNKNOWN]
    return failed if not any(turn.before.is_worse_than(turn.after) for turn in failed) else []


def _connection(before: Baseline, fingerprint: str) -> str:
    """`host:port` that the finding is about, as `verdicts` name it; empty where it is about none."""
    finding = before.findings.get(fingerprint)
    return host_port(finding.host, finding.port) if finding is not None and finding.host and finding.port else ""


def _new(before: Baseline, after: Baseline) -> Iterator[FindingSummary]:
    known = set(map(_about, before.findings.values()))
    for mark, judged in after.findings.items():
        if mark not in before.findings and judged.severity is not Severity.INFO and _about(judged) not in known:
            yield judged


def _about(judged: FindingSummary) -> tuple[str, str, int]:
    return judged.rule, judged.host, judged.port


def _hosts(change: Change) -> list[str]:
    hosts = ((change.after or {}).get("spec") or {}).get("hosts")
    return [str(host).lower() for host in hosts] if isinstance(hosts, list) else []


def _heirs(before: Baseline, after: Baseline) -> dict[str, str]:
    """For each pod judged before the one to compare it with: itself, else one of its workload, else none.

    Pods are made anew all the time, and by some fixes have to be.
    """
    there = set(after.proxies)
    anew = {work: pod for pod, work in sorted(after.workloads.items(), reverse=True) if pod not in before.workloads}
    return {pod: pod if pod in there else anew.get(before.workloads.get(pod, ""), "") for pod in before.proxies}


def _turns(before: Baseline, after: Baseline, heirs: Mapping[str, str]) -> Iterator[ConnectionChange]:
    for host, pods in before.verdicts.items():
        now = after.verdicts.get(host, {})
        for pod, was in pods.items():
            is_now = now.get(heirs[pod], was)
            if is_now != was:
                yield ConnectionChange(pod, host, was, is_now)


def _judged(finding: Finding) -> FindingSummary:
    return FindingSummary(finding.rule, finding.host or "", finding.port or 0, finding.severity, finding.message)
