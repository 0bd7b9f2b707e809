"""What the fake API server does with a write: server-side apply, merge patch, deletion, dry run, access reviews.

As a real one does where lists are atomic (k8s.io/apimachinery, pkg/util/managedfields): a field of `spec` belongs to
whoever applied or updated it last; an apply of another value for a field of others is a conflict; resourceVersion, uid
and preconditions are held against the object as it is. Lists merged by key are the real server's, see tests/lab.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.cluster.apiserver import Answer, Asked, FakeApi

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"


def written(api: FakeApi, asked: Asked) -> Answer:
    """The answer to a POST, PATCH or DELETE, which takes place unless it is a dry run."""
    if asked.resource == "selfsubjectaccessreviews":
        return reviewed(api, asked)
    live = find(api, asked.resource, asked.namespace, asked.name)
    dry = asked.query.get("dryRun") == ["All"] or asked.body.get("dryRun") == ["All"]
    if asked.verb == "delete":
        return deleted(api, asked, live, dry=dry)
    made = applied(asked, live) if asked.headers["content-type"] == APPLY else merged(asked, live)
    if isinstance(made, tuple):
        return made
    if not dry:
        put(api, asked.resource, live, made)
    return (200 if live is not None else 201), json.dumps(made).encode()


def find(api: FakeApi, plural: str, namespace: str, name: str) -> Object | None:
    """The object as it is stored."""
    for item in api.objects[plural]:
        if (item["metadata"].get("namespace", ""), item["metadata"]["name"]) == (namespace, name):
            return item
    return None


def put(api: FakeApi, plural: str, live: Object | None, made: Object | None) -> None:
    """Stores, replaces or removes an object, and tells whoever waits for it."""
    items = api.objects[plural]
    if live is not None:
        items.remove(live)
    if made is not None:
        api.version += 1
        made["metadata"]["resourceVersion"] = str(api.version)
        made["metadata"].setdefault("uid", f"uid-{api.version}")
        items.append(made)
    api.on_write()


def reviewed(api: FakeApi, asked: Asked) -> Answer:
    """A SelfSubjectAccessReview, answered by the authoriser that answers all else."""
    from tests.cluster.apiserver import Asked

    wanted = asked.body["spec"]["resourceAttributes"]
    what = Asked(
        verb=wanted["verb"],
        group=wanted["group"],
        resource=wanted["resource"],
        namespace=wanted["namespace"],
        name=wanted.get("name", ""),
        path="",
        query={},
        headers={},
    )
    status = {"allowed": False, "reason": "no rule\x1b[31m"} if api.forbidden(what) else {"allowed": True}
    return 201, json.dumps({**asked.body, "status": status}).encode()


def deleted(api: FakeApi, asked: Asked, live: Object | None, *, dry: bool) -> Answer:
    """A deletion, if it is still the object that was meant."""
    from tests.cluster.apiserver import status

    if live is None:
        return status(404, f'{asked.resource} "{asked.name}" not found', "NotFound")
    for field, wanted in (asked.body.get("preconditions") or {}).items():
        if live["metadata"].get(field) != wanted:
            return status(409, f"Precondition failed: {field} in precondition: {wanted}", "Conflict")
    if not dry:
        put(api, asked.resource, live, None)
    return status(200, "", "")


def merged(asked: Asked, live: Object | None) -> Object | Answer:
    """RFC 7386, on the resourceVersion that it names."""
    from tests.cluster.apiserver import status

    if live is None:
        return status(404, f'{asked.resource} "{asked.name}" not found', "NotFound")
    if stale(asked, live):
        return modified(asked)
    made: Object = _merge(copy.deepcopy(live), asked.body)
    _own(made, asked.query["fieldManager"][0], "Update", set(asked.body.get("spec") or {}))
    return made


def applied(asked: Asked, live: Object | None) -> Object | Answer:
    """Server-side apply without force."""
    manager = asked.query["fieldManager"][0]
    spec = asked.body.get("spec") or {}
    if live is None:
        made = copy.deepcopy(asked.body)
        _own(made, manager, "Apply", set(spec))
        return made
    if asked.body["metadata"].get("resourceVersion") is not None and stale(asked, live):
        return modified(asked)
    held = [
        (str(entry["manager"]), field)
        for entry in live["metadata"].get("managedFields") or ()
        if entry["manager"] != manager
        for field in spec
        if f"f:{field}" in (entry["fieldsV1"].get("f:spec") or {}) and spec[field] != live["spec"].get(field)
    ]
    if held:
        return conflict(held)
    made = copy.deepcopy(live)
    ours = _owned(made, manager, "Apply")
    made["spec"] = {field: value for field, value in made["spec"].items() if field in spec or field not in ours} | spec
    _own(made, manager, "Apply", set(spec))
    return made


def stale(asked: Asked, live: Object) -> bool:
    """The request rests on another version than the one that is there."""
    wanted = asked.body["metadata"].get("resourceVersion")
    return wanted is not None and wanted != live["metadata"]["resourceVersion"]


def modified(asked: Asked) -> Answer:
    """The 409 of somebody who was slower."""
    from tests.cluster.apiserver import status

    text = "the object has been modified; please apply your changes to the latest version and try again"
    return status(409, f'Operation cannot be fulfilled on {asked.resource} "{asked.name}": {text}', "Conflict")


def conflict(held: list[tuple[str, str]]) -> Answer:
    """The 409 of server-side apply."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}" using v1', "field": f".spec.{field}"}
        for manager, field in held
    ]
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": f"Apply failed with {len(held)} conflict",
        "reason": "Conflict",
        "details": {"causes": causes},
        "code": 409,
    }
    return 409, json.dumps(body).encode()


def _merge(tree: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    made = tree if isinstance(tree, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _merge(made.get(key), value)
    return made


def _owned(made: Object, manager: str, operation: str) -> set[str]:
    entries = made["metadata"].get("managedFields") or ()
    return {
        field.removeprefix("f:")
        for entry in entries
        if (entry["manager"], entry["operation"]) == (manager, operation)
        for field in entry["fieldsV1"].get("f:spec") or {}
    }


def _own(made: Object, manager: str, operation: str, fields: set[str]) -> None:
    """Writes down who has the fields now. Who updates takes a field from all others; who applies shares it."""
    entries = []
    for entry in made["metadata"].get("managedFields") or ():
        if (entry["manager"], entry["operation"]) == (manager, operation):
            if operation == "Update":
                fields = fields | {field.removeprefix("f:") for field in entry["fieldsV1"].get("f:spec") or {}}
            continue
        left = entry["fieldsV1"].get("f:spec") or {}
        if operation == "Update":
            left = {field: below for field, below in left.items() if field.removeprefix("f:") not in fields}
        entries.append({**entry, "fieldsV1": {"f:spec": left}})
    own = {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {f"f:{name}": {} for name in fields}}}
    made["metadata"]["managedFields"] = [*entries, own]
