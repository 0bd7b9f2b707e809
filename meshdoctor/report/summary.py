"""The last lines of `check`: how bad it is, what was looked at, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.verdict import Severity
from meshdoctor.report.text_writer import TextWriter, count


def summary(diagnosis: Diagnosis, writer: TextWriter, *, verbose: bool = False) -> Iterator[str]:
    """Counts, what was looked at, rules that found nothing, notes."""
    yield from writer.marked(_state(diagnosis), _counts(diagnosis))
    quiet = quiet_rules(diagnosis)
    if quiet:
        listed = f": {', '.join(quiet)}" if verbose else ""
        found = "found nothing" if diagnosis.findings else "looked at everything they need and found nothing"
        yield from _plain(writer, "fine", f"{count(len(quiet), 'rule')} {found}{listed}")
    lacking = {entry.rule for entry in diagnosis.not_evaluated}
    if lacking:
        yield from _plain(
            writer, "unknown", f"{count(len(lacking), 'rule')} lacked evidence: no verdict from them there"
        )
    if diagnosis.unread:
        yield from _plain(writer, "unknown", f"{count(len(diagnosis.unread), 'document')} could not be read")
    yield from writer.paragraph(_looked_at(diagnosis), 2)
    if any(finding.fixes and not finding.caused_by for finding in diagnosis.findings):
        yield from writer.paragraph("`meshdoctor fix`, with the same source, shows what a fix would change", 2)
    for note in diagnosis.notes:
        yield from writer.paragraph(note, 2)


def quiet_rules(diagnosis: Diagnosis) -> list[str]:
    """Rules that ran on something, had all their evidence and found nothing: only these may be called fine."""
    if not diagnosis.proxies and not diagnosis.pods:
        return []
    spoken = {finding.rule for finding in diagnosis.findings} | {entry.rule for entry in diagnosis.not_evaluated}
    return sorted(set(diagnosis.rules_run) - spoken)


def _plain(writer: TextWriter, kind: str, text: str) -> Iterator[str]:
    first, *rest = writer.paragraph(text, 2)
    yield f"{writer.mark(kind)}{first[1:]}"
    yield from rest


def _state(diagnosis: Diagnosis) -> str:
    worst = next((severity for severity in Severity if diagnosis.count(severity)), None)
    if worst is not None:
        return worst
    certain = quiet_rules(diagnosis) and not diagnosis.not_evaluated and not diagnosis.unread
    return "fine" if certain else "unknown"


def _counts(diagnosis: Diagnosis) -> str:
    if not diagnosis.findings:
        return "no findings" if quiet_rules(diagnosis) else "no verdict"
    return ", ".join(count(diagnosis.count(severity), severity) for severity in Severity)


_KINDS = (
    ("sidecar", "with a sidecar"),
    ("ambient", "ambient"),
    ("gateway", "gateway or waypoint"),
    ("ztunnel", "ztunnel"),
    ("none", "without a sidecar"),
    ("finished", "finished"),
)


def _without_sidecar(diagnosis: Diagnosis) -> str:
    """What the pods are, where some have no sidecar: the rules say nothing about those."""
    kinds = diagnosis.pod_kinds
    if not any(kinds.get(kind) for kind in ("ambient", "none")):
        return ""
    return " (" + ", ".join(f"{kinds[kind]:,} {word}" for kind, word in _KINDS if kinds.get(kind)) + ")"


def _looked_at(diagnosis: Diagnosis) -> str:
    versions = f" (Istio {', '.join(diagnosis.istio_versions)})" if diagnosis.istio_versions else ""
    parts = [
        f"{count(diagnosis.proxies, 'sidecar')}{versions}",
        f"{count(diagnosis.pods, 'pod')}{_without_sidecar(diagnosis)}",
        count(diagnosis.external_hosts, "external host"),
    ]
    taken = f", captured {diagnosis.captured_at}" if diagnosis.captured_at else ""
    return f"looked at {', '.join(parts)} in {diagnosis.location}{taken}"
