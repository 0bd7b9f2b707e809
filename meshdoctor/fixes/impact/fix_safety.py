"""A fix's disposition made honest: what would harm anybody is not offered as safe."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from meshdoctor.fixes.impact.impact import counted, impact_of
from meshdoctor.fixes.plan.changes import changes_of
from meshdoctor.model.finding import Disposition, Finding, Fix
from meshdoctor.model.fix import Change, Impact
from meshdoctor.model.mesh import Mesh

PREDICTED = 30
"""Findings whose safe fixes are held against the mesh in one look."""
_NOT_PREDICTED = "Its impact was not predicted among so many findings: `meshdoctor fix` predicts it."


def downgrade_if_harmful(mesh: Mesh, fix: Fix, changes: Sequence[Change], impact: Impact) -> Fix:
    """The fix as it may be offered: a `safe` one that does harm says so, and is `review`."""
    is_safe = changes and fix.is_automatic and fix.declared is Disposition.SAFE
    return structs.replace(fix, caution=harm_of(mesh, impact) if is_safe else "")


def restrict_dispositions(mesh: Mesh, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, their safe fixes held against the mesh: what would harm anybody is offered as `review`.

    Beyond `PREDICTED` fixes, in the order of the findings, none is called safe: a prediction takes its time.
    """
    made = []
    left = PREDICTED
    for finding in findings:
        if any(fix.disposition is Disposition.SAFE for fix in finding.fixes):
            made.append(_offered(mesh, finding, predict=left > 0))
            left -= 1
        else:
            made.append(finding)
    return tuple(made)


def _offered(mesh: Mesh, finding: Finding, *, predict: bool) -> Finding:
    fixes = []
    for fix in finding.fixes:
        if fix.disposition is not Disposition.SAFE:
            fixes.append(fix)
        elif not predict:
            fixes.append(structs.replace(fix, caution=_NOT_PREDICTED))
        else:
            changes = changes_of(mesh, fix)
            fixes.append(downgrade_if_harmful(mesh, fix, changes, impact_of(mesh, changes)) if changes else fix)
    return structs.replace(finding, fixes=tuple(fixes))


def harm_of(mesh: Mesh, impact: Impact) -> str:
    """The worst that a fix does, in one sentence; empty where it does no harm that is known."""
    worse = [effect for effect in impact.connections if effect.is_worse]
    if worse:
        first = worse[0]
        more = _more(len(worse) - 1, "change for the worse")
        pods = _whose(mesh, first.pods)
        return f"It turns {first.host}:{first.port} from {first.before} to {first.after} for {pods}{more}."
    if impact.regressions:
        fault = impact.regressions[0]
        more = _more(len(impact.regressions) - 1, "are newly broken")
        return f"It newly breaks {fault.rule} for {fault.host}:{fault.port} in {_whose(mesh, fault.pods)}{more}."
    return ""


def _more(count: int, what: str) -> str:
    return f", and {count} more {what}" if count else ""


def _whose(mesh: Mesh, pods: Sequence[str]) -> str:
    """The workload where all pods are of one, else the pod or how many there are."""
    owners = {mesh.pods[key].workload if key in mesh.pods else None for key in pods}
    owner = next(iter(owners), None) if len(owners) == 1 else None
    return f"{len(pods)} pods of {owner}" if owner is not None and len(pods) > 1 else counted(pods)
