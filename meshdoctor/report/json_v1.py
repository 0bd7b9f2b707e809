"""`check`, `trace`, `hosts` and `rules list --json`, schema version 1: keys are only ever added.

Each function is one document, and `meshdoctor/schemas/FUNCTION-v1.json` describes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.host_table import HostRow, HostTable
from meshdoctor.model.rule import Rule
from meshdoctor.model.trace import Destination, Trace
from meshdoctor.model.verdict import Severity
from meshdoctor.report.json_parts import (
    TOOL,
    encoded,
    evidence_of,
    finding_of,
    not_evaluated_of,
    source_of,
    unread_of,
)
from meshdoctor.view.sort_order import by_rule, rows_in_order


def check(diagnosis: Diagnosis) -> bytes:
    """`check --json`."""
    return encoded(
        {
            "schema_version": 1,
            "tool": TOOL,
            "source": source_of(diagnosis),
            "summary": {
                "proxies": diagnosis.proxies,
                "external_hosts": diagnosis.external_hosts,
                "findings": {severity: diagnosis.count(severity) for severity in Severity},
                "not_evaluated": len(diagnosis.not_evaluated),
                "pods": diagnosis.pod_kinds,
                "not_judged": diagnosis.not_judged,
            },
            "findings": [finding_of(finding) for finding in by_rule(diagnosis.findings)],
            "not_evaluated": [not_evaluated_of(entry) for entry in diagnosis.not_evaluated],
            "unread": [unread_of(item) for item in diagnosis.unread],
            "notes": diagnosis.notes,
        }
    )


def trace(result: Trace) -> bytes:
    """`trace --json`; `addresses` is there where no address was asked for, `forward_proxy` where the client goes by
    one: the connection to it, which is what was traced."""
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
        "steps": [
            {
                "at": step.at,
                "chose": step.chose,
                "because": step.because,
                "evidence": None if step.evidence is None else evidence_of(step.evidence),
            }
            for step in result.steps
        ],
        "missing": result.missing,
        "conditions": [
            {
                "name": one.name,
                "value": one.value,
                "flag": one.flag or None,
                "because": one.because,
                "evidence": None if one.evidence is None else evidence_of(one.evidence),
            }
            for one in result.conditions
        ],
    }
    if result.forward_proxy is not None:
        document["forward_proxy"] = _destination(result.forward_proxy)
    if result.addresses or (result.forward_proxy or result.destination).ip is None:
        document["addresses"] = [
            {"ip": a.ip, "verdict": a.verdict, "reason": a.reason, "listener": a.listener, "cluster": a.cluster}
            for a in result.addresses
        ]
    return encoded(document)


def hosts(result: HostTable) -> bytes:
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


def _destination(destination: Destination) -> dict[str, Any]:
    asked = {
        "host": destination.host,
        "port": destination.port,
        "ip": destination.ip,
        "protocol": destination.protocol,
        "sni": destination.sni,
    }
    if destination.protocol != "http":
        return {**asked, "alpn": destination.alpn} if destination.alpn else asked
    asked |= {"authority": destination.authority, "method": destination.method, "path": destination.path}
    asked |= {"http_version": destination.http_version}
    return {**asked, "headers": dict(destination.headers)} if destination.headers else asked


def _host(row: HostRow) -> dict[str, Any]:
    return {
        "host": row.host,
        "port": row.port,
        "protocol": row.protocol,
        "registered_by": row.registered_by,
        "used_by": [
            {
                "pod": dependency.pod,
                "seen": dependency.seen,
                "evidence": [evidence_of(piece) for piece in dependency.evidence],
            }
            for dependency in row.used_by
        ],
        "verdicts": [
            {"pod": v.pod, "verdict": v.verdict, "reason": v.reason, "cluster": v.cluster}
            for v in sorted(row.verdicts, key=lambda v: v.pod)
        ],
    }
