"""Version 1 of the JSON formats. Keys are only ever added; the schemas ship in `meshdoctor/schemas/`.

The output is UTF-8, indented, ends in a line break and is the same for the same input. Characters that could steer a
terminal are written as JSON escapes, beyond those that JSON itself demands: people do print JSON.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from meshdoctor import __version__
from meshdoctor.model.evidence import Evidence, Unread
from meshdoctor.model.finding import SEVERITIES, Diagnosis, Finding, NotEvaluated
from meshdoctor.model.hosts import HostRow, Hosts
from meshdoctor.model.rule import Rule
from meshdoctor.model.trace import Destination, Step, Trace
from meshdoctor.report.order import by_rule, rows_in_order

TOOL = {"name": "meshdoctor", "version": __version__}

# DEL, C1, zero-width and bidi marks, line separators, the byte order mark: outside strings none of them is legal JSON.
_STEERING = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def check(diagnosis: Diagnosis) -> bytes:
    """`check --json`."""
    return encoded(
        {
            "schema_version": 1,
            "tool": TOOL,
            "source": {
                "kind": diagnosis.source_kind,
                "location": diagnosis.location,
                "captured_at": diagnosis.captured_at,
                "istio_versions": diagnosis.istio_versions,
            },
            "summary": {
                "proxies": diagnosis.proxies,
                "external_hosts": diagnosis.external_hosts,
                "findings": {severity: diagnosis.count(severity) for severity in SEVERITIES},
                "not_evaluated": len(diagnosis.not_evaluated),
                "pods": diagnosis.pod_kinds,
            },
            "findings": [finding_of(finding) for finding in by_rule(diagnosis.findings)],
            "not_evaluated": [_not_evaluated(entry) for entry in diagnosis.not_evaluated],
            "unread": [_unread(item) for item in diagnosis.unread],
            "notes": diagnosis.notes,
        }
    )


def trace(result: Trace) -> bytes:
    """`trace --json`; `addresses` is there where no address was asked for."""
    document: dict[str, Any] = {
        "schema_version": 1,
        "pod": result.pod,
        "destination": _destination(result.destination),
        "verdict": result.verdict,
        "reason": result.reason,
        "because": result.because,
        "advice": result.advice,
        "listener": result.listener,
        "filter_chain": result.filter_chain,
        "route": result.route,
        "cluster": result.cluster,
        "endpoint": result.endpoint,
        "expect": {
            "response_flags": result.expect.response_flags,
            "http_status": result.expect.http_status,
            "hangs": result.expect.hangs,
        },
        "steps": [_step(step) for step in result.steps],
        "missing": result.missing,
    }
    if result.addresses or result.destination.ip is None:
        document["addresses"] = [
            {"ip": a.ip, "verdict": a.verdict, "reason": a.reason, "listener": a.listener, "cluster": a.cluster}
            for a in result.addresses
        ]
    return encoded(document)


def hosts(result: Hosts) -> bytes:
    """`hosts --json`."""
    return encoded(
        {
            "schema_version": 1,
            "tool": TOOL,
            "source": {"kind": result.source_kind, "location": result.location},
            "hosts": [_host(row) for row in rows_in_order(result.hosts)],
            "missing": result.missing,
        }
    )


def rules(catalogue: Sequence[Rule]) -> bytes:
    """`rules list --json`."""
    return encoded(
        {
            "schema_version": 1,
            "tool": TOOL,
            "rules": [
                {
                    "id": rule.id,
                    "title": rule.title,
                    "severity": rule.severity,
                    "confidence": rule.confidence,
                    "since": rule.since,
                    "needs": rule.needs,
                    "references": rule.references,
                }
                for rule in sorted(catalogue, key=lambda rule: rule.id)
            ],
        }
    )


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


def finding_of(finding: Finding) -> dict[str, Any]:
    """A finding, as `check` has it."""
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
        "pods": finding.pods,
        "resources": [
            {"kind": r.kind, "namespace": r.namespace, "name": r.name, "role": r.role} for r in finding.resources
        ],
        "evidence": [_evidence(piece) for piece in finding.evidence],
        "evidence_left_out": finding.evidence_left_out,
        "fixes": [
            {
                "id": fix.id,
                "title": fix.title,
                "disposition": fix.disposition,
                "tradeoff": fix.tradeoff,
                "manifests": fix.manifests,
                "steps": fix.steps,
                "deletes": [{"kind": r.kind, "namespace": r.namespace, "name": r.name} for r in fix.deletes],
            }
            for fix in finding.fixes
        ],
        "docs": finding.docs,
        "suppressed": finding.suppressed,
        "caused_by": finding.caused_by,
    }


def _evidence(piece: Evidence) -> dict[str, Any]:
    place: dict[str, Any] = {"document": piece.document, "path": piece.path, "value": piece.value}
    return place if piece.line is None else {**place, "line": piece.line}


def _not_evaluated(entry: NotEvaluated) -> dict[str, Any]:
    return {"rule": entry.rule, "pods": entry.pods, "missing": entry.missing, "because": entry.because}


def _unread(item: Unread) -> dict[str, Any]:
    return {"path": item.path, "because": item.because}


def _destination(destination: Destination) -> dict[str, Any]:
    asked = {
        "host": destination.host,
        "port": destination.port,
        "ip": destination.ip,
        "protocol": destination.protocol,
        "sni": destination.sni,
    }
    if destination.protocol != "http":
        return asked
    return {**asked, "authority": destination.authority, "method": destination.method, "path": destination.path}


def _step(step: Step) -> dict[str, Any]:
    evidence = None if step.evidence is None else _evidence(step.evidence)
    return {"at": step.at, "chose": step.chose, "because": step.because, "evidence": evidence}


def _host(row: HostRow) -> dict[str, Any]:
    return {
        "host": row.host,
        "port": row.port,
        "protocol": row.protocol,
        "registered_by": row.registered_by,
        "wanted_by": [
            {"pod": wish.pod, "seen": wish.seen, "evidence": [_evidence(piece) for piece in wish.evidence]}
            for wish in row.wanted_by
        ],
        "verdicts": [
            {"pod": v.pod, "verdict": v.verdict, "reason": v.reason, "cluster": v.cluster}
            for v in sorted(row.verdicts, key=lambda v: v.pod)
        ],
    }
