"""One change to one object of a cluster: compared with the object now, tried as a dry run, written.

A creation is a server-side apply, and so is an update where that gives the intended object without a conflict. A field
that was last written by an update (kubectl create, edit or client-side apply) is patched, as `kubectl edit` does. Where
another manager owns a field by server-side apply, nothing is written: that manager would overwrite it.
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
from meshdoctor.text.marks import is_redacted

Object = dict[str, Any]
_INVALID = 422

Way = Literal["apply", "edit", "delete", "nothing"]


class Stale(NotApplied):
    """The object has changed since it was read."""


class ManagedElsewhere(NotApplied):
    """The object is managed by a tool that would undo the change."""


class PreparedChange(Struct, frozen=True, kw_only=True):
    """A change as it will be written, after its dry run."""

    change: Change
    target: WriteTarget
    way: Way
    live: Object | None = None
    """The object as the server has it, with its metadata."""
    body: Object = {}
    """What is applied, or the merge patch of an edit."""
    other_writers: tuple[str, ...] = ()
    """Field managers that wrote the object: if they apply an old manifest again, the fix is undone."""


class WriteOutcome(Struct, frozen=True):
    """The object's uid and resourceVersion after a write, empty where it is deleted."""

    uid: str = ""
    version: str = ""


def prepare(writer: Writer, change: Change) -> PreparedChange:
    """Compares the change with the cluster's object and makes a dry run. Writes nothing.

    Raises `Stale`, `ManagedElsewhere`, `kube.writes.Conflict` where another manager applies one of the fields, and
    `Refused` where the server or its admission refuses.
    """
    target = _target(writer, change)
    live = writer.read(target)
    if _is_there(change, live):
        return PreparedChange(change=change, target=target, way="nothing", live=live)
    _refuse_stale(change, live, whole=True)
    _refuse_redacted(change)
    owner = owner_of(live) if live is not None else None
    if owner is not None:
        raise _managed(change, owner)
    if live is None:
        body = {**(change.after or {}), "apiVersion": _api_version(target)}
        writer.apply(target, body, dry_run=True)
        return PreparedChange(change=change, target=target, way="apply", body=body)
    if change.after is None:
        # Whoever applies a part of it would create it again.
        managers = sorted(appliers(live, MANAGER))
        _refuse_owned(change, tuple(FieldConflict(manager, "the object") for manager in managers))
        uid, version = _identity(live)
        writer.delete(target, uid=uid, version=version, dry_run=True)
        return PreparedChange(change=change, target=target, way="delete", live=live)
    return _update(writer, change, target, live)


def restore(writer: Writer, written: WrittenChange) -> PreparedChange:
    """Prepares the undo of one change; where the object is as before the change, nothing is to be written.

    Raises as `prepare` does, and `Stale` for an object that was created again since, or that meshdoctor never wrote.
    """
    change = inverse(written.change)
    target = _target(writer, change)
    live = writer.read(target)
    if live is None or change.before is None or _is_there(change, live):
        return prepare(writer, change)
    _refuse_stale(change, live, whole=change.after is None)
    _refuse_unwritten(written, live)
    if change.after is None:
        return prepare(writer, change)
    owner = owner_of(live)
    if owner is not None:
        raise _managed(change, owner)
    _refuse_redacted(change)
    patch = _patch(change)
    release = _release(writer, target, live, patch)
    if release is not None:
        return PreparedChange(change=change, target=target, way="apply", live=live, body=release)
    _refuse_owned(change, _owned_fields(live, patch, None))
    writer.edit(target, patch, version=_identity(live)[1], dry_run=True)
    return PreparedChange(change=change, target=target, way="edit", live=live, body=patch)


def _release(writer: Writer, target: WriteTarget, live: Object, patch: Object) -> Object | None:
    """An apply without fields, where that alone undoes the fix: it removes only what meshdoctor owns."""
    if not _declares(live):
        return None
    names = {"name": target.name, "namespace": target.namespace}
    body = {"apiVersion": _api_version(target), "kind": live.get("kind"), "metadata": names}
    tried = writer.apply(target, body, dry_run=True)
    return body if tried.get("spec") == merged(live, patch).get("spec") else None


def write(writer: Writer, prepared: PreparedChange) -> WriteOutcome:
    """Writes it. Raises `Conflict` where the object changed since `prepare`, and what `Session.send` raises."""
    live = prepared.live
    if prepared.way == "nothing":
        return WriteOutcome(*_identity(live)) if live is not None else WriteOutcome()
    if prepared.way == "apply":
        body = prepared.body
        if live is None and writer.read(prepared.target) is not None:
            # An apply cannot require that the object does not exist: it would merge with one created meanwhile.
            raise Conflict(f"{prepared.change.key} was created by somebody else since the dry run")
        if live is not None:
            # With a resourceVersion, the server refuses an apply to an object that has changed.
            body = {**body, "metadata": {**body["metadata"], "resourceVersion": _identity(live)[1]}}
        return WriteOutcome(*_identity(writer.apply(prepared.target, body)))
    assert live is not None
    uid, version = _identity(live)
    if prepared.way == "delete":
        writer.delete(prepared.target, uid=uid, version=version)
        return WriteOutcome()
    return WriteOutcome(*_identity(writer.edit(prepared.target, prepared.body, version=version)))


def inverse(change: Change) -> Change:
    """The change that undoes this one."""
    return Change(key=change.key, before=change.after, after=change.before)


def _update(writer: Writer, change: Change, target: WriteTarget, live: Object) -> PreparedChange:
    patch = _patch(change)
    edited = merged(live, patch)
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
        # Apply merges list items by key: a renamed port would be added beside the old one. The edit is tried below.
        if problem.status != _INVALID:
            raise
    else:
        # A second apply would remove what the first one set; and an apply removes no field of other managers.
        if tried.get("spec") == edited.get("spec") and not _declares(live):
            return PreparedChange(change=change, target=target, way="apply", live=live, body=body)
    _refuse_owned(change, _owned_fields(live, patch, conflict))
    writer.edit(target, patch, version=version, dry_run=True)
    others = writers(live, MANAGER)
    return PreparedChange(change=change, target=target, way="edit", live=live, body=patch, other_writers=others)


def _owned_fields(live: Object, patch: Object, conflict: Conflict | None) -> tuple[FieldConflict, ...]:
    """The fields of the patch that another manager owns by server-side apply.

    A conflict names the fields that would be set, but not those that would be removed.
    """
    applying = appliers(live, MANAGER)
    met = [field for field in conflict.fields if field.manager in applying] if conflict is not None else []
    found = [FieldConflict(*held) for held in holders(live, patch, MANAGER)]
    return tuple(met or found)


def _refuse_owned(change: Change, held: tuple[FieldConflict, ...]) -> None:
    if held:
        fields = ", ".join(f"{f.field} (by {f.manager})" for f in held)
        raise Conflict(
            f"{change.key}: another field manager applies {fields} and would undo the change. Nothing was changed: "
            "change its source; --export writes the manifest",
            held,
        )


def _refuse_unwritten(written: WrittenChange, live: Object) -> None:
    """Raise where the object has the change, but meshdoctor did not write it."""
    key = written.change.key
    if written.uid:
        if written.uid != _identity(live)[0]:
            raise Stale(f"{key} was deleted and created again since the fix. Nothing was undone")
        return
    # It is not known whether it was written. A manager that only removed fields is not in managedFields.
    managers = (live.get("metadata") or {}).get("managedFields") or []
    is_recorded = written.change.before is None or _sets_something(_patch(written.change))
    if managers and is_recorded and not any(one.get("manager") == MANAGER for one in managers):
        who = ", ".join(writers(live, MANAGER))
        raise Stale(f"{key} has the change, but {who} wrote it, not meshdoctor. Nothing was undone")


def _target(writer: Writer, change: Change) -> WriteTarget:
    key = change.key
    return writer.target(key.api_version, key.kind, key.namespace, key.name)


def _api_version(target: WriteTarget) -> str:
    return f"{target.kind.group}/{target.version}"


def _patch(change: Change) -> Object:
    return merge_patch(change.before or {}, change.after or {})


def _declared(change: Change, patch: Object, api_version: str) -> Object:
    """What an apply sends: the object's name, and the top-level fields of its spec that change, whole."""
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


def _declares(live: Object) -> bool:
    """meshdoctor applied this object before."""
    fields = (live.get("metadata") or {}).get("managedFields") or []
    return any(f.get("manager") == MANAGER and f.get("operation") == "Apply" for f in fields if isinstance(f, dict))


def _is_there(change: Change, live: Object | None) -> bool:
    """The object already has the change, as after an interrupted fix."""
    if live is None:
        return change.after is None
    if change.after is None:
        return False
    if change.before is None:
        return _plain(live).get("spec") == change.after.get("spec")
    patch = _patch(change)
    seen = _plain(live)
    return bool(patch) and merged(seen, patch) == seen


def _refuse_stale(change: Change, live: Object | None, *, whole: bool) -> None:
    """Raise where the object differs from the change's `before`; not `whole`: in a field that the change sets."""
    key = change.key
    if change.before is None:
        if live is not None:
            raise Stale(f"{key} was created by somebody else since it was read. Nothing was changed: check again")
        return
    if live is None:
        raise Stale(f"{key} was deleted since it was read. Nothing was changed: check again")
    seen = _plain(live)
    if whole or change.after is None:
        is_fresh = seen.get("spec") == change.before.get("spec")
    else:
        is_fresh = merged(seen, merge_patch(change.after, change.before)) == seen
    if not is_fresh:
        who = ", ".join(writers(live, MANAGER)) or "somebody"
        raise Stale(f"{key} was changed since it was read (by {who}). Nothing was changed: check again")


def _refuse_redacted(change: Change) -> None:
    """Raise where a secret, which meshdoctor redacts, would have to be written or restored.

    Of an update only the merge patch counts, which contains changed lists whole.
    """
    if change.before is None or change.after is None:
        written: list[Any] = [change.before, change.after]
    else:
        written = [_patch(change), merge_patch(change.after, change.before)]
    if is_redacted(str(written)):
        raise NotApplied(
            f"{change.key} contains a secret, which meshdoctor redacts: it can neither write nor restore it. Nothing "
            "was changed: make the change with kubectl"
        )


def _plain(live: Object) -> Object:
    """The object as the diagnosis reads it: redacted, and without the fields that the server sets."""
    return redact_object("", copy.deepcopy(live), Removals())


def _identity(live: Object) -> tuple[str, str]:
    metadata = live.get("metadata") or {}
    return str(metadata.get("uid", "")), str(metadata.get("resourceVersion", ""))


def _managed(change: Change, owner: Owner) -> ManagedElsewhere:
    return ManagedElsewhere(
        f"{change.key} is managed by {owner.tool} ({owner.sign}), which would undo the change. Nothing was changed: "
        f"change its source in {owner.tool}; --export writes the manifest"
    )
