"""What a finding is about, in a word."""

from __future__ import annotations

from meshdoctor.model.finding import Finding
from meshdoctor.semantics.istio.host_names import host_port


def subject(finding: Finding) -> str:
    """The host lost, `db.example:3306`, else the first object, `Sidecar shop/default`, else the first pod."""
    if finding.host:
        return host_port(finding.host, finding.port)
    if finding.resources:
        return str(finding.resources[0])
    return finding.pods[0] if finding.pods else "the mesh"
