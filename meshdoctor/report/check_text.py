"""`check` as text: what is broken first, what was looked at last, and never "fine" without evidence.

One paragraph a root cause; what a finding explains is folded under it. By default pods, evidence and manifests are
bounded so that a mesh of 400 equal pods stays readable; `verbose` prints everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.model.evidence import Evidence, Unread
from meshdoctor.model.finding import Confidence, Diagnosis, Finding, Fix, NotEvaluated
from meshdoctor.model.verdict import Severity
from meshdoctor.report.sort_order import under_causes
from meshdoctor.report.summary import summary
from meshdoctor.report.text_writer import TextWriter, count, some
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.printable import printable

_PODS = 3
_EVIDENCE = 2
_MANIFEST_LINES = 30
"""A fix's manifests of up to so many lines are printed without being asked for: they are the answer."""

_HEADINGS = {"error": "errors", "warning": "warnings", "info": "good to know"}


def render(diagnosis: Diagnosis, writer: TextWriter, *, verbose: bool = False) -> str:
    """The whole report, ending in a line break."""
    lines: list[str] = []
    groups = under_causes(diagnosis.findings)
    for severity in Severity:
        group = [(finding, explained) for finding, explained in groups if finding.severity == severity]
        if group:
            lines += writer.heading(_HEADINGS[severity])
            for finding, explained in group:
                lines += [*_finding(finding, explained, writer, verbose), ""]
    if diagnosis.not_evaluated:
        lines += [*writer.heading("not evaluated"), *_not_evaluated(diagnosis.not_evaluated, writer, verbose), ""]
    if diagnosis.unread:
        lines += [*writer.heading("could not be read"), *_unread(diagnosis.unread, writer, verbose), ""]
    lines += [*writer.heading("summary"), *summary(diagnosis, writer, verbose=verbose)]
    return "\n".join(lines) + "\n"


def _finding(finding: Finding, explained: Sequence[Finding], writer: TextWriter, verbose: bool) -> Iterator[str]:
    yield from writer.marked(finding.severity, f"{subject(finding)}: {finding.title}")
    yield writer.faint("    " + printable(_label(finding)))
    yield from writer.paragraph(finding.message, 4)
    if finding.severity is not Severity.INFO or verbose:
        yield from _details(finding, writer, verbose)
    for other in explained:
        yield from writer.field("also", f"{subject(other)}: {other.title} [{other.rule}]")
    if finding.docs:
        yield from writer.field("see", finding.docs)


def _label(finding: Finding) -> str:
    words = [finding.rule]
    if finding.confidence is not Confidence.CERTAIN:
        words.append(finding.confidence)
    if finding.suppressed:
        words.append(f"suppressed: {finding.suppressed}")
    return f"[{', '.join(words)}]"


def _details(finding: Finding, writer: TextWriter, verbose: bool) -> Iterator[str]:
    if finding.why:
        yield from writer.field("why", finding.why)
    if finding.pods:
        yield from writer.field("pods", some(finding.pods, None if verbose else _PODS))
    if finding.resources and verbose:
        parts = (f"{r.role} {r}".strip() for r in finding.resources)
        yield from writer.field("objects", ", ".join(parts))
    yield from _evidence(finding, writer, None if verbose else _EVIDENCE)
    yield from _fixes(finding.fixes, writer, verbose)


def _evidence(finding: Finding, writer: TextWriter, limit: int | None) -> Iterator[str]:
    evidence = finding.evidence
    if not evidence:
        return
    yield "    evidence:"
    shown = evidence if limit is None or len(evidence) <= limit + 1 else evidence[:limit]
    document = ""
    for piece in shown:
        if piece.document != document:
            document = piece.document
            yield writer.faint(f"      {printable(document)}")
        yield from _place(piece, writer)
    more = len(evidence) - len(shown) + finding.evidence_left_out
    if more:
        yield f"      and {more:,} more"


def _place(piece: Evidence, writer: TextWriter) -> Iterator[str]:
    """Where in the document, and the value: on one line where both fit."""
    where = printable(piece.path) + (f" (line {piece.line})" if piece.line is not None else "")
    one_line = " = ".join(part for part in (where.strip(), printable(piece.value)) if part)
    if not piece.value or len(one_line) + 8 <= writer.width:
        yield from (f"        {one_line}",) if one_line else ()
        return
    if where:
        yield f"        {where.strip()}"
    yield from writer.paragraph(f"= {piece.value}", 8, 10)


def _fixes(fixes: Sequence[Fix], writer: TextWriter, verbose: bool) -> Iterator[str]:
    for number, fix in enumerate(fixes if verbose else fixes[:1]):
        word = "fix" if number == 0 else "or"
        yield from writer.field(word, f"{fix.title} [{fix.disposition}]")
        if fix.cost:
            yield from writer.paragraph(fix.cost, 6)
        if fix.steps and not fix.manifests:
            yield from writer.paragraph(fix.steps, 6)
        yield from _manifests(fix, verbose)
        yield from _deletes(fix, writer)
        if fix.steps and fix.manifests:
            yield from writer.paragraph(f"then: {fix.steps}", 6)
    if len(fixes) > 1 and not verbose:
        yield f"      {count(len(fixes) - 1, 'other fix')}: -v prints {'them' if len(fixes) > 2 else 'it'}"


def _manifests(fix: Fix, verbose: bool) -> Iterator[str]:
    """The documents as one YAML stream, indented."""
    if not fix.manifests:
        return
    lines = "\n---\n".join(manifest.strip("\n") for manifest in fix.manifests).split("\n")
    if len(lines) > _MANIFEST_LINES and not verbose:
        yield f"      {count(len(fix.manifests), 'manifest')} of {len(lines)} lines: -v prints them"
        return
    for line in lines:
        yield f"        {printable(line)}".rstrip()


def _deletes(fix: Fix, writer: TextWriter) -> Iterator[str]:
    if fix.deletes:
        named = ", ".join(map(str, fix.deletes))
        yield from writer.paragraph(f"{'then ' if fix.manifests else ''}delete {named}", 6)


def _not_evaluated(entries: Sequence[NotEvaluated], writer: TextWriter, verbose: bool) -> Iterator[str]:
    """One paragraph for all rules that lacked the same evidence for the same pods."""
    rules: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for entry in entries:
        rules.setdefault((entry.because, entry.missing, entry.pods), []).append(entry.rule)
    limit = None if verbose else _PODS
    for (because, missing, pods), names in rules.items():
        yield from writer.marked("unknown", ", ".join(names))
        if because:
            yield from writer.paragraph(because, 4)
        if missing:
            yield from writer.field("missing", some(missing, limit))
        if pods:
            yield from writer.field("pods", some(pods, limit))


def _unread(unread: Sequence[Unread], writer: TextWriter, verbose: bool) -> Iterator[str]:
    """One paragraph for all documents that are missing for the same reason."""
    paths: dict[str, list[str]] = {}
    for item in unread:
        paths.setdefault(item.because, []).append(item.path)
    reasons = list(paths)
    shown = reasons if verbose or len(reasons) <= 11 else reasons[:10]
    for because in shown:
        yield from writer.marked("unknown", some(paths[because], None if verbose else _PODS))
        yield from writer.paragraph(because, 4)
    left = sum(len(paths[because]) for because in reasons[len(shown) :])
    if left:
        yield f"  and {left:,} more"
