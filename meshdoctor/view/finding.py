"""A finding: what happens and why, what it rests on, and what fixes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.model.finding import Confidence, Finding, Fix
from meshdoctor.model.verdict import Severity
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.phrases import count
from meshdoctor.text.printable import TextLines
from meshdoctor.view.blocks import GAP, Block, CodeText, Labelled, Marked, Paragraph, Passage, names, of_pods

FINGERPRINT = 8
"""Characters of a fingerprint that are shown."""
_PODS = 3
_EVIDENCE = 2
_MANIFEST_LINES = 30
"""A fix's manifests of up to so many lines are printed without being asked for: they are the answer."""


def in_report(finding: Finding, explained: Sequence[Finding], *, verbose: bool) -> Marked:
    """A finding in a report; information is short unless `verbose`. `explained` are findings that it causes."""
    words = [finding.rule]
    if finding.confidence is not Confidence.CERTAIN:
        words.append(finding.confidence)
    if finding.suppressed:
        words.append(f"suppressed: {finding.suppressed}")
    below: list[Block] = [Paragraph(f"[{', '.join(words)}]", "faint"), Paragraph(finding.message)]
    if finding.severity is not Severity.INFO or verbose:
        below += reasons(finding, None if verbose else _PODS, with_objects=verbose)
        below += _evidence(finding, None if verbose else _EVIDENCE)
        below += _fixes(finding.fixes, verbose)
    for other in explained:
        below.append(Labelled("also", f"{subject(other)}: {other.title} [{other.rule}]"))
    if finding.docs:
        below.append(Labelled("see", finding.docs))
    return Marked(finding.severity.value, f"{subject(finding)}: {finding.title}", tuple(below), tone="strong")


def what(finding: Finding, others: Sequence[Finding], pods: int) -> Iterator[Block]:
    """What happens and why, with at most so many pods. `others` are all findings."""
    yield Paragraph(finding.message)
    yield GAP
    yield from reasons(finding, pods, others=others)
    if finding.confidence is not Confidence.CERTAIN:
        yield Labelled("confidence", finding.confidence, tone="warning")


def reasons(
    finding: Finding, pods: int | None, *, with_objects: bool = True, others: Sequence[Finding] = ()
) -> Iterator[Block]:
    """Why it matters, what causes it, the objects with their roles, the pods (at most so many)."""
    if finding.why:
        yield Labelled("why", finding.why)
    for one in others:
        if one.fingerprint in finding.caused_by:
            yield Labelled("caused by", f"{one.rule} {subject(one)}", tone="warning")
    for item in finding.resources if with_objects else ():
        yield Labelled(item.role or "object", str(item))
    for one in others:
        if finding.fingerprint in one.caused_by:
            yield Labelled("causes", f"{one.rule} {subject(one)}", tone="faint")
    if finding.pods:
        yield names(of_pods(finding.pods), finding.pods, pods)


def _evidence(finding: Finding, limit: int | None) -> Iterator[Block]:
    """The places that it rests on, by document."""
    evidence = finding.evidence
    if not evidence:
        return
    shown = evidence if limit is None or len(evidence) <= limit + 1 else evidence[:limit]
    passages: list[Block] = []
    for piece in shown:
        where = piece.path + (f" (line {piece.line})" if piece.line is not None else "")
        values = ((where.strip(), piece.value),) if where or piece.value else ()
        last = passages[-1] if passages else None
        if isinstance(last, Passage) and last.document == piece.document:
            passages[-1] = Passage(piece.document, (*last.values, *values))
        else:
            passages.append(Passage(piece.document, values))
    more = len(evidence) - len(shown) + finding.evidence_left_out
    if more:
        passages.append(Paragraph(f"and {more:,} more"))
    yield Labelled("evidence", "", tuple(passages))


def _fixes(fixes: Sequence[Fix], verbose: bool) -> Iterator[Block]:
    for number, fix in enumerate(fixes if verbose else fixes[:1]):
        below: list[Block] = [Paragraph(fix.cost)] if fix.cost else []
        has_steps_first = bool(fix.steps) and not fix.manifests
        if has_steps_first:
            below.append(Paragraph(TextLines(fix.steps)))
        below += _manifests(fix, verbose)
        if fix.deletes:
            named = ", ".join(map(str, fix.deletes))
            below.append(Paragraph(f"{'then ' if fix.manifests else ''}delete {named}"))
        if fix.steps and not has_steps_first:
            below.append(Labelled("then", TextLines(fix.steps)))
        if len(fixes) > 1 and not verbose:
            them = "them" if len(fixes) > 2 else "it"
            below.append(Paragraph(f"{count(len(fixes) - 1, 'other fix')}: -v prints {them}"))
        yield Labelled("or" if number else "fix", f"{fix.title} [{fix.disposition}]", tuple(below))


def _manifests(fix: Fix, verbose: bool) -> Iterator[Block]:
    """The documents as one YAML stream."""
    text = "\n---\n".join(manifest.strip("\n") for manifest in fix.manifests)
    lines = text.count("\n") + 1
    if not text:
        return
    if lines > _MANIFEST_LINES and not verbose:
        yield Paragraph(f"{count(len(fix.manifests), 'manifest')} of {lines} lines: -v prints them")
    else:
        yield CodeText(TextLines(text), "yaml")
