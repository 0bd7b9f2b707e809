"""A mend's disposition made honest: what would harm anybody is not offered as safe."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from meshdoctor.fixes.changes import changes_of, is_automatic
from meshdoctor.fixes.forecast import counted, forecast
from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.mend import Change, Touched
from meshdoctor.model.mesh import Mesh


def honest(mesh: Mesh, fix: Fix, changes: Sequence[Change], touched: Touched) -> Fix:
    """The fix as it may be offered. A `safe` one that does harm is `review`, and its trade-off names the harm.

    Others stay as they are, and so does one that changes nothing.
    """
    harm = harm_of(mesh, touched) if fix.disposition == "safe" and changes else ""
    if not harm:
        return fix
    return structs.replace(fix, disposition="review", tradeoff=f"{fix.tradeoff.rstrip()} {harm}".strip())


def offered(mesh: Mesh, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, their safe fixes held against the mesh: what would harm anybody is offered as `review`."""
    return tuple(_offered(mesh, finding) if any(map(_is_safe, finding.fixes)) else finding for finding in findings)


def _offered(mesh: Mesh, finding: Finding) -> Finding:
    fixes = []
    for fix in finding.fixes:
        changes = changes_of(mesh, fix) if _is_safe(fix) else ()
        fixes.append(honest(mesh, fix, changes, forecast(mesh, changes)) if changes else fix)
    return structs.replace(finding, fixes=tuple(fixes))


def _is_safe(fix: Fix) -> bool:
    return fix.disposition == "safe" and is_automatic(fix)


def harm_of(mesh: Mesh, touched: Touched) -> str:
    """The worst that a mend does, in one sentence; empty where it does no harm that is known."""
    worse = [effect for effect in touched.effects if effect.worse]
    if worse:
        first = worse[0]
        more = _more(len(worse) - 1, "change for the worse")
        pods = _whose(mesh, first.pods)
        return f"It turns {first.host}:{first.port} from {first.was} to {first.becomes} for {pods}{more}."
    if touched.faults:
        fault = touched.faults[0]
        more = _more(len(touched.faults) - 1, "are newly broken")
        return f"It newly breaks {fault.rule} for {fault.host}:{fault.port} in {_whose(mesh, fault.pods)}{more}."
    return ""


def _more(count: int, what: str) -> str:
    return f", and {count} more {what}" if count else ""


def _whose(mesh: Mesh, pods: Sequence[str]) -> str:
    """The workload where all pods are of one, else the pod or how many there are."""
    owners = {mesh.pods[key].workload if key in mesh.pods else None for key in pods}
    owner = next(iter(owners), None) if len(owners) == 1 else None
    return f"{len(pods)} pods of {owner}" if owner is not None and len(pods) > 1 else counted(pods)
