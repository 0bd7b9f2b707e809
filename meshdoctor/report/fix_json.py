"""`fix --json` and `undo --json`, schema version 1: keys are only ever added.

Each function is one document. It names itself in `document`, and a schema of its own describes it:
`meshdoctor/schemas/fix-FUNCTION-v1.json`. One schema each, and no `oneOf` for all of them: a script that runs
`fix --apply` knows which document comes; a validator then tells it the key that is wrong, not that none of six forms
fit, and a code generator makes one type. Parts that recur (`finding`, `fix`, `mend` ...) are the same in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import to_builtins

from meshdoctor.model.finding import Diagnosis, Finding, Fix
from meshdoctor.model.mend import Change, Entry, FileEdit, Proof, Result, Touched, Waited
from meshdoctor.report.json_parts import TOOL, encoded, finding_of, fix_of, not_evaluated_of, source_of
from meshdoctor.report.order import by_rule


def findings(diagnosis: Diagnosis) -> bytes:
    """`fix --json`: the findings that have a mend, and what could not be judged."""
    found = [finding_of(finding) for finding in by_rule(diagnosis.findings) if finding.fixes]
    missing = [not_evaluated_of(entry) for entry in diagnosis.not_evaluated]
    return _document("findings", source=source_of(diagnosis), findings=found, not_evaluated=missing)


def preview(finding: Finding, fix: Fix, changes: Sequence[tuple[Change, str]], touched: Touched) -> bytes:
    """`fix FINDING --json`: one mend before it is applied, each change with its diff."""
    return _document(
        "preview",
        finding=finding_of(finding),
        fix=fix_of(fix),
        changes=[_change(change) | {"diff": diff} for change, diff in changes],
        touched=to_builtins(touched),
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


def result(made: Result) -> bytes:
    """`fix FINDING --apply --json` and `fix --resume ID --json`: how it went."""
    proof = None if made.proof is None else {"holds": made.proof.holds, **to_builtins(made.proof)}
    return _document("result", mend=_mend(made.entry), proxies=_proxies(made.waited), proof=proof)


def undo(made: Result) -> bytes:
    """`undo --json`: how it went, and what is not as it was before the mend."""
    differs = None if made.proof is None else _differs(made.proof)
    return _document("undo", mend=_mend(made.entry), proxies=_proxies(made.waited), differs=differs)


def history(entries: Sequence[Entry]) -> bytes:
    """`fix --history --json`: the journal, the oldest first."""
    return _document("history", mends=[_mend(entry) for entry in entries])


def _document(name: str, **parts: Any) -> bytes:
    return encoded({"schema_version": 1, "tool": TOOL, "document": f"fix-{name}", **parts})


def _mend(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "state": entry.state,
        "at": entry.at,
        "place": {"server": entry.place.server, "context": entry.place.context, "folder": entry.place.folder},
        "finding": {"fingerprint": entry.fingerprint, "rule": entry.rule, "subject": entry.subject},
        "fix": {"id": entry.fix, "title": entry.title},
        "changes": [_change(one.change) for one in entry.written],
        "files": [_file(edit) for edit in entry.files],
        "left_to_do": entry.left_to_do,
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


def _file(edit: FileEdit) -> dict[str, Any]:
    return {"action": edit.action, "path": edit.path}


def _proxies(waited: Waited) -> dict[str, Any]:
    return {
        "took": waited.took,
        "lagging": waited.lagging,
        "rejected": waited.rejected,
        "unread": [{"pod": pod, "because": because} for pod, because in sorted(waited.unread.items())],
    }


def _differs(proof: Proof) -> dict[str, Any]:
    found = to_builtins(proof)
    return {part: found[part] for part in ("worse", "better", "new", "unread")}
