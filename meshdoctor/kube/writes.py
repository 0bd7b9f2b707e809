"""The only module that changes objects of a cluster: by server-side apply, an edit or a deletion.

Nothing is forced. An apply to fields of other managers raises `Conflict`; an edit and a deletion carry the
resourceVersion that they are based on, so that later changes of others are not overwritten
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
"""The field manager of all changes."""
SECONDS = 30.0
"""Time limit of one request."""

_APPLY, _MERGE, _JSON = "application/apply-patch+yaml", "application/merge-patch+json", "application/json"
_MODIFIED, _GONE, _CONFLICT = "the object has been modified", 404, 409

Object = dict[str, Any]


class WriteTarget(Struct, frozen=True):
    """One object of a cluster. `version` is the API version it is read and written in, `v1`."""

    kind: Kind
    version: str
    namespace: str
    name: str

    @property
    def folder(self) -> str:
        """API path of its kind in its namespace."""
        return f"/apis/{self.kind.group}/{self.version}/namespaces/{quote(self.namespace, safe='')}/{self.kind.plural}"

    @property
    def path(self) -> str:
        """API path of the object."""
        # Quoted, because a `?` in a name would swallow the query, and with it the dry run.
        return f"{self.folder}/{quote(self.name, safe='')}"


class FieldConflict(Struct, frozen=True):
    """A field that another manager owns: `.spec.ports[name="tcp"].protocol`."""

    manager: str
    field: str


class Conflict(Refused):
    """Other managers own fields of the change, or the object was changed meanwhile. Nothing was written.

    `fields` is empty where the object was changed since it was read.
    """

    def __init__(self, message: str, fields: tuple[FieldConflict, ...] = ()) -> None:
        super().__init__(_CONFLICT, message)
        self.fields = fields


class Right(Struct, frozen=True):
    """Whether the account may do something, and the server's reason if not."""

    allowed: bool
    because: str = ""


def target_of(api_version: str, kind: str, namespace: str, name: str) -> WriteTarget:
    """The object as a target. Raises `Unreadable` for a kind that meshdoctor never changes."""
    group, _, version = api_version.partition("/")
    known = CHANGED.get(kind)
    if known is None or group != known.group or not version:
        raise Unreadable(f"meshdoctor does not change objects of kind {kind} ({api_version}): apply it with kubectl")
    return WriteTarget(known, version, namespace, name)


class Writer:
    """Reads and changes single objects of one cluster. Safe to use from several threads."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._lister = Lister(session)
        self._kinds: dict[str, frozenset[str]] = {}

    def target(self, api_version: str, kind: str, namespace: str, name: str) -> WriteTarget:
        """The object in its own API version, else in one that this server serves.

        Raises `Unreadable` for a kind that meshdoctor never changes or that is not installed.
        """
        target = target_of(api_version, kind, namespace, name)
        if not namespace or name in ("", ".", ".."):
            shown = printable(f"{namespace}/{name}")
            raise Unreadable(f"{kind} {shown} has no valid namespace and name: apply it with kubectl")
        group = target.kind.group
        for version in dict.fromkeys([target.version, *self._lister.versions(group, Deadline(SECONDS))]):
            if target.kind.plural in self._served(f"/apis/{group}/{version}"):
                return WriteTarget(target.kind, version, namespace, name)
        raise NotInstalled(f"{target.kind} is not installed in this cluster")

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
        """The object as it is on the server; None where it does not exist. Raises what `Session.get` raises."""
        try:
            return _object(self.session.get(target.path, deadline=Deadline(SECONDS)), target.path)
        except Refused as problem:
            if problem.status == _GONE:
                return None
            raise

    def apply(self, target: WriteTarget, body: Object, *, dry_run: bool = False) -> Object:
        """Server-side apply, which makes meshdoctor the manager of the fields of `body`. Returns the changed object.

        Raises `Conflict` where another manager owns one of the fields, and what `Session.send` raises.
        """
        return self._send("PATCH", target.path, body, _APPLY, dry_run)

    def edit(self, target: WriteTarget, patch: Object, *, version: str, dry_run: bool = False) -> Object:
        """A JSON merge patch on exactly this resourceVersion of the object. Raises as `apply` does."""
        metadata = {**patch.get("metadata", {}), "resourceVersion": version}
        return self._send("PATCH", target.path, {**patch, "metadata": metadata}, _MERGE, dry_run)

    def delete(self, target: WriteTarget, *, uid: str, version: str, dry_run: bool = False) -> None:
        """Deletes exactly this uid and resourceVersion of the object. Raises as `apply` does."""
        options: Object = {"preconditions": {"uid": uid, "resourceVersion": version}}
        if dry_run:
            options["dryRun"] = ["All"]
        self._send("DELETE", target.path, options, _JSON, dry_run=False, manager=False)

    def cluster(self) -> str:
        """Identifies the cluster: the uid of namespace kube-system; empty where it may not be listed."""
        path, params = "/api/v1/namespaces", [("fieldSelector", "metadata.name=kube-system")]
        try:
            found = _object(self.session.get(path, params, deadline=Deadline(SECONDS)), path).get("items")
        except Unreadable:
            return ""
        named = [one.get("metadata") or {} for one in found or () if isinstance(one, dict)]
        return next((str(one.get("uid") or "") for one in named if one.get("name") == "kube-system"), "")

    def may(self, verb: str, target: WriteTarget) -> Right:
        """Whether the server allows it, for any object where `target` has no name.

        Asks by SelfSubjectAccessReview, which every account may create. Where the server does not answer that, the
        result is allowed: the dry run finds out.
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
        owned = ", ".join(f"{f.field} by {f.manager}" for f in fields)
        return Conflict(f"owned by other field managers: {owned}", fields)
    if _MODIFIED in str(problem) or "Precondition" in str(problem) or "precondition" in str(problem):
        return Conflict("the object was changed since it was read")
    return Conflict(str(problem))


def _manager(message: str) -> str:
    """`kubectl` in `conflict with "kubectl" using v1` (apimachinery managedfields/internal/conflict.go)."""
    return message.split('"')[1] if message.count('"') >= 2 else message


def _object(body: bytes, path: str) -> Object:
    found: Object = decoded(body, dict[str, Any], path)
    return found
