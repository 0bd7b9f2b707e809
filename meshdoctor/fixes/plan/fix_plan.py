"""Plans a fix of a finding: its changes and their impact. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from meshdoctor.errors import UsageError
from meshdoctor.fixes.fix_evidence import FixEvidence
from meshdoctor.fixes.impact.fix_safety import downgrade_if_harmful
from meshdoctor.fixes.impact.impact import impact_of
from meshdoctor.fixes.impact.ownership import deleted_entries, not_restored, ownership_of
from meshdoctor.fixes.plan.changes import changes_of, was_read
from meshdoctor.fixes.plan.owners import owner_of
from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.fix import Change, FixTarget, Impact, JournalEntry, Ownership, WrittenChange
from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.nearest import nearest
from meshdoctor.text.printable import in_lines
from meshdoctor.text.times import now

_SHORTEST = 4
"""Characters of a fingerprint that name a finding."""


class FixPlan(Struct, frozen=True, kw_only=True):
    """One fix of one finding. Without `changes` it is manual."""

    finding: Finding
    fix: Fix
    """With its disposition and cost in this mesh."""
    changes: tuple[Change, ...]
    impact: Impact
    ownership: tuple[Ownership, ...] = ()
    """Owners of the hosts and ports that an undo may not restore."""


def find(findings: Sequence[Finding], name: str) -> Finding:
    """The finding of this name: the start of its fingerprint, its rule, its host:port or host, or `RULE@HOST:PORT`.

    Raises `UsageError` where none or several fit, naming them.
    """
    fitting = [finding for finding in findings if _fits(finding, name)]
    if len(fitting) > 1:
        # A finding that another one explains goes away with that one.
        fitting = [finding for finding in fitting if not finding.caused_by] or fitting
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        named = (f"  {one.fingerprint[:8]}  {subject(one)}  {one.rule}" for one in fitting)
        asked = f"{name} matches {len(fitting)} findings. Choose one by its fingerprint:"
        raise UsageError(in_lines((asked, *named)))
    names = sorted({finding.rule for finding in findings} | {subject(finding) for finding in findings})
    raise UsageError(f"no finding {name}. {nearest(name, names)}")


def choose(finding: Finding, fix_id: str = "") -> Fix:
    """The fix of this id, else the first that can be applied, else the first.

    Raises `UsageError` where the finding has none, or none of this id.
    """
    if not finding.fixes:
        raise UsageError(f"{finding.rule} has no fix for {subject(finding)}: {finding.docs}")
    if not fix_id:
        return next((fix for fix in finding.fixes if fix.is_automatic), finding.fixes[0])
    for fix in finding.fixes:
        if fix.id == fix_id:
            return fix
    raise UsageError(f"no fix {fix_id} of {finding.rule}. {nearest(fix_id, [fix.id for fix in finding.fixes])}")


def plan(evidence: FixEvidence, finding: Finding, fix: Fix) -> FixPlan:
    """The changes of the fix and their impact."""
    if not fix.is_automatic:
        return FixPlan(finding=finding, fix=fix, changes=(), impact=Impact())
    return evidence.using(lambda mesh: _plan(mesh, finding, fix, _unread_pods(evidence)))


def _plan(mesh: Mesh, finding: Finding, fix: Fix, unread_pods: tuple[str, ...]) -> FixPlan:
    changes = changes_of(mesh, fix)
    unread = [str(change.key) for change in changes if not was_read(mesh, change)]
    if unread:
        raise UsageError(
            f"objects of this kind were not read, so it is not known whether {', '.join(unread)} already exists: "
            "use a complete capture, or the cluster with the role that `meshdoctor rbac` prints"
        )
    impact = impact_of(mesh, changes)
    owners = ((change.key, owner_of(change.before)) for change in changes if change.before is not None)
    impact = structs.replace(
        impact,
        managed=tuple(f"{key} is managed by {owner.tool} ({owner.sign})" for key, owner in owners if owner is not None),
        unknown=(*impact.unknown, *unread_pods),
        not_restored=not_restored(mesh, changes),
    )
    fix = downgrade_if_harmful(mesh, fix, changes, impact)
    return FixPlan(
        finding=finding, fix=fix, changes=changes, impact=impact, ownership=ownership_of(mesh, deleted_entries(changes))
    )


def planned(plan: FixPlan, number: int, place: FixTarget) -> JournalEntry:
    """The journal entry of a fix that is about to be applied."""
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


def _unread_pods(evidence: FixEvidence) -> tuple[str, ...]:
    """Says which pods were read, where others may receive the objects too."""
    if evidence.is_whole:
        return ()
    labels = [f"-l {evidence.labels}"] if evidence.labels else []
    asked = " ".join([*(f"-n {name}" for name in evidence.namespaces), *labels])
    return (f"only the pods of {asked} were read: the impact on other pods is neither predicted nor verified",)


def _fits(finding: Finding, name: str) -> bool:
    about = subject(finding)
    if name in (finding.rule, about, finding.host, f"{finding.rule}@{about}"):
        return True
    return len(name) >= _SHORTEST and finding.fingerprint.startswith(name.lower())
