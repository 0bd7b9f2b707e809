"""Detects the tool that manages an object: Helm, Argo CD, Flux or an operator would undo a change to it.

Sources: helm.sh/docs/chart_best_practices/labels and pkg/action/validate.go of helm/helm;
argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking; fluxcd.io/flux/components/kustomize and helm, "labels";
fleet.rancher.io "bundle resource labels"; Kubernetes' well-known labels and owner references.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from meshdoctor.text.printable import printable

Object = Mapping[str, Any]


class Owner(Struct, frozen=True):
    """A tool that manages an object, and the label, annotation or manager that shows it."""

    tool: str
    sign: str


_MARKS = (
    ("Helm", "annotations", "meta.helm.sh/release-name"),
    ("Argo CD", "annotations", "argocd.argoproj.io/tracking-id"),
    ("Argo CD", "labels", "argocd.argoproj.io/instance"),
    ("Flux", "labels", "kustomize.toolkit.fluxcd.io/name"),
    ("Flux", "labels", "helm.toolkit.fluxcd.io/name"),
    ("Flux", "labels", "fluxcd.io/sync-gc-mark"),
    ("Fleet", "annotations", "objectset.rio.cattle.io/id"),
    ("Config Sync", "annotations", "configmanagement.gke.io/managed"),
    ("Config Sync", "annotations", "configsync.gke.io/resource-id"),
    ("kapp", "labels", "kapp.k14s.io/app"),
    ("an operator", "labels", "olm.owner"),
    ("an operator", "annotations", "operator-sdk/primary-resource"),
)
_MANAGERS = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "helm": "Helm",
    "fleetagent": "Fleet",
    "Terraform": "Terraform",
    "HashiCorp": "Terraform",
    "pulumi-kubernetes": "Pulumi",
    "kapp": "kapp",
    "configsync.gke.io:reconciler": "Config Sync",
}
_MANAGED_BY = "app.kubernetes.io/managed-by"
_BY_PERSON = frozenset({"", "kubectl", "istioctl", "meshdoctor", "manual", "hand", "none"})


def owner_of(body: Object) -> Owner | None:
    """The tool that manages the object, as its metadata and managedFields show; None where they show none."""
    return next(_owners(body), None)


def _owners(body: Object) -> Iterator[Owner]:
    metadata = _mapping(body.get("metadata"))
    labels, annotations = _mapping(metadata.get("labels")), _mapping(metadata.get("annotations"))
    for tool, place, name in _MARKS:
        value = (labels if place == "labels" else annotations).get(name)
        if value:
            yield Owner(tool, printable(f"{place.removesuffix('s')} {name}={value}"))
    by = str(labels.get(_MANAGED_BY) or "")
    if by.lower() not in _BY_PERSON:
        yield Owner(printable(by), printable(f"label {_MANAGED_BY}={by}"))
    for owner in _items(metadata.get("ownerReferences")):
        named = f"{owner.get('kind')} {owner.get('name')}"
        yield Owner("an operator", printable(f"owner reference to {named}"))
    for entry in _items(metadata.get("managedFields")):
        manager = str(entry.get("manager") or "")
        keeper = _MANAGERS.get(manager)
        if keeper and entry.get("subresource") != "status":
            yield Owner(keeper, printable(f"field manager {manager}"))


def appliers(body: Object, ours: str) -> frozenset[str]:
    """Field managers other than `ours` that own fields by server-side apply, and would set them again.

    Fields that an update wrote (kubectl create, edit, client-side apply) may be edited.
    """
    return frozenset(printable(str(entry.get("manager"))) for entry in _applied(body, ours))


def holders(body: Object, patch: Object, ours: str) -> tuple[tuple[str, str], ...]:
    """(manager, field) of the fields of a merge patch that a manager other than `ours` applies.

    managedFields name a field `f:spec`; a list or map without names below it is owned as a whole
    (sigs.k8s.io/structured-merge-diff, fieldpath/serialize.go).
    """
    return tuple(
        (printable(str(entry.get("manager"))), "." + ".".join(path))
        for path in _leaves(patch, ())
        for entry in _applied(body, ours)
        if _names(entry.get("fieldsV1"), path)
    )


def _applied(body: Object, ours: str) -> list[Mapping[str, Any]]:
    fields = _items(_mapping(body.get("metadata")).get("managedFields"))
    return [
        entry
        for entry in fields
        if entry.get("operation") == "Apply" and entry.get("manager") != ours and entry.get("subresource") != "status"
    ]


def _leaves(patch: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(patch, Mapping) and patch:
        for key, value in patch.items():
            yield from _leaves(value, (*path, str(key)))
    else:
        yield path


def _names(fields: Any, path: tuple[str, ...]) -> bool:
    """Whether a set of managed fields has the path or a part of it."""
    at = fields
    for segment in path:
        at = _mapping(at).get(f"f:{segment}")
        if at is None:
            return False
        if not [name for name in _mapping(at) if name != "."]:
            return True
    return True


def writers(body: Object, ours: str) -> tuple[str, ...]:
    """Field managers other than `ours` that wrote the object (not its status), in the server's order."""
    fields = _items(_mapping(body.get("metadata")).get("managedFields"))
    named = (str(entry.get("manager")) for entry in fields if entry.get("subresource") != "status")
    return tuple(dict.fromkeys(printable(name) for name in named if name != ours))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
