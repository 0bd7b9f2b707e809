"""`fix --json` and `undo --json`, schema version 1: keys are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from meshdoctor.model.finding import Diagnosis, Finding, Fix
from meshdoctor.model.mend import Change, Entry, Proof, Result, Touched
from meshdoctor.report.json_v1 import TOOL, encoded, finding_of
from meshdoctor.report.order import by_rule


def listed(diagnosis: Diagnosis) -> bytes:
    """`fix --json`: the findings that have a mend."""
    findings = [finding_of(finding) for finding in by_rule(diagnosis.findings) if finding.fixes]
    return encoded({"schema_version": 1, "tool": TOOL, "findings": findings})


def preview(finding: Finding, fix: Fix, changes: Sequence[tuple[Change, str]], touched: Touched) -> bytes:
    """`fix FINDING --json`: one mend before it is applied."""
    document = {
        "schema_version": 1,
        "tool": TOOL,
        "finding": finding_of(finding),
        "fix": fix.id,
        "disposition": fix.disposition,
        "tradeoff": fix.tradeoff,
        "steps": fix.steps,
        "changes": [_change(change) | {"diff": diff} for change, diff in changes],
        "touched": msgspec.to_builtins(touched),
    }
    return encoded(document)


def exported(
    finding: Finding,
    fix: Fix,
    folder: str,
    files: Sequence[str],
    lines: Sequence[tuple[str, str | None]],
    notes: Sequence[str],
) -> bytes:
    """`fix FINDING --export DIR --json`: what was written, and the kubectl lines."""
    document = {
        "schema_version": 1,
        "tool": TOOL,
        "finding": finding_of(finding),
        "fix": fix.id,
        "folder": folder,
        "written": files,
        "commands": [{"do": do, "undo": undo} for do, undo in lines],
        "notes": notes,
    }
    return encoded(document)


def result(made: Result) -> bytes:
    """`fix FINDING --apply --json`, and `undo --json`: how it went."""
    waited = made.waited
    document = {
        "schema_version": 1,
        "tool": TOOL,
        "mend": _entry(made.entry),
        "proxies": {
            "took": waited.took,
            "lagging": waited.lagging,
            "rejected": waited.rejected,
            "unread": waited.unread,
        },
        "proof": None if made.proof is None else _proof(made.proof),
    }
    return encoded(document)


def history(entries: Sequence[Entry]) -> bytes:
    """`fix --history --json`: the journal, the oldest first."""
    return encoded({"schema_version": 1, "tool": TOOL, "mends": [_entry(entry) for entry in entries]})


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "state": entry.state,
        "at": entry.at,
        "place": {"server": entry.place.server, "context": entry.place.context, "folder": entry.place.folder},
        "finding": {"fingerprint": entry.fingerprint, "rule": entry.rule, "subject": entry.subject},
        "fix": entry.fix,
        "title": entry.title,
        "changes": [_change(one.change) for one in entry.written],
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


def _proof(proof: Proof) -> dict[str, Any]:
    return {"holds": proof.holds, **msgspec.to_builtins(proof)}
