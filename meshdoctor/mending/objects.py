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

from meshdoctor.collect.redact import Removals, redact_object
from meshdoctor.errors import NotApplied
from meshdoctor.fixes.differences import merge_patch
from meshdoctor.fixes.owners import Owner, appliers, holders, owner_of, writers
from meshdoctor.kube.session import Refused
from meshdoctor.kube.writes import MANAGER, Conflict, FieldConflict, Target, Writer
from meshdoctor.model.mend import Change

Object = dict[str, Any]
_INVALID = 422

Way = Literal["apply", "edit", "delete", "nothing"]


class Stale(NotApplied):
    """The object is not what the preview rests on."""


class Kept(NotApplied):
    """The object is kept by a tool that would undo the change."""


class Prepared(Struct, frozen=True, kw_only=True):
    """A change as it will be written, tried on the server."""

    change: Change
    target: Target
    way: Way
    live: Object | None = None
    """The object as the server has it, with its metadata."""
    body: Object = {}
    """What is applied, or the merge patch of an edit."""
    beside: tuple[str, ...] = ()
    """Field managers that wrote the fields that are edited: their next apply of an old file takes the mend back."""


class Outcome(Struct, frozen=True):
    """What a write left: identity of the object as the server has it then, empty where it is gone."""

    uid: str = ""
    version: str = ""


def prepare(writer: Writer, change: Change, *, owned_too: bool = False) -> Prepared:
    """Holds the change against the cluster and tries it there (dry run). Writes nothing.

    `owned_too` lets a change to another tool's object pass: for an undo, which gives back what that tool had made.

    Raises `Stale`, `Kept`, `kube.writes.Conflict` where another manager applies one of the fields, and `Refused` where
    the server or its admission refuses.
    """
    target = _target(writer, change)
    live = writer.read(target)
    if _is_there(change, live):
        return Prepared(change=change, target=target, way="nothing", live=live)
    _refuse_stale(change, live, whole=True)
    owner = owner_of(live) if live is not None else None
    if owner is not None and not owned_too:
        raise _kept(change, owner)
    if live is None:
        body = {**(change.after or {}), "apiVersion": _api_version(target)}
        writer.apply(target, body, dry_run=True)
        return Prepared(change=change, target=target, way="apply", body=body)
    if change.after is None:
        uid, version = _identity(live)
        writer.delete(target, uid=uid, version=version, dry_run=True)
        return Prepared(change=change, target=target, way="delete", live=live)
    return _update(writer, change, target, live)


def restore(writer: Writer, change: Change) -> Prepared:
    """The same for an undo of an update: what was written before it by others stays theirs, so nobody is asked."""
    target = _target(writer, change)
    live = writer.read(target)
    if change.action != "update" or live is None or _is_there(change, live):
        return prepare(writer, change, owned_too=True)
    _refuse_stale(change, live, whole=False)
    patch = _patch(change)
    writer.edit(target, patch, version=_identity(live)[1], dry_run=True)
    return Prepared(change=change, target=target, way="edit", live=live, body=patch)


def write(writer: Writer, prepared: Prepared) -> Outcome:
    """Does it. Raises `Conflict` where somebody wrote since `prepare`, and what `Session.send` raises."""
    live = prepared.live
    if prepared.way == "nothing":
        return Outcome(*_identity(live)) if live is not None else Outcome()
    if prepared.way == "apply":
        body = prepared.body
        if live is not None:
            # An apply that names a resourceVersion is refused where somebody wrote meanwhile.
            body = {**body, "metadata": {**body["metadata"], "resourceVersion": _identity(live)[1]}}
        return Outcome(*_identity(writer.apply(prepared.target, body)))
    assert live is not None
    uid, version = _identity(live)
    if prepared.way == "delete":
        writer.delete(prepared.target, uid=uid, version=version)
        return Outcome()
    return Outcome(*_identity(writer.edit(prepared.target, prepared.body, version=version)))


def inverse(change: Change) -> Change:
    """What undoes the change."""
    return Change(key=change.key, before=change.after, after=change.before)


def _update(writer: Writer, change: Change, target: Target, live: Object) -> Prepared:
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
            return Prepared(change=change, target=target, way="apply", live=live, body=body)
    held = _held(live, patch, conflict)
    if held:
        fields = ", ".join(f"{f.field} (by {f.manager})" for f in held)
        raise Conflict(
            f"{change.key}: another field manager applies {fields} and would take it back. Nothing was changed: "
            "change it where that manager has it from, --export writes the manifest",
            held,
        )
    writer.edit(target, patch, version=version, dry_run=True)
    beside = writers(live, MANAGER)
    return Prepared(change=change, target=target, way="edit", live=live, body=patch, beside=beside)


def _held(live: Object, patch: Object, conflict: Conflict | None) -> tuple[FieldConflict, ...]:
    """The fields that another manager applies; what an update left behind is nobody's claim."""
    if conflict is None:
        return tuple(FieldConflict(*held) for held in holders(live, patch, MANAGER))
    applying = appliers(live, MANAGER)
    return tuple(field for field in conflict.fields if field.manager in applying)


def _target(writer: Writer, change: Change) -> Target:
    key = change.key
    return writer.target(key.api_version, key.kind, key.namespace, key.name)


def _api_version(target: Target) -> str:
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


def _edited(live: Object, patch: Object) -> Object:
    edited: Object = _merged(copy.deepcopy(live), patch)
    return edited


def _merged(tree: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    made = tree if isinstance(tree, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _merged(made.get(key), value)
    return made


def _declares(live: Object) -> bool:
    """meshdoctor applied this object before."""
    fields = (live.get("metadata") or {}).get("managedFields") or []
    return any(f.get("manager") == MANAGER and f.get("operation") == "Apply" for f in fields if isinstance(f, dict))


def _is_there(change: Change, live: Object | None) -> bool:
    """The cluster has what the change is to bring: an interrupted mend goes on from here."""
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


def _plain(live: Object) -> Object:
    """The object as it was read for the diagnosis: without what is redacted, and without what the server adds."""
    return redact_object("", copy.deepcopy(live), Removals())


def _identity(live: Object) -> tuple[str, str]:
    metadata = live.get("metadata") or {}
    return str(metadata.get("uid", "")), str(metadata.get("resourceVersion", ""))


def _kept(change: Change, owner: Owner) -> Kept:
    return Kept(
        f"{change.key} is kept by {owner.tool} ({owner.sign}), which would undo the change. Nothing was changed: make "
        "it where the object comes from, --export writes the manifest"
    )
