"""`fix --json` and `undo --json`, schema version 1: keys are only ever added.

Each function is one document. It names itself in `document`, and a schema of its own describes it:
`meshdoctor/schemas/fix-FUNCTION-v1.json`. One schema each, and no `oneOf` for all of them: a script that runs
`fix --apply` knows which document comes; a validator then tells it the key that is wrong, not that none of six forms
fit, and a code generator makes one type. Parts that recur (`finding`, `fix` ...) are the same in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import to_builtins

from meshdoctor.model.finding import Diagnosis, Finding, Fix
from meshdoctor.model.fix import Acceptance, Change, FixResult, Impact, JournalEntry
from meshdoctor.report.json_parts import TOOL, encoded, finding_of, fix_of, not_evaluated_of, source_of
from meshdoctor.view.sort_order import by_rule


def findings(diagnosis: Diagnosis) -> bytes:
    """`fix --json`: the findings that have a fix, and what could not be judged."""
    found = [finding_of(finding) for finding in by_rule(diagnosis.findings) if finding.fixes]
    missing = [not_evaluated_of(entry) for entry in diagnosis.not_evaluated]
    return _document("findings", source=source_of(diagnosis), findings=found, not_evaluated=missing)


def preview(finding: Finding, fix: Fix, changes: Sequence[tuple[Change, str]], impact: Impact) -> bytes:
    """`fix FINDING --json`: one fix before it is applied, each change with its diff."""
    return _document(
        "preview",
        finding=finding_of(finding),
        fix=fix_of(fix),
        changes=[_change(change) | {"diff": diff} for change, diff in changes],
        impact=to_builtins(impact),
    )


def export(
    finding: Finding,
    fix: Fix,
    folder: str,
    files: Sequence[str],
    lines: Sequence[tuple[str, str | None]],
    notes: Sequence[str],
) -> bytes:
    """`fix FINDING --export DIR --json`: what was written, and the kubectl lines, each as (does it, undoes it)."""
    return _document(
        "export",
        finding=finding_of(finding),
        fix=fix_of(fix),
        folder=folder,
        written=files,
        commands=[{"do": do, "undo": undo} for do, undo in lines],
        notes=notes,
    )


def result(made: FixResult) -> bytes:
    """`fix FINDING --apply --json` and `fix --resume ID --json`: how it went."""
    verification = (
        None if made.verification is None else {"holds": made.verification.holds, **to_builtins(made.verification)}
    )
    return _document("result", fix=_fix(made.entry), proxies=_proxies(made.acceptance), verification=verification)


def undo(made: FixResult) -> bytes:
    """`undo --json`: how it went, and what is not as it was before the fix."""
    changes = None
    if made.verification is not None:
        found = to_builtins(made.verification)
        parts = ("regressions", "improvements", "new_findings", "unread", "before_at", "after_at")
        changes = {part: found[part] for part in parts}
        changes["ownership_changes"] = to_builtins(made.ownership_changes)
    return _document("undo", fix=_fix(made.entry), proxies=_proxies(made.acceptance), changes=changes)


def history(entries: Sequence[JournalEntry]) -> bytes:
    """`fix --history --json`: the journal, the oldest first."""
    return _document("history", fixes=[_fix(entry) for entry in entries])


def _document(name: str, **parts: Any) -> bytes:
    return encoded({"schema_version": 1, "tool": TOOL, "document": f"fix-{name}", **parts})


def _fix(entry: JournalEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "state": entry.state,
        "at": entry.at,
        "place": {"server": entry.place.server, "context": entry.place.context, "folder": entry.place.folder},
        "finding": {"fingerprint": entry.fingerprint, "rule": entry.rule, "subject": entry.subject},
        "fix": {"id": entry.fix, "title": entry.title},
        "changes": [_change(one.change) for one in entry.written],
        "files": [{"action": edit.action, "path": edit.path} for edit in entry.files],
        "manual_steps": entry.manual_steps,
        "note": entry.note,
    }


def _change(change: Change) -> dict[str, Any]:
    key = change.key
    return {
        "action": change.action,
        "api_version": key.api_version,
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
    }


def _proxies(acceptance: Acceptance) -> dict[str, Any]:
    return {
        "accepted": acceptance.accepted,
        "pending": acceptance.pending,
        "rejected": acceptance.rejected,
        "unread": [{"pod": pod, "because": because} for pod, because in sorted(acceptance.unread.items())],
    }
