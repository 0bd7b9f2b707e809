"""A finding and one of its fixes: what would be changed, and whom that touches. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from meshdoctor.errors import UsageError
from meshdoctor.fixes.changes import changes_of, is_automatic, was_read
from meshdoctor.fixes.dispositions import as_written, honest
from meshdoctor.fixes.forecast import forecast
from meshdoctor.fixes.owners import owner_of
from meshdoctor.mending.look import Seen
from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.mend import Change, Entry, Place, Touched, Written
from meshdoctor.semantics.nearest import nearest
from meshdoctor.semantics.subjects import host_or_object
from meshdoctor.semantics.times import now

_SHORTEST = 4
"""Characters of a fingerprint that name a finding."""


class Plan(Struct, frozen=True, kw_only=True):
    """One fix of one finding, ready to be shown. Without `changes` it is a recipe for a person."""

    finding: Finding
    fix: Fix
    """Its disposition and price as they are in this mesh."""
    changes: tuple[Change, ...]
    touched: Touched


def subject(finding: Finding) -> str:
    """What a finding is about, in a word: `db.example:3306`, else its first object, else its first pod."""
    return host_or_object(finding) or (finding.pods[0] if finding.pods else "the mesh")


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
        raise UsageError(f"{finding.rule} offers no mend for {subject(finding)}: {finding.docs}")
    if not fix_id:
        return next((fix for fix in finding.fixes if is_automatic(fix)), finding.fixes[0])
    for fix in finding.fixes:
        if fix.id == fix_id:
            return fix
    raise UsageError(f"no mend {fix_id} of {finding.rule}. {nearest(fix_id, [fix.id for fix in finding.fixes])}")


def plan(seen: Seen, finding: Finding, fix: Fix) -> Plan:
    """What the fix would change, and whom that touches."""
    if not is_automatic(fix):
        return Plan(finding=finding, fix=fix, changes=(), touched=Touched())
    mesh = seen.case.mesh
    changes = changes_of(mesh, fix)
    unread = [str(change.key) for change in changes if not was_read(mesh, change)]
    if unread:
        raise UsageError(
            f"the objects of the kind were not read, so nobody knows whether {', '.join(unread)} is there already: "
            "read a whole capture, or the cluster with the role of `meshdoctor rbac`"
        )
    touched = forecast(mesh, changes)
    touched = structs.replace(touched, kept=_kept(changes), unknown=(*touched.unknown, *_out_of_sight(seen)))
    fix = honest(mesh, as_written(fix), changes, touched)
    return Plan(finding=finding, fix=fix, changes=changes, touched=touched)


def planned(plan: Plan, number: int, place: Place) -> Entry:
    """The journal's entry of a mend that is about to be applied."""
    finding, fix, touched = plan.finding, plan.fix, plan.touched
    return Entry(
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
        touched=tuple(dict.fromkeys([*finding.pods, *touched.pods])),
        effects=tuple(effect for effect in touched.effects if effect.worse),
        faults=touched.faults,
        written=tuple(Written(change=change) for change in plan.changes),
        left_to_do=fix.steps,
    )


def _out_of_sight(seen: Seen) -> tuple[str, ...]:
    """Pods that nobody looked at may see the objects as well. A capture has all of its pods, whatever is asked for."""
    look = seen.look
    if look.source.cluster is None or not (look.namespaces or look.labels):
        return ()
    asked = " ".join([*(f"-n {name}" for name in look.namespaces), *([f"-l {look.labels}"] if look.labels else [])])
    return (f"only the pods of {asked} were looked at: whom else it touches, nobody knows and nothing proves",)


def _kept(changes: Sequence[Change]) -> tuple[str, ...]:
    owners = ((change.key, owner_of(change.before)) for change in changes if change.before is not None)
    return tuple(f"{key} is kept by {owner.tool} ({owner.sign})" for key, owner in owners if owner is not None)


def _fits(finding: Finding, name: str) -> bool:
    about = subject(finding)
    if name in (finding.rule, about, finding.host, f"{finding.rule}@{about}"):
        return True
    return len(name) >= _SHORTEST and finding.fingerprint.startswith(name.lower())
