"""Builds a `Diagnosis` from the results of the rules and the facts about the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from meshdoctor.diagnosis.proxy_checker import RuleResults
from meshdoctor.facts.case import Case
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.line_numbers import with_lines
from meshdoctor.model.evidence import Unread
from meshdoctor.model.finding import Diagnosis, Disposition, Finding, NotEvaluated
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.proxy_summary import ProxySummary
from meshdoctor.model.rule import Rule
from meshdoctor.semantics.istio.data_plane import KINDS, not_traced, pod_kind


def build_diagnosis(case: Case, sheet: FactSheet, rules: Sequence[Rule], results: RuleResults) -> Diagnosis:
    """The diagnosis of these results."""
    mesh, capture = case.mesh, case.capture
    summaries = list(mesh.summaries())
    pods = [key for key in {*mesh.pods, *(key for key, _ in summaries)} if sheet.is_asked(key)]
    kinds = [pod_kind(key, mesh.pods.get(key), mesh.summary(key), mesh.namespaces) for key in pods]
    return Diagnosis(
        source_kind=capture.kind,
        location=capture.location,
        captured_at=capture.captured_at,
        istio_versions=mesh.istio_versions,
        proxies=sum(kind == "sidecar" and key in results.checked for key, kind in zip(pods, kinds, strict=True)),
        pods=len(pods),
        external_hosts=results.external_hosts,
        findings=with_lines(_restrict_fixes(mesh, results.findings), capture),
        not_evaluated=results.not_evaluated,
        rules_run=_evaluated(rules, results.not_evaluated, results.checked),
        unread=in_order(mesh),
        notes=tuple(_notes(mesh, summaries, sheet.is_asked)),
        pod_kinds={kind: kinds.count(kind) for kind in KINDS},
    )


def _restrict_fixes(mesh: Mesh, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, with a `safe` fix downgraded where its impact on this mesh does harm."""
    if not any(fix.disposition is Disposition.SAFE for finding in findings for fix in finding.fixes):
        return findings
    from meshdoctor.fixes.impact.fix_safety import restrict_dispositions

    return restrict_dispositions(mesh, findings)


def _notes(mesh: Mesh, summaries: Sequence[tuple[str, ProxySummary]], is_asked: Callable[[str], bool]) -> Iterator[str]:
    yield from mesh.notes
    for key, summary in summaries:
        if is_asked(key) and pod_kind(key, mesh.pods.get(key), summary, mesh.namespaces) == "envoy":
            yield f"{key}: {not_traced('envoy', summary.control_plane)}"
        yield from (f"{key}: {note}" for note in summary.notes[:3])
    if mesh.dns_from_elsewhere:
        yield f"DNS answers are from {mesh.dns_from_elsewhere}: verdicts may differ where pods get other answers"


def _evaluated(rules: Sequence[Rule], gaps: Sequence[NotEvaluated], checked: frozenset[str]) -> tuple[str, ...]:
    """Rules that had evidence for at least one proxy, or needed none."""
    without = [gap for gap in gaps if not gap.is_partial]
    nowhere = {gap.rule for gap in without if not gap.pods}
    blind: dict[str, set[str]] = {}
    for gap in without:
        blind.setdefault(gap.rule, set()).update(gap.pods)
    return tuple(r.id for r in rules if r.id not in nowhere and (r.id not in blind or checked - blind[r.id]))


def in_order(mesh: Mesh) -> tuple[Unread, ...]:
    """`mesh.unread` in the order of the capture, however many processes read it."""
    order = {name: place for place, name in enumerate([*mesh.proxies_unread, *mesh.proxy_names])}
    places = {f"proxies/{name}": (1, place) for name, place in order.items() if name in mesh.proxies_unread}
    places |= {f"proxies/{name}/clusters.json": (2, place) for name, place in order.items()}
    return tuple(sorted(mesh.unread, key=lambda note: places.get(note.path, (0, 0))))
