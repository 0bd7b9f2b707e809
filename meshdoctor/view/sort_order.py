"""The order of results, the same in every run: goldens, diffs and baselines depend on it."""

from __future__ import annotations

from collections.abc import Iterable

from meshdoctor.model.finding import Finding
from meshdoctor.model.host_table import HostRow


def by_rule(findings: Iterable[Finding]) -> list[Finding]:
    """Most severe first, then rule, host, port and fingerprint: the order of the formats for machines."""
    return sorted(findings, key=lambda f: (f.severity.rank, f.rule, f.host or "", f.port or 0, f.fingerprint))


def by_host(findings: Iterable[Finding]) -> list[Finding]:
    """Most severe first, then host and port, so that all about one host stands together."""
    return sorted(
        findings,
        key=lambda f: (f.severity.rank, f.host is None, f.host or "", f.port or 0, f.rule, f.fingerprint),
    )


def rows_in_order(rows: Iterable[HostRow]) -> list[HostRow]:
    """Hosts by name, then port; a bare name before its ports."""
    return sorted(rows, key=lambda row: (row.host, row.port or 0))


def under_causes(findings: Iterable[Finding]) -> list[tuple[Finding, list[Finding]]]:
    """Each finding that nothing listed explains, with all that it explains directly or by another.

    A cause that is not listed (its rule was skipped, its severity filtered) explains nothing, and findings that name
    one another stand for themselves: none is ever lost.
    """
    ordered = by_host(findings)
    known = {finding.fingerprint: finding for finding in ordered}
    folded: dict[str, list[Finding]] = {}
    for finding in ordered:
        root = _root(finding, known)
        folded.setdefault(root.fingerprint, [])
        if root is not finding:
            folded[root.fingerprint].append(finding)
    return [(finding, folded[finding.fingerprint]) for finding in ordered if finding is _root(finding, known)]


def _root(finding: Finding, known: dict[str, Finding]) -> Finding:
    seen = {finding.fingerprint}
    at = finding
    while True:
        cause = next((known[c] for c in at.caused_by if c in known), None)
        if cause is None:
            return at
        if cause.fingerprint in seen:
            return finding
        seen.add(cause.fingerprint)
        at = cause
