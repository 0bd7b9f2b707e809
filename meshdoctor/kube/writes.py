"""The only way to the cluster's objects that changes them: server-side apply, an edit, a deletion.

Nothing is forced. An apply meets the fields of other managers as a `Conflict`; an edit and a deletion carry the
resourceVersion they rest on, so that whoever wrote in between is not overwritten
(https://kubernetes.io/docs/reference/using-api/server-side-apply/).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline
from meshdoctor.kube.list_objects import Kind, Lister, NotInstalled, decoded
from meshdoctor.kube.read_kinds import CHANGED
from meshdoctor.kube.session import Refused, Session
from meshdoctor.text.printable import printable

MANAGER = "meshdoctor"
"""The field manager of everything that is written."""
SECONDS = 30.0
"""For one request."""

_APPLY, _MERGE, _JSON = "application/apply-patch+yaml", "application/merge-patch+json", "application/json"
_MODIFIED, _GONE, _CONFLICT = "the object has been modified", 404, 409

Object = dict[str, Any]


class WriteTarget(Struct, frozen=True):
    """One object of a cluster. `version` is the API version that it is read and written in, `v1`."""

    kind: Kind
    version: str
    namespace: str
    name: str

    @property
    def folder(self) -> str:
        """The path of its kind in its namespace."""
        return f"/apis/{self.kind.group}/{self.version}/namespaces/{quote(self.namespace, safe='')}/{self.kind.plural}"

    @property
    def path(self) -> str:
        """Its own path."""
        # A name that ends the path would take the query with it, and with that the dry run.
        return f"{self.folder}/{quote(self.name, safe='')}"


class FieldConflict(Struct, frozen=True):
    """A field that another manager holds: `.spec.ports[name="tcp"].protocol`."""

    manager: str
    field: str


class Conflict(Refused):
    """Others hold what was to be changed, or changed it meanwhile. Nothing was written.

    `fields` is empty where the object as a whole was written since it was read.
    """

    def __init__(self, message: str, fields: tuple[FieldConflict, ...] = ()) -> None:
        super().__init__(_CONFLICT, message)
        self.fields = fields


class Right(Struct, frozen=True):
    """Whether the account may do something, and what the server says if not."""

    allowed: bool
    because: str = ""


def target_of(api_version: str, kind: str, namespace: str, name: str) -> WriteTarget:
    """Where an object lives. Raises `Unreadable` for a kind that meshdoctor never changes."""
    group, _, version = api_version.partition("/")
    known = CHANGED.get(kind)
    if known is None or group != known.group or not version:
        raise Unreadable(f"{kind} of {api_version} is no kind that meshdoctor changes: apply it by hand")
    return WriteTarget(known, version, namespace, name)


class Writer:
    """Reads and changes single objects of one cluster. Safe to use from several threads."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._lister = Lister(session)
        self._kinds: dict[str, frozenset[str]] = {}

    def target(self, api_version: str, kind: str, namespace: str, name: str) -> WriteTarget:
        """Where an object lives on this server: in the version it is written in, else in one that is served.

        Raises `Unreadable` for a kind that meshdoctor never changes or that is not installed.
        """
        wanted = target_of(api_version, kind, namespace, name)
        if not namespace or name in ("", ".", ".."):
            raise Unreadable(
                f"{kind} {printable(f'{namespace}/{name}')} names no object: give it a name, apply by hand"
            )
        group = wanted.kind.group
        for version in dict.fromkeys([wanted.version, *self._lister.versions(group, Deadline(SECONDS))]):
            if wanted.kind.plural in self._served(f"/apis/{group}/{version}"):
                return WriteTarget(wanted.kind, version, namespace, name)
        raise NotInstalled(f"{wanted.kind} is not installed in this cluster")

    def _served(self, path: str) -> frozenset[str]:
        """Plurals of the kinds that one version of a group has; empty where it is not served."""
        if path not in self._kinds:
            try:
                found = _object(self.session.get(path, deadline=Deadline(SECONDS)), path).get("resources")
            except Refused as problem:
                if problem.status != _GONE:
                    raise
                found = None
            self._kinds[path] = frozenset(str(one.get("name")) for one in found or () if isinstance(one, dict))
        return self._kinds[path]

    def read(self, target: WriteTarget) -> Object | None:
        """The object as the server has it now; None where it is not there. Raises what `Session.get` raises."""
        try:
            return _object(self.session.get(target.path, deadline=Deadline(SECONDS)), target.path)
        except Refused as problem:
            if problem.status == _GONE:
                return None
            raise

    def apply(self, target: WriteTarget, body: Object, *, dry_run: bool = False) -> Object:
        """Server-side apply: the fields of `body` are meshdoctor's from now on. Gives the object as it is then.

        Raises `Conflict` where another manager holds one of the fields, and what `Session.send` raises.
        """
        return self._send("PATCH", target.path, body, _APPLY, dry_run)

    def edit(self, target: WriteTarget, patch: Object, *, version: str, dry_run: bool = False) -> Object:
        """A JSON merge patch on the object of this resourceVersion and no other. Raises as `apply` does."""
        metadata = {**patch.get("metadata", {}), "resourceVersion": version}
        return self._send("PATCH", target.path, {**patch, "metadata": metadata}, _MERGE, dry_run)

    def delete(self, target: WriteTarget, *, uid: str, version: str, dry_run: bool = False) -> None:
        """Deletes the object of this uid and resourceVersion and no other. Raises as `apply` does."""
        options: Object = {"preconditions": {"uid": uid, "resourceVersion": version}}
        if dry_run:
            options["dryRun"] = ["All"]
        self._send("DELETE", target.path, options, _JSON, dry_run=False, manager=False)

    def cluster(self) -> str:
        """What tells this cluster from any other: the uid of kube-system; empty where that may not be listed."""
        path, params = "/api/v1/namespaces", [("fieldSelector", "metadata.name=kube-system")]
        try:
            found = _object(self.session.get(path, params, deadline=Deadline(SECONDS)), path).get("items")
        except Unreadable:
            return ""
        named = [one.get("metadata") or {} for one in found or () if isinstance(one, dict)]
        return next((str(one.get("uid") or "") for one in named if one.get("name") == "kube-system"), "")

    def may(self, verb: str, target: WriteTarget) -> Right:
        """Whether the server allows it, for any object where `target` has no name.

        Asked by SelfSubjectAccessReview, which every account may create. A server that does not answer the question
        allows: the dry run asks again.
        """
        attributes = {
            "group": target.kind.group,
            "resource": target.kind.plural,
            "namespace": target.namespace,
            "name": target.name,
            "verb": verb,
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        try:
            status = self._send("POST", path, body, _JSON, dry_run=False, manager=False).get("status") or {}
        except Refused:
            return Right(True)
        if status.get("allowed"):
            return Right(True)
        named = f" {printable(target.name)}" if target.name else ""
        what = f"{verb} {target.kind}{named} in namespace {target.namespace}"
        reason = printable(str(status.get("reason") or ""))
        return Right(False, f"this account may not {what}" + (f" ({reason})" if reason else ""))

    def _send(
        self, method: str, path: str, body: Mapping[str, Any], kind: str, dry_run: bool, manager: bool = True
    ) -> Object:
        params: list[tuple[str, str]] = [("fieldManager", MANAGER), ("fieldValidation", "Strict")] if manager else []
        if dry_run:
            params.append(("dryRun", "All"))
        try:
            answer = self.session.send(
                method,
                path,
                params,
                deadline=Deadline(SECONDS),
                body=msgspec.json.encode(body),
                headers={"Content-Type": kind},
            )
        except Refused as problem:
            if problem.status == _CONFLICT:
                raise _conflict(problem) from None
            raise
        return _object(answer, path)


def _conflict(problem: Refused) -> Conflict:
    details = problem.answer.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    fields = tuple(
        FieldConflict(printable(_manager(str(cause.get("message", "")))), printable(str(cause.get("field", ""))))
        for cause in causes or ()
        if isinstance(cause, dict) and cause.get("reason") == "FieldManagerConflict"
    )
    if fields:
        held = ", ".join(f"{f.field} by {f.manager}" for f in fields)
        return Conflict(f"held by others: {held}", fields)
    if _MODIFIED in str(problem) or "Precondition" in str(problem) or "precondition" in str(problem):
        return Conflict("somebody wrote to it since it was read")
    return Conflict(str(problem))


def _manager(message: str) -> str:
    """`kubectl` of `conflict with "kubectl" using v1` (apimachinery managedfields/internal/conflict.go)."""
    return message.split('"')[1] if message.count('"') >= 2 else message


def _object(body: bytes, path: str) -> Object:
    found: Object = decoded(body, dict[str, Any], path)
    return found
