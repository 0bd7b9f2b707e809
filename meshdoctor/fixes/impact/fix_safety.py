"""Downgrades fixes that are declared `safe` to `review` where their predicted impact does harm."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from meshdoctor.fixes.impact.impact import counted, impact_of
from meshdoctor.fixes.plan.changes import changes_of
from meshdoctor.model.finding import Disposition, Finding, Fix
from meshdoctor.model.fix import Change, Impact
from meshdoctor.model.mesh import Mesh
from meshdoctor.text.phrases import count

PREDICTED = 30
"""Findings whose safe fixes are predicted in one diagnosis."""
_NOT_PREDICTED = f"Its impact is predicted for the first {PREDICTED} findings only: `meshdoctor fix` predicts this one."


def downgrade_if_harmful(mesh: Mesh, fix: Fix, changes: Sequence[Change], impact: Impact) -> Fix:
    """The fix; where it is declared `safe` and does harm, with a caution, which makes it `review`."""
    is_safe = changes and fix.is_automatic and fix.declared is Disposition.SAFE
    return structs.replace(fix, caution=harm_of(mesh, impact) if is_safe else "")


def restrict_dispositions(mesh: Mesh, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings with every harmful `safe` fix downgraded to `review`.

    Beyond `PREDICTED` findings all are downgraded, as a prediction takes time.
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
    """The worst known harm of a fix, in one sentence; empty where there is none."""
    worse = [effect for effect in impact.connections if effect.is_worse]
    if worse:
        first = worse[0]
        more = _more(len(worse) - 1, "regression")
        pods = _whose(mesh, first.pods)
        return f"It changes {first.host}:{first.port} from {first.before} to {first.after} for {pods}{more}."
    if impact.regressions:
        fault = impact.regressions[0]
        more = _more(len(impact.regressions) - 1, "new finding")
        return f"It causes {fault.rule} for {fault.host}:{fault.port} in {_whose(mesh, fault.pods)}{more}."
    return ""


def _more(number: int, noun: str) -> str:
    return f", and {count(number, f'more {noun}')}" if number else ""


def _whose(mesh: Mesh, pods: Sequence[str]) -> str:
    """The workload where all pods are of one, else the pod or how many there are."""
    owners = {mesh.pods[key].workload if key in mesh.pods else None for key in pods}
    owner = next(iter(owners), None) if len(owners) == 1 else None
    return f"{len(pods)} pods of {owner}" if owner is not None and len(pods) > 1 else counted(pods)
