"""What a finding is about, in a word."""

from __future__ import annotations

from meshdoctor.model.finding import Finding
from meshdoctor.semantics.istio.host_names import host_port


def host_or_object(finding: Finding) -> str:
    """The host lost, `db.example:3306`, else the first object, `Sidecar shop/default`; empty where it names neither."""
    if finding.host:
        return host_port(finding.host, finding.port)
    return str(finding.resources[0]) if finding.resources else ""
