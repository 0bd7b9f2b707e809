"""One finding for a postmortem: what happened and why, the evidence, and what was done about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.fix import ConnectionChange, JournalEntry
from meshdoctor.model.trace import Trace
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.printable import TextLines
from meshdoctor.view.blocks import Block, DiffText, Headed, Labelled, Paragraph, PathSteps, names
from meshdoctor.view.journal import place
from meshdoctor.view.trace import steps, verdict

_PODS = 40


def postmortem(
    finding: Finding,
    *,
    diagnosis: Diagnosis | None = None,
    trace: Trace | None = None,
    evidence: Sequence[Block] = (),
    actions: Sequence[Block] = (),
    at: str = "",
) -> Headed:
    """The whole text. `evidence` are excerpts, `actions` what was done; `at` is the time of writing, RFC 3339."""
    blocks: list[Block] = [*_head(finding, diagnosis, at)]
    blocks.append(Headed("What happens", (Paragraph(finding.message),)))
    if finding.why:
        blocks.append(Headed("Why it matters", (Paragraph(finding.why),)))
    if finding.resources:
        objects = (Labelled(item.role or "object", str(item), is_name=True) for item in finding.resources)
        blocks.append(Headed("Objects", tuple(objects)))
    if finding.pods:
        blocks.append(Headed("Pods", (names("pods", finding.pods, _PODS),)))
    if trace is not None:
        to = host_port(trace.destination.host, trace.destination.port)
        path = (Labelled("from", trace.pod, is_name=True), Labelled("to", to, is_name=True), PathSteps(steps(trace)))
        blocks.append(Headed("The path of the connection", (*path, verdict(trace))))
    if evidence:
        blocks.append(Headed("Evidence", tuple(evidence)))
    if actions:
        blocks.append(Headed("What was done", tuple(actions)))
    if finding.fixes:
        fixes = (Labelled(fix.disposition, fix.title, (Paragraph(fix.cost),)) for fix in finding.fixes)
        blocks.append(Headed("Fixes", tuple(fixes)))
    return Headed(f"{subject(finding)}: {finding.title}", tuple(blocks))


def _head(finding: Finding, diagnosis: Diagnosis | None, at: str) -> Iterator[Block]:
    yield Labelled("Rule", finding.rule, is_name=True)
    yield Labelled("Severity", f"{finding.severity}, {finding.confidence}")
    if diagnosis is not None:
        yield Labelled(f"Source ({diagnosis.source_kind})", diagnosis.location, is_name=True)
        if diagnosis.captured_at:
            yield Labelled("Captured", diagnosis.captured_at)
        if diagnosis.istio_versions:
            yield Labelled("Istio", ", ".join(diagnosis.istio_versions))
    yield Labelled("Fingerprint", finding.fingerprint, is_name=True)
    if at:
        yield Labelled("Written", at)


def action(entry: JournalEntry, improvements: Iterable[ConnectionChange], diff: str) -> Iterator[Block]:
    """One fix that was applied; `improvements` are connections that it turned for the better."""
    yield Paragraph(f"Fix {entry.id}, {entry.at}, in {place(entry)}: {entry.title}. State: {entry.state}.")
    if entry.note:
        yield Paragraph(entry.note)
    for turn in improvements:
        yield Labelled(f"{turn.host} for {turn.pod}", f"{turn.before} before, {turn.after} after")
    if entry.awaits_person:
        yield Labelled("Manual steps", TextLines(entry.manual_steps))
    if diff:
        yield DiffText(TextLines(diff))
