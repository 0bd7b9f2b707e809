"""Compares a mesh before and after a fix: is the finding gone, is anything worse?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.fix import Baseline, Change, ConnectionChange, FindingSummary, JournalEntry, Verification
from meshdoctor.model.host_table import HostTable
from meshdoctor.model.mesh import Pod
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.semantics.istio.data_plane import GATEWAYS, proxy_role
from meshdoctor.semantics.istio.host_names import host_port


def baseline(diagnosis: Diagnosis, hosts: HostTable, pods: Mapping[str, Pod]) -> Baseline:
    """The results of a diagnosis that `compare` needs. `pods` are the mesh's."""
    verdicts: dict[str, dict[str, Verdict]] = {}
    for row in hosts.hosts:
        if row.port is not None:
            verdicts[host_port(row.host, row.port)] = {v.pod: v.verdict for v in row.verdicts}
    proxies = sorted({pod for by_pod in verdicts.values() for pod in by_pod})
    workloads = {key: pods[key].workload for key in proxies if key in pods}
    gaps: dict[str, set[str]] = {}
    for gap in diagnosis.not_evaluated:
        gaps.setdefault(gap.rule, set()).update(gap.pods)
    lacking = {pod for of_rule in gaps.values() for pod in of_rule}
    return Baseline(
        at=diagnosis.captured_at or "",
        findings={
            one.fingerprint: FindingSummary(one.rule, one.host or "", one.port or 0, one.severity, one.message)
            for one in diagnosis.findings
        },
        verdicts=verdicts,
        proxies=tuple(proxies),
        workloads={key: str(workload) for key, workload in workloads.items() if workload is not None},
        rules=diagnosis.rules_run,
        gaps={rule: tuple(sorted(of_rule)) for rule, of_rule in gaps.items()},
        gateways=tuple(sorted(pod for pod in lacking if proxy_role(pods.get(pod)) in GATEWAYS)),
    )


class _Predicted(NamedTuple):
    """What the preview of a fix predicted."""

    regressions: frozenset[tuple[str, str]]
    """Pod and `host:port`."""
    broken: frozenset[tuple[str, str, int]]
    """Rule, host and port."""
    hosts: frozenset[str]
    """Hosts of the objects that change."""


def compare(before: Baseline, after: Baseline, entry: JournalEntry | None = None) -> Verification:
    """The verification of the fix of `entry`; without an entry, only the differences.

    A finding about a host that was not known before, and that the fix's objects do not name, comes from traffic first
    seen since: it is shown and does not count. Where no verdict of the fixed host changed, a new finding about it
    counts as the old one: a pending sidecar has a configuration that no longer matches the objects.
    """
    predicted = _predicted(entry)
    found: dict[str, list[FindingSummary]] = {"new": [], "predicted": [], "first": []}
    for summary in _new(before, after):
        known = not summary.host or summary.host in predicted.hosts
        known = known or host_port(summary.host, summary.port) in before.verdicts
        found["predicted" if _about(summary) in predicted.broken else "new" if known else "first"].append(summary)
    successors = _successors(before, after)
    changes = list(_changes(before, after, successors))
    mark = entry.fingerprint if entry is not None else ""
    missing = {pod for pod, successor in successors.items() if not successor}
    if entry is not None:
        missing |= _unchecked(before, after, successors, entry)
    worse = [change for change in changes if change.after.is_worse_than(change.before)]
    renamed = _renamed(before, mark, found["new"], changes)
    return Verification(
        is_gone=not renamed and _is_gone(before, after, mark),
        new_findings=tuple(summary for summary in found["new"] if summary not in renamed),
        first_seen=tuple(found["first"]),
        predicted_findings=tuple(found["predicted"]),
        still_failing=tuple(_still_failing(before, after, successors, entry)) if entry is not None else (),
        regressions=tuple(t for t in worse if (t.pod, t.host) not in predicted.regressions),
        predicted=tuple(t for t in worse if (t.pod, t.host) in predicted.regressions),
        improvements=tuple(change for change in changes if change.before.is_worse_than(change.after)),
        unread=tuple(sorted(missing | {t.pod for t in changes if t.after is Verdict.UNKNOWN})),
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
    """Neither the finding nor one of the same rule, host and port is left."""
    fixed = before.findings.get(fingerprint)
    if fingerprint in after.findings:
        return False
    return fixed is None or not fixed.host or _about(fixed) not in map(_about, after.findings.values())


def _renamed(
    before: Baseline, fingerprint: str, new: Sequence[FindingSummary], changes: Sequence[ConnectionChange]
) -> list[FindingSummary]:
    """New findings about the connection of the old one, whose verdicts have not changed."""
    place = _connection(before, fingerprint)
    if place not in before.verdicts or any(change.host == place for change in changes):
        return []
    return [summary for summary in new if host_port(summary.host, summary.port) == place]


def _unchecked(before: Baseline, after: Baseline, successors: Mapping[str, str], entry: JournalEntry) -> set[str]:
    """Pods of the finding for which its absence does not show that it is gone.

    Its rule had no evidence, or lacks a gateway that it had before; or the connection is no longer known, as its line
    has left the access log.
    """
    gaps = set(after.gaps.get(entry.rule, ())) - set(before.gaps.get(entry.rule, ()))
    was, is_now = (one.verdicts.get(_connection(before, entry.fingerprint), {}) for one in (before, after))
    checked = [pod for pod in entry.pods if successors.get(pod)]
    if entry.rule not in after.rules or gaps & {*after.gateways}:
        return set(checked)
    return {pod for pod in checked if successors[pod] in gaps or (pod in was and successors[pod] not in is_now)}


def _still_failing(
    before: Baseline, after: Baseline, successors: Mapping[str, str], entry: JournalEntry
) -> list[ConnectionChange]:
    """The connections of an error that is gone, where not one of them improved.

    One is enough: pods without the dependency may stay as they were.
    """
    finding = before.findings.get(entry.fingerprint)
    if finding is None or finding.severity is not Severity.ERROR:
        return []
    host = _connection(before, entry.fingerprint)
    was, is_now = before.verdicts.get(host, {}), after.verdicts.get(host, {})
    changes = [
        ConnectionChange(pod, host, was.get(pod, Verdict.UNKNOWN), is_now.get(successors.get(pod, ""), Verdict.UNKNOWN))
        for pod in entry.pods
    ]
    failed = [change for change in changes if change.before.severity and change.after is not Verdict.UNKNOWN]
    return failed if not any(change.before.is_worse_than(change.after) for change in failed) else []


def _connection(before: Baseline, fingerprint: str) -> str:
    """The `host:port` of the finding, as in `verdicts`; empty where it has none."""
    finding = before.findings.get(fingerprint)
    return host_port(finding.host, finding.port) if finding is not None and finding.host and finding.port else ""


def _new(before: Baseline, after: Baseline) -> Iterator[FindingSummary]:
    known = set(map(_about, before.findings.values()))
    for mark, summary in after.findings.items():
        if mark not in before.findings and summary.severity is not Severity.INFO and _about(summary) not in known:
            yield summary


def _about(summary: FindingSummary) -> tuple[str, str, int]:
    return summary.rule, summary.host, summary.port


def _hosts(change: Change) -> list[str]:
    hosts = ((change.after or {}).get("spec") or {}).get("hosts")
    return [str(host).lower() for host in hosts] if isinstance(hosts, list) else []


def _successors(before: Baseline, after: Baseline) -> dict[str, str]:
    """For each pod before, the pod to compare it with: itself, else a new one of its workload, else none."""
    there = set(after.proxies)
    new = {work: pod for pod, work in sorted(after.workloads.items(), reverse=True) if pod not in before.workloads}
    return {pod: pod if pod in there else new.get(before.workloads.get(pod, ""), "") for pod in before.proxies}


def _changes(before: Baseline, after: Baseline, successors: Mapping[str, str]) -> Iterator[ConnectionChange]:
    for host, pods in before.verdicts.items():
        now = after.verdicts.get(host, {})
        for pod, was in pods.items():
            is_now = now.get(successors[pod], was)
            if is_now != was:
                yield ConnectionChange(pod, host, was, is_now)
