"""A fix before it is applied: what it changes, its impact, and the commands that follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshdoctor.model.finding import Diagnosis, Finding, Fix
from meshdoctor.model.fix import Change, Impact, PredictedChange, Regression
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.phrases import count, some
from meshdoctor.text.printable import TextLines
from meshdoctor.text.shell import ShellCommand, command
from meshdoctor.view.blocks import (
    GAP,
    Block,
    CodeText,
    DiffText,
    Headed,
    Icon,
    Labelled,
    Marked,
    Paragraph,
    Rows,
    TableRow,
    commands,
    names,
)
from meshdoctor.view.finding import FINGERPRINT
from meshdoctor.view.sort_order import under_causes
from meshdoctor.view.verification import more, ownership_changes

_PODS = 3
_SHOWN = 12


def findings(diagnosis: Diagnosis, firsts: Mapping[str, Fix], source: str = "") -> Iterator[Block]:
    """The findings that have a fix, without those that another one explains, and how to preview a fix.

    `firsts` has for each fingerprint the fix that is taken where none is chosen; `source` the options that name what
    was checked.
    """
    rows = [f for f, _ in under_causes(diagnosis.findings) if f.fixes and not f.caused_by]
    table = []
    for finding in rows:
        first, others = firsts[finding.fingerprint], len(finding.fixes) - 1
        below: list[Block] = [Paragraph(f"{first.title} [{first.disposition}]")]
        if others:
            below.append(Paragraph(f"and {count(others, 'other fix')}", "faint"))
        cells = (finding.fingerprint[:FINGERPRINT], subject(finding), finding.rule)
        table.append(TableRow(finding.severity.value, cells, tuple(below)))
    if table:
        yield Rows(tuple(table), ("FINDING", "TARGET", "RULE"))
    if not rows and diagnosis.findings:
        yield Paragraph(f"no fix for {count(len(diagnosis.findings), 'finding')}: `meshdoctor check` shows them")
    elif not rows:
        yield Paragraph("nothing to fix: no findings")
    missing = sorted({entry.rule for entry in diagnosis.not_evaluated})
    if missing:
        yield Marked("unknown", f"not evaluated: {some(missing, _PODS)}; `meshdoctor check` says why")
    if rows:
        preview_one = command("meshdoctor", "fix", rows[0].fingerprint[:FINGERPRINT], more=source)
        yield from commands("To preview a fix and its impact:", [preview_one])


def preview(
    finding: Finding,
    fix: Fix,
    diffs: Sequence[str],
    impact_of: Impact | None,
    next_: Sequence[tuple[ShellCommand, str]] = (),
) -> Iterator[Block]:
    """One fix before it is applied. `impact_of`: None where no object changes; `next_`: commands and their purpose."""
    name = Paragraph(f"{finding.fingerprint[:FINGERPRINT]} [{finding.rule}]", "faint")
    title = f"{subject(finding)}: {finding.title}"
    yield Marked(finding.severity.value, title, (name, Paragraph(finding.message)), tone="strong")
    yield GAP
    price = (Paragraph(fix.cost),) if fix.cost else ()
    yield Labelled("fix", f"{fix.title} [{fix.disposition}]", price, tone="strong")
    for diff in diffs:
        yield GAP
        yield DiffText(TextLines(diff))
    if fix.steps:
        yield GAP
        yield Labelled("manual steps" if impact_of is None else "manual steps afterwards", TextLines(fix.steps))
    if impact_of is not None:
        yield Headed("impact", tuple(impact(impact_of)))
    others = [other for other in finding.fixes if other.id != fix.id]
    if others:
        listed = (Labelled(f"--fix {o.id}", f"{o.title} [{o.disposition}]", (Paragraph(o.cost),)) for o in others)
        yield Headed("other fixes", tuple(listed))
    for line, what in next_:
        yield from commands(f"To {what}:", [line])


def impact(found: Impact) -> Iterator[Block]:
    """The affected sidecars, regressions, improvements, and what is not known."""
    if found.pods:
        yield names("sidecars", found.pods, _PODS)
    else:
        yield Labelled("sidecars", "no sidecar that was read receives the change")
    for managed in found.managed:
        yield Marked("error", f"{managed}: the fix is not applied to it; export the fix and change its source")
    yield from worse(found.regressions, found.connections)
    yield from _connections("fine", "improvement", [one for one in found.connections if not one.is_worse])
    for text in ownership_changes(found.not_restored):
        yield Marked("warning", text)
    for unknown in found.unknown:
        yield Marked("unknown", unknown)
    for claim in found.claims[:_SHOWN]:
        gets = "gets" if claim.move == "enters" else "loses"
        what = f"{gets} a match for {host_port(claim.host, claim.port)} on {claim.bind}"
        yield Labelled("listener", f"{what} ({count(len(claim.pods), 'pod')})", tone="faint")
    yield from more(len(found.claims), "listener", _SHOWN)


def worse(regressions: Sequence[Regression], connections: Sequence[PredictedChange]) -> Iterator[Block]:
    """What gets worse: new findings, and connections with their verdicts before and after. Empty where nothing does."""
    for one in regressions[:_SHOWN]:
        where = f" for {host_port(one.host, one.port or None)}" if one.host else ""
        about = Paragraph(f"{one.because} ({some(one.pods, _PODS)})")
        yield Marked("error", f"regression: {one.rule}{where}", (about,))
    yield from more(len(regressions), "regression", _SHOWN)
    yield from _connections("warning", "regression", [one for one in connections if one.is_worse])


def effects(fix: Fix, found: Impact | None) -> Iterator[Block]:
    """The cost of a fix, its impact (None: it changes no object), and its manual steps."""
    yield Paragraph(fix.cost, "faint")
    if found is not None:
        yield GAP
        yield from impact(found)
        if fix.steps:
            yield GAP
            yield Labelled("manual steps", TextLines(fix.steps))


def _connections(icon: Icon, noun: str, found: Sequence[PredictedChange]) -> Iterator[Block]:
    for one in found[:_SHOWN]:
        because = f", because {one.because}" if one.because else ""
        turned = f"{host_port(one.host, one.port)}: {one.before} -> {one.after} for {some(one.pods, _PODS)}"
        yield Marked(icon, f"{turned}{because}")
    yield from more(len(found), noun, _SHOWN)


def in_short(fix: Fix, changes: Sequence[Change], found: Impact, host: str | None) -> str:
    """Disposition and impact in a line; `host` is the finding's."""
    parts: list[str] = [fix.disposition]
    if not changes:
        return parts[0]
    parts += [f"changes {count(len(changes), 'object')}", count(len(found.pods), "sidecar")]
    regressions = len(found.regressions) + sum(one.is_worse for one in found.connections)
    others = {one.host for one in found.connections} - {host}
    if regressions:
        parts.append(count(regressions, "regression"))
    elif others:
        parts.append(f"{count(len(others), 'other host')} {'changes' if len(others) == 1 else 'change'}")
    elif not found.unknown:
        parts.append("no other host changes")
    return ", ".join(parts)


def manual(fix: Fix) -> Iterator[Block]:
    """A manual fix."""
    yield Paragraph("This fix is manual: nothing is written.", "strong")
    yield GAP
    yield Paragraph(TextLines(fix.steps) or "The objects are already as the fix would make them.")


def exported(
    fix: Fix,
    folder: str,
    files: Sequence[str],
    lines: Sequence[tuple[ShellCommand, ShellCommand | None]],
    notes: Sequence[str],
) -> Iterator[Block]:
    """What an export wrote, and the kubectl commands, each as (apply, undo)."""
    if files:
        yield Marked("fine", f"{count(len(files), 'file')} written below {folder}:", tuple(map(CodeText, files)))
    else:
        yield Marked("fine", f"{folder} already has these files: nothing was written")
    yield from commands("To apply it:", [do for do, _ in lines])
    yield from commands("To undo it:", [undo for _, undo in lines if undo])
    for note in notes:
        yield GAP
        yield Marked("unknown", note)
    if fix.steps:
        yield GAP
        yield Labelled("manual steps afterwards", TextLines(fix.steps))
