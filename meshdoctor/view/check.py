"""`check`: what is broken first, what was checked last, and never "fine" without evidence.

A paragraph a root cause; what a finding explains is folded under it. By default pods, evidence and manifests are
bounded so that a mesh of 400 equal pods stays readable; `verbose` shows everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshdoctor.model.evidence import Unread
from meshdoctor.model.finding import Diagnosis, NotEvaluated
from meshdoctor.model.verdict import Severity
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.phrases import count
from meshdoctor.text.shell import command
from meshdoctor.view.blocks import (
    GAP,
    SEVERITY_HEADINGS,
    Block,
    Headed,
    Icon,
    Marked,
    NameList,
    Paragraph,
    commands,
    names,
)
from meshdoctor.view.finding import in_report
from meshdoctor.view.sort_order import under_causes

_PODS = 3
_REASONS = 10

_NOT_JUDGED = {
    "gateway": "gateway",
    "waypoint": "waypoint",
    "ztunnel": "ztunnel",
    "envoy": "Envoy",
    "ambient": "pod",
    "none": "pod",
}
"""Kinds of pods whose connections no rule judges, by what is counted."""
_IN_WORDS = {"envoy": " that is not Istio's", "ambient": " in ambient mode", "none": " without a sidecar"}


def report(diagnosis: Diagnosis, *, verbose: bool = False, source: str | None = None) -> Iterator[Block]:
    """The whole report; at its end the command that lists the fixes, where `source` gives the options it needs."""
    causes = under_causes(diagnosis.findings)
    for severity in Severity:
        found = [in_report(one, explained, verbose=verbose) for one, explained in causes if one.severity is severity]
        if found:
            blocks = [block for one in found for block in (one, GAP)]
            yield Headed(SEVERITY_HEADINGS[severity], tuple(blocks[:-1]))
    limit = None if verbose else _PODS
    if diagnosis.not_evaluated:
        yield Headed("not evaluated", tuple(_not_evaluated(diagnosis.not_evaluated, limit)))
    if diagnosis.unread:
        yield Headed("could not be read", tuple(_unread(diagnosis.unread, limit)))
    yield Headed("summary", tuple(_summary(diagnosis, verbose)))
    if source is not None and any(finding.fixes and not finding.caused_by for finding in diagnosis.findings):
        yield from commands(
            "To list the fixes, then preview and apply one:", [command("meshdoctor", "fix", more=source)]
        )


def _not_evaluated(entries: Sequence[NotEvaluated], limit: int | None) -> Iterator[Block]:
    """A paragraph for all that is missing for the same reason and for the same rules."""
    entries_of: dict[str, list[NotEvaluated]] = {}
    for entry in entries:
        for path in entry.missing or ("",):
            entries_of.setdefault(path, []).append(entry)
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[dict[str, None], ...]] = {}
    for path, those in entries_of.items():
        rules = tuple(dict.fromkeys(one.rule for one in those))
        because = tuple(dict.fromkeys(one.because for one in those if one.because))
        paths, pods, hosts = groups.setdefault((rules, because), ({}, {}, {}))
        paths.update({path: None} if path else {})
        pods.update(dict.fromkeys(pod for one in those for pod in one.pods))
        hosts.update(dict.fromkeys(host_port(one.host, one.port) for one in those if one.host))
    for (rules, because), (paths, pods, hosts) in groups.items():
        below: list[Block] = list(map(Paragraph, because))
        below += [names("hosts", tuple(hosts), limit)] if hosts else []
        below += [names("missing", tuple(paths), limit)] if paths else []
        below += [names("pods", tuple(pods), limit)] if pods else []
        yield Marked("unknown", ", ".join(rules), tuple(below), tone="strong")


def _unread(unread: Sequence[Unread], limit: int | None) -> Iterator[Block]:
    """A paragraph for all documents that are missing for the same reason."""
    paths: dict[str, list[str]] = {}
    for item in unread:
        paths.setdefault(item.because, []).append(item.path)
    reasons = list(paths)
    shown = reasons if limit is None or len(reasons) <= _REASONS + 1 else reasons[:_REASONS]
    for because in shown:
        yield Marked("unknown", because, (names("documents", tuple(paths[because]), limit),))
    left = sum(len(paths[because]) for because in reasons[len(shown) :])
    if left:
        yield Marked("step", f"and {count(left, 'more document')}")


def _summary(diagnosis: Diagnosis, verbose: bool) -> Iterator[Block]:
    """Counts, what was checked, rules that found nothing, notes."""
    quiet = quiet_rules(diagnosis)
    counts = ", ".join(count(diagnosis.count(severity), severity) for severity in Severity)
    nothing = "no findings" if quiet else "no verdict"
    yield Marked(_state(diagnosis), counts if diagnosis.findings else nothing, tone="strong")
    if quiet:
        found = "had all their evidence and found nothing" if _is_whole(diagnosis) else "found nothing"
        below = (NameList("rules", tuple(quiet)),) if verbose else ()
        yield Marked("fine", f"{count(len(quiet), 'rule')} {found}", below)
    lacking = {entry.rule for entry in diagnosis.not_evaluated}
    if lacking:
        yield Marked("unknown", f'{count(len(lacking), "rule")} lacked evidence: see "not evaluated"')
    if diagnosis.unread:
        yield Marked("unknown", f"{count(len(diagnosis.unread), 'document')} could not be read")
    if diagnosis.not_judged:
        yield Marked("unknown", f"not judged: {_not_judged(diagnosis.pod_kinds)}")
    yield Marked("step", _checked(diagnosis))
    yield from (Marked("step", note) for note in diagnosis.notes)


def quiet_rules(diagnosis: Diagnosis) -> list[str]:
    """Rules that ran on something, had all their evidence and found nothing: only these may be called fine."""
    if not diagnosis.proxies and not diagnosis.pod_kinds.get("none"):
        return []
    spoken = {finding.rule for finding in diagnosis.findings} | {entry.rule for entry in diagnosis.not_evaluated}
    return sorted(set(diagnosis.rules_run) - spoken)


def _state(diagnosis: Diagnosis) -> Icon:
    worst = next((severity for severity in Severity if diagnosis.count(severity)), None)
    if worst is not None:
        return worst.value
    certain = diagnosis.proxies and quiet_rules(diagnosis) and not diagnosis.not_evaluated and not diagnosis.unread
    return "fine" if certain else "unknown"


def _is_whole(diagnosis: Diagnosis) -> bool:
    """Nothing in scope was found, left out or read in part."""
    lacking = (diagnosis.findings, diagnosis.not_evaluated, diagnosis.unread, diagnosis.not_judged)
    return bool(diagnosis.proxies) and not any(lacking)


def _not_judged(kinds: Mapping[str, int]) -> str:
    return ", ".join(
        count(kinds[kind], word) + _IN_WORDS.get(kind, "") for kind, word in _NOT_JUDGED.items() if kinds.get(kind)
    )


def _checked(diagnosis: Diagnosis) -> str:
    """What was checked: sidecars, the pods around them, and the hosts that they connect to."""
    versions = f" (Istio {', '.join(diagnosis.istio_versions)})" if diagnosis.istio_versions else ""
    finished = diagnosis.pod_kinds.get("finished", 0)
    parts = [
        f"{count(diagnosis.proxies, 'sidecar')}{versions}",
        count(diagnosis.pods, "pod") + (f" ({finished:,} finished)" if finished else ""),
        count(diagnosis.external_hosts, "external host"),
    ]
    taken = f", captured {diagnosis.captured_at}" if diagnosis.captured_at else ""
    return f"checked {', '.join(parts)} in {diagnosis.location}{taken}"
