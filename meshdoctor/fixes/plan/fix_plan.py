"""A finding and one of its fixes: what would be changed, and whom that touches. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from meshdoctor.errors import UsageError
from meshdoctor.fixes.fix_evidence import FixEvidence
from meshdoctor.fixes.impact.fix_safety import downgrade_if_harmful
from meshdoctor.fixes.impact.impact import impact_of
from meshdoctor.fixes.impact.ownership import made_anew, not_restored, ownership_of
from meshdoctor.fixes.plan.changes import changes_of, was_read
from meshdoctor.fixes.plan.owners import owner_of
from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.fix import Change, FixTarget, Impact, JournalEntry, Ownership, WrittenChange
from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.nearest import nearest
from meshdoctor.text.times import now

_SHORTEST = 4
"""Characters of a fingerprint that name a finding."""


class FixPlan(Struct, frozen=True, kw_only=True):
    """One fix of one finding, ready to be shown. Without `changes` it is a recipe for a person."""

    finding: Finding
    fix: Fix
    """Its disposition and price as they are in this mesh."""
    changes: tuple[Change, ...]
    impact: Impact
    ownership: tuple[Ownership, ...] = ()
    """Whose the hosts and ports are that an undo may not give back."""


def find(findings: Sequence[Finding], name: str) -> Finding:
    """The finding of this name: the start of its fingerprint, its rule, its host:port or host, or `RULE@HOST:PORT`.

    Raises `UsageError` where none or several fit, naming them.
    """
    fitting = [finding for finding in findings if _fits(finding, name)]
    if len(fitting) > 1:
        # What another finding explains goes with its cause.
        fitting = [finding for finding in fitting if not finding.caused_by] or fitting
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        named = "\n".join(f"  {one.fingerprint[:8]}  {subject(one)}  {one.rule}" for one in fitting)
        raise UsageError(f"{name} is {len(fitting)} findings. Name one by its first column:\n{named}")
    names = sorted({finding.rule for finding in findings} | {subject(finding) for finding in findings})
    raise UsageError(f"no finding {name}. {nearest(name, names)}")


def choose(finding: Finding, fix_id: str = "") -> Fix:
    """The fix of this id, else the first that can be applied, else the first.

    Raises `UsageError` where the finding has none, or none of this id.
    """
    if not finding.fixes:
        raise UsageError(f"{finding.rule} offers no fix for {subject(finding)}: {finding.docs}")
    if not fix_id:
        return next((fix for fix in finding.fixes if fix.is_automatic), finding.fixes[0])
    for fix in finding.fixes:
        if fix.id == fix_id:
            return fix
    raise UsageError(f"no fix {fix_id} of {finding.rule}. {nearest(fix_id, [fix.id for fix in finding.fixes])}")


def plan(evidence: FixEvidence, finding: Finding, fix: Fix) -> FixPlan:
    """What the fix would change, and whom that touches."""
    if not fix.is_automatic:
        return FixPlan(finding=finding, fix=fix, changes=(), impact=Impact())
    return evidence.using(lambda mesh: _plan(mesh, finding, fix, _out_of_sight(evidence)))


def _plan(mesh: Mesh, finding: Finding, fix: Fix, out_of_sight: tuple[str, ...]) -> FixPlan:
    changes = changes_of(mesh, fix)
    unread = [str(change.key) for change in changes if not was_read(mesh, change)]
    if unread:
        raise UsageError(
            f"the objects of the kind were not read, so nobody knows whether {', '.join(unread)} is there already: "
            "read a whole capture, or the cluster with the role of `meshdoctor rbac`"
        )
    impact = impact_of(mesh, changes)
    impact = structs.replace(impact, managed=_kept(changes), unknown=(*impact.unknown, *out_of_sight))
    impact = structs.replace(impact, not_restored=not_restored(mesh, changes))
    fix = downgrade_if_harmful(mesh, fix, changes, impact)
    return FixPlan(
        finding=finding, fix=fix, changes=changes, impact=impact, ownership=ownership_of(mesh, made_anew(changes))
    )


def planned(plan: FixPlan, number: int, place: FixTarget) -> JournalEntry:
    """The journal's entry of a fix that is about to be applied."""
    finding, fix, impact = plan.finding, plan.fix, plan.impact
    return JournalEntry(
        id=number,
        state="planned",
        at=now(),
        place=place,
        fingerprint=finding.fingerprint,
        rule=finding.rule,
        subject=subject(finding),
        fix=fix.id,
        title=fix.title,
        pods=finding.pods,
        affected=tuple(dict.fromkeys([*finding.pods, *impact.pods])),
        connections=tuple(effect for effect in impact.connections if effect.is_worse),
        regressions=impact.regressions,
        written=tuple(WrittenChange(change=change) for change in plan.changes),
        ownership=plan.ownership,
        not_restored=impact.not_restored,
        manual_steps=fix.steps,
    )


def _out_of_sight(evidence: FixEvidence) -> tuple[str, ...]:
    """Pods that nobody looked at may see the objects as well."""
    if evidence.is_whole:
        return ()
    labels = [f"-l {evidence.labels}"] if evidence.labels else []
    asked = " ".join([*(f"-n {name}" for name in evidence.namespaces), *labels])
    return (f"only the pods of {asked} were looked at: whom else it touches, nobody knows and nothing verifies",)


def _kept(changes: Sequence[Change]) -> tuple[str, ...]:
    owners = ((change.key, owner_of(change.before)) for change in changes if change.before is not None)
    return tuple(f"{key} is kept by {owner.tool} ({owner.sign})" for key, owner in owners if owner is not None)


def _fits(finding: Finding, name: str) -> bool:
    about = subject(finding)
    if name in (finding.rule, about, finding.host, f"{finding.rule}@{about}"):
        return True
    return len(name) >= _SHORTEST and finding.fingerprint.startswith(name.lower())
