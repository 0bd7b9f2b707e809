"""One change to one object of a cluster: held against what is there now, tried, written.

A creation is a server-side apply. An update is one too where that gives the wanted object and takes no field from
anybody. Where a field was last written by an update (kubectl create, edit or client-side apply: declared by nobody),
it is edited, as `kubectl edit` would. Where another manager holds it by server-side apply, nothing is written: that
manager comes back for it.
"""

from __future__ import annotations

import copy
from typing import Any, Literal

from msgspec import Struct

from meshdoctor.errors import NotApplied
from meshdoctor.fixes.plan.object_diff import merge_patch, merged
from meshdoctor.fixes.plan.owners import Owner, appliers, holders, owner_of, writers
from meshdoctor.kube.session import Refused
from meshdoctor.kube.writes import MANAGER, Conflict, FieldConflict, Writer, WriteTarget
from meshdoctor.model.fix import Change, WrittenChange
from meshdoctor.sources.redact import Removals, redact_object
from meshdoctor.text.printable import printable
from meshdoctor.text.secrets import REDACTED

Object = dict[str, Any]
_INVALID = 422

Way = Literal["apply", "edit", "delete", "nothing"]


class Stale(NotApplied):
    """The object is not what the preview rests on."""


class ManagedElsewhere(NotApplied):
    """The object is kept by a tool that would undo the change."""


class PreparedChange(Struct, frozen=True, kw_only=True):
    """A change as it will be written, tried on the server."""

    change: Change
    target: WriteTarget
    way: Way
    live: Object | None = None
    """The object as the server has it, with its metadata."""
    body: Object = {}
    """What is applied, or the merge patch of an edit."""
    beside: tuple[str, ...] = ()
    """Field managers that wrote the fields that are edited: their next apply of an old file takes the fix back."""


class WriteOutcome(Struct, frozen=True):
    """What a write left: identity of the object as the server has it then, empty where it is gone."""

    uid: str = ""
    version: str = ""


def prepare(writer: Writer, change: Change) -> PreparedChange:
    """Holds the change against the cluster and tries it there (dry run). Writes nothing.

    Raises `Stale`, `Kept`, `kube.writes.Conflict` where another manager applies one of the fields, and `Refused` where
    the server or its admission refuses.
    """
    target = _target(writer, change)
    live = writer.read(target)
    if _is_there(change, live):
        return PreparedChange(change=change, target=target, way="nothing", live=live)
    _refuse_stale(change, live, whole=True)
    _refuse_redacted(change)
    owner = owner_of(live) if live is not None else None
    if owner is not None:
        raise _kept(change, owner)
    if live is None:
        body = {**(change.after or {}), "apiVersion": _api_version(target)}
        writer.apply(target, body, dry_run=True)
        return PreparedChange(change=change, target=target, way="apply", body=body)
    if change.after is None:
        _refuse_held(change, _applied_whole(live))
        uid, version = _identity(live)
        writer.delete(target, uid=uid, version=version, dry_run=True)
        return PreparedChange(change=change, target=target, way="delete", live=live)
    return _update(writer, change, target, live)


def restore(writer: Writer, written: WrittenChange) -> PreparedChange:
    """Tries what takes one change back; where the object is as it was before it, that is nothing.

    Raises as `prepare` does, and `Stale` for an object that is not the one that was written: made anew since, or never
    written by meshdoctor at all. What others were found to hold before the fix, they still do: only who came since is
    asked.
    """
    change = inverse(written.change)
    target = _target(writer, change)
    live = writer.read(target)
    if live is None or change.before is None or _is_there(change, live):
        return prepare(writer, change)
    _refuse_stale(change, live, whole=change.after is None)
    _refuse_stranger(written, live)
    if change.after is None:
        return prepare(writer, change)
    owner = owner_of(live)
    if owner is not None:
        raise _kept(change, owner)
    _refuse_redacted(change)
    patch = _patch(change)
    given_up = _given_up(writer, target, live, patch)
    if given_up is not None:
        return PreparedChange(change=change, target=target, way="apply", live=live, body=given_up)
    _refuse_held(change, _held(live, patch, None))
    writer.edit(target, patch, version=_identity(live)[1], dry_run=True)
    return PreparedChange(change=change, target=target, way="edit", live=live, body=patch)


def _given_up(writer: Writer, target: WriteTarget, live: Object, patch: Object) -> Object | None:
    """An apply that declares nothing any more, where that alone takes the fix back: it touches no one else's field."""
    if not _declares(live):
        return None
    names = {"name": target.name, "namespace": target.namespace}
    body = {"apiVersion": _api_version(target), "kind": live.get("kind"), "metadata": names}
    tried = writer.apply(target, body, dry_run=True)
    return body if tried.get("spec") == _edited(live, patch).get("spec") else None


def write(writer: Writer, prepared: PreparedChange) -> WriteOutcome:
    """Does it. Raises `Conflict` where somebody wrote since `prepare`, and what `Session.send` raises."""
    live = prepared.live
    if prepared.way == "nothing":
        return WriteOutcome(*_identity(live)) if live is not None else WriteOutcome()
    if prepared.way == "apply":
        body = prepared.body
        if live is None and writer.read(prepared.target) is not None:
            # No apply can ask that there be nothing yet: it would mix with what another made meanwhile.
            raise Conflict(f"somebody made {prepared.change.key} since it was looked for")
        if live is not None:
            # An apply that names a resourceVersion is refused where somebody wrote meanwhile.
            body = {**body, "metadata": {**body["metadata"], "resourceVersion": _identity(live)[1]}}
        return WriteOutcome(*_identity(writer.apply(prepared.target, body)))
    assert live is not None
    uid, version = _identity(live)
    if prepared.way == "delete":
        writer.delete(prepared.target, uid=uid, version=version)
        return WriteOutcome()
    return WriteOutcome(*_identity(writer.edit(prepared.target, prepared.body, version=version)))


def inverse(change: Change) -> Change:
    """What undoes the change."""
    return Change(key=change.key, before=change.after, after=change.before)


def _update(writer: Writer, change: Change, target: WriteTarget, live: Object) -> PreparedChange:
    patch = _patch(change)
    edited = _edited(live, patch)
    body = _declared(change, patch, _api_version(target))
    version = _identity(live)[1]
    conflict: Conflict | None = None
    try:
        tried = writer.apply(target, body, dry_run=True)
    except Conflict as problem:
        if not problem.fields:
            raise
        conflict = problem
    except Refused as problem:
        # Items of a list are merged by key: a renamed port would stand beside the old one. The edit is tried below.
        if problem.status != _INVALID:
            raise
    else:
        # A second apply gives up what the first one declared; and an apply removes nothing that others wrote.
        if tried.get("spec") == edited.get("spec") and not _declares(live):
            return PreparedChange(change=change, target=target, way="apply", live=live, body=body)
    _refuse_held(change, _held(live, patch, conflict))
    writer.edit(target, patch, version=version, dry_run=True)
    beside = writers(live, MANAGER)
    return PreparedChange(change=change, target=target, way="edit", live=live, body=patch, beside=beside)


def _held(live: Object, patch: Object, conflict: Conflict | None) -> tuple[FieldConflict, ...]:
    """The fields that another manager applies; what an update left behind is nobody's claim.

    A conflict names what would be set; what would be taken out an apply never meets.
    """
    applying = appliers(live, MANAGER)
    met = [field for field in conflict.fields if field.manager in applying] if conflict is not None else []
    found = [FieldConflict(*held) for held in holders(live, patch, MANAGER)]
    return tuple(met or found)


def _applied_whole(live: Object) -> tuple[FieldConflict, ...]:
    """Who applies anything of an object: they make it anew where it is deleted."""
    return tuple(FieldConflict(printable(manager), "the object") for manager in sorted(appliers(live, MANAGER)))


def _refuse_held(change: Change, held: tuple[FieldConflict, ...]) -> None:
    if held:
        fields = ", ".join(f"{f.field} (by {f.manager})" for f in held)
        raise Conflict(
            f"{change.key}: another field manager applies {fields} and would take it back. Nothing was changed: "
            "change it where that manager has it from, --export writes the manifest",
            held,
        )


def _refuse_stranger(written: WrittenChange, live: Object) -> None:
    """Raise where the object is as the fix leaves it, and is not the fix's work."""
    key = written.change.key
    if written.uid:
        if written.uid != _identity(live)[0]:
            raise Stale(f"{key} was deleted and made anew since the fix: it is not meshdoctor's to take back")
        return
    # Nobody knows whether it was written. Managers are told by what they set: who only took fields out leaves no trace.
    managers = (live.get("metadata") or {}).get("managedFields") or []
    left_a_trace = written.change.before is None or _sets_something(_patch(written.change))
    if managers and left_a_trace and not any(one.get("manager") == MANAGER for one in managers):
        who = ", ".join(writers(live, MANAGER))
        raise Stale(f"{key} is as the fix was to leave it, by the work of others ({who}): nothing is taken back")


def _target(writer: Writer, change: Change) -> WriteTarget:
    key = change.key
    return writer.target(key.api_version, key.kind, key.namespace, key.name)


def _api_version(target: WriteTarget) -> str:
    return f"{target.kind.group}/{target.version}"


def _patch(change: Change) -> Object:
    return merge_patch(change.before or {}, change.after or {})


def _declared(change: Change, patch: Object, api_version: str) -> Object:
    """The object's name and those top fields of its spec that change, whole: what an apply declares."""
    assert change.after is not None
    names = change.after.get("metadata") or {}
    key = change.key
    body: Object = {
        "apiVersion": api_version,
        "kind": key.kind,
        "metadata": {"name": key.name, "namespace": key.namespace},
    }
    if "metadata" in patch:
        body["metadata"] |= {field: names[field] for field in patch["metadata"] if field in names}
    spec = change.after.get("spec") or {}
    changed = patch.get("spec") or {}
    body["spec"] = {field: spec[field] for field in changed if field in spec}
    return body


def _sets_something(patch: Any) -> bool:
    return any(map(_sets_something, patch.values())) if isinstance(patch, dict) else patch is not None


def _edited(live: Object, patch: Object) -> Object:
    edited: Object = merged(live, patch)
    return edited


def _declares(live: Object) -> bool:
    """meshdoctor applied this object before."""
    fields = (live.get("metadata") or {}).get("managedFields") or []
    return any(f.get("manager") == MANAGER and f.get("operation") == "Apply" for f in fields if isinstance(f, dict))


def _is_there(change: Change, live: Object | None) -> bool:
    """The cluster has what the change is to bring: an interrupted fix goes on from here."""
    if live is None:
        return change.after is None
    if change.after is None:
        return False
    if change.before is None:
        return _plain(live).get("spec") == change.after.get("spec")
    patch = _patch(change)
    seen = _plain(live)
    return bool(patch) and _edited(seen, patch) == seen


def _refuse_stale(change: Change, live: Object | None, *, whole: bool) -> None:
    """Raise where the cluster's object is not the change's `before`; not `whole`: in what the change touches."""
    key = change.key
    if change.before is None:
        if live is not None:
            raise Stale(f"{key} exists by now, and is not the one to be made. Nothing was changed: check again")
        return
    if live is None:
        raise Stale(f"{key} was deleted since it was read. Nothing was changed: check again")
    seen = _plain(live)
    if whole or change.after is None:
        is_fresh = seen.get("spec") == change.before.get("spec")
    else:
        is_fresh = _edited(seen, merge_patch(change.after, change.before)) == seen
    if not is_fresh:
        who = ", ".join(writers(live, MANAGER)) or "somebody"
        raise Stale(f"{key} was changed since it was read (by {who}). Nothing was changed: check again")


def _refuse_redacted(change: Change) -> None:
    """Raise where a secret would have to be written, or written back by an undo: meshdoctor has only its mark.

    Of an update only what changes counts: a merge patch leaves the rest alone, but gives a list whole.
    """
    if change.before is None or change.after is None:
        written: list[Any] = [change.before, change.after]
    else:
        written = [_patch(change), merge_patch(change.after, change.before)]
    if REDACTED in str(written):
        raise NotApplied(
            f"{change.key} holds a secret, which meshdoctor never keeps: it could write or put back only a mark in its "
            "place. Nothing was changed: make the change by hand"
        )


def _plain(live: Object) -> Object:
    """The object as it was read for the diagnosis: without what is redacted, and without what the server adds."""
    return redact_object("", copy.deepcopy(live), Removals())


def _identity(live: Object) -> tuple[str, str]:
    metadata = live.get("metadata") or {}
    return str(metadata.get("uid", "")), str(metadata.get("resourceVersion", ""))


def _kept(change: Change, owner: Owner) -> ManagedElsewhere:
    return ManagedElsewhere(
        f"{change.key} is kept by {owner.tool} ({owner.sign}), which would undo the change. Nothing was changed: make "
        "it where the object comes from, --export writes the manifest"
    )
