"""A finding, or several, written out for a postmortem: into a file of their own, and as text to be copied."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from meshdoctor.atomic_files import create_file
from meshdoctor.diagnosis.excerpts import Excerpt
from meshdoctor.errors import Unreadable
from meshdoctor.fixes.plan.object_diff import unified
from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.fix import Change, ConnectionChange, JournalEntry
from meshdoctor.model.trace import Trace
from meshdoctor.report import markdown
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.sources.redact import Removals, redact_object
from meshdoctor.text.printable import in_lines
from meshdoctor.text.times import now
from meshdoctor.tui.state.folding import folded
from meshdoctor.view import postmortem as view
from meshdoctor.view.blocks import Block, CodeText, Passage

_MARK = "   <-- this"
_NAME = 60


def postmortem(
    finding: Finding,
    diagnosis: Diagnosis | None,
    trace: Trace | None,
    excerpts: Sequence[Excerpt],
    entries: Sequence[JournalEntry],
    better: Sequence[ConnectionChange] = (),
) -> str:
    """The finding as Markdown. `entries` are its fixes in the journal, `better` what the newest of them turned."""
    evidence = [block for found in excerpts for block in _piece(found)]
    actions: list[Block] = []
    for one in entries:
        # The objects without secrets. Not the files: beside an object the user's manifests may hold anything.
        diff = "\n".join(filter(None, (unified(_clean(written.change)) for written in one.written)))
        actions += view.action(one, better if one is entries[-1] else (), diff)
    document = view.postmortem(finding, diagnosis=diagnosis, trace=trace, evidence=evidence, actions=actions, at=now())
    return markdown.render([document])


def write_postmortem(findings: Sequence[Finding], text: str, folder: Path) -> Path:
    """Writes the text about these under a name that is free, for the user alone to read.

    Raises `Unreadable` where the folder cannot be written.
    """
    stamp = re.sub("[-:]", "", now())
    first = findings[0]
    name = f"{first.rule}-{subject(first)}" if len(findings) == 1 else f"{len(findings)}-findings"
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", name)[:_NAME].strip("-.")
    for number in range(100):
        path = folder / f"meshdoctor-{stem}-{stamp}{f'-{number}' if number else ''}.md"
        try:
            create_file(path, text.encode("utf-8", "backslashreplace"))
        except FileExistsError:
            continue
        except OSError as problem:
            raise Unreadable(f"{path} cannot be written: {problem.strerror}") from None
        return path
    raise Unreadable(f"{folder} has too many of these")


def _piece(found: Excerpt) -> tuple[Block, ...]:
    """The excerpt as it is shown at first, what is folded away left out."""
    folding = folded([found])
    rows = [(at, folding.rows[at]) for at in folding.visible() if not folding.rows[at].is_head]
    lines = [
        row.text + (row.tail if at in folding.folded else "") + (_MARK if row.is_marked else "") for at, row in rows
    ]
    line = f":{found.line}" if found.line else ""
    name = f"{found.document}{line} {found.at}".rstrip()
    return Passage(name), CodeText(in_lines(lines), found.form if not found.because else "")


def _clean(change: Change) -> Change:
    before, after = (
        redact_object("", copy.deepcopy(dict(body)), Removals()) if body else body
        for body in (change.before, change.after)
    )
    return structs.replace(change, before=before, after=after)
