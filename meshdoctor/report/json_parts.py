"""What the JSON documents have in common: how they are written, and the parts that several of them hold.

The output is UTF-8, indented, ends in a line break and is the same for the same input. Characters that could steer a
terminal are written as JSON escapes, beyond those that JSON itself demands: people do print JSON.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from meshdoctor import __version__
from meshdoctor.model.evidence import Evidence, Unread
from meshdoctor.model.finding import Diagnosis, Finding, Fix, NotEvaluated

TOOL = {"name": "meshdoctor", "version": __version__}

# DEL, C1, zero-width and bidi marks, line separators, the byte order mark: outside strings none of them is legal JSON.
_STEERING = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def encoded(document: dict[str, Any]) -> bytes:
    """A document as all of them are written."""
    try:
        compact = msgspec.json.encode(document)
    except UnicodeEncodeError:
        compact = msgspec.json.encode(_without_surrogates(document))
    text = msgspec.json.format(compact, indent=2).decode()
    if not text.isascii() or "\x7f" in text:
        text = _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return text.encode() + b"\n"


def _without_surrogates(value: Any) -> Any:
    """The same tree with lone surrogates written out: YAML and file names may hold them, UTF-8 cannot."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value


def source_of(diagnosis: Diagnosis) -> dict[str, Any]:
    """What was looked at."""
    return {
        "kind": diagnosis.source_kind,
        "location": diagnosis.location,
        "captured_at": diagnosis.captured_at,
        "istio_versions": diagnosis.istio_versions,
    }


def finding_of(finding: Finding) -> dict[str, Any]:
    """A finding with its fixes."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "fingerprint": finding.fingerprint,
        "title": finding.title,
        "message": finding.message,
        "why": finding.why,
        "host": finding.host,
        "port": finding.port,
        "protocol": finding.protocol or None,
        "pods": finding.pods,
        "resources": [
            {"kind": r.kind, "namespace": r.namespace, "name": r.name, "role": r.role} for r in finding.resources
        ],
        "evidence": [evidence_of(piece) for piece in finding.evidence],
        "evidence_left_out": finding.evidence_left_out,
        "fixes": [fix_of(fix) for fix in finding.fixes],
        "docs": finding.docs,
        "suppressed": finding.suppressed,
        "caused_by": finding.caused_by,
    }


def fix_of(fix: Fix) -> dict[str, Any]:
    """A fix."""
    return {
        "id": fix.id,
        "title": fix.title,
        "disposition": fix.disposition,
        "tradeoff": fix.cost,
        "manifests": fix.manifests,
        "steps": fix.steps,
        "deletes": [{"kind": r.kind, "namespace": r.namespace, "name": r.name} for r in fix.deletes],
    }


def evidence_of(piece: Evidence) -> dict[str, Any]:
    """A place in the evidence; the line only where it is known."""
    place: dict[str, Any] = {"document": piece.document, "path": piece.path, "value": piece.value}
    return place if piece.line is None else {**place, "line": piece.line}


def not_evaluated_of(entry: NotEvaluated) -> dict[str, Any]:
    """A rule that lacked evidence."""
    return {
        "rule": entry.rule,
        "pods": entry.pods,
        "missing": entry.missing,
        "because": entry.because,
        "partial": entry.is_partial,
        "host": entry.host or None,
        "port": entry.port or None,
    }


def unread_of(item: Unread) -> dict[str, Any]:
    """What should have been evidence."""
    return {"path": item.path, "because": item.because}
