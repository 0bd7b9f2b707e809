"""Accounts at the lab's API server that may do only what given manifests allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from tests.lab.api import Api, Object
from tests.lab.control import ISSUER, ControlPlane

BOUND = frozenset({"ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Namespace"})


class Account(Struct, frozen=True):
    """A ServiceAccount, and a kubeconfig with a token of its own."""

    namespace: str
    name: str
    token: str
    kubeconfig: Path


def account_from(control: ControlPlane, manifests: Sequence[Object], *, expired: bool = False) -> Account:
    """Apply manifests that hold one ServiceAccount with its roles and bindings; a token for it.

    What an earlier test allowed an account of this name is taken from it. `expired` gives a token that was good until
    an hour ago. Raises StopIteration where there is no ServiceAccount.
    """
    account = next(o["metadata"] for o in manifests if o["kind"] == "ServiceAccount")
    _unbind(control.api, account["namespace"], account["name"])
    ordered = sorted(manifests, key=lambda o: (o["kind"] != "Namespace", o["kind"] != "ServiceAccount"))
    for given in ordered:
        if given["kind"] not in BOUND:
            raise ValueError(f"a manifest of kind {given['kind']} gives no permission")
        control.api.apply(given)
    wanted = next(o for o in manifests if o["kind"] == "ServiceAccount")
    made = control.api.request("GET", control.api.path(wanted))
    namespace, name, uid = (made["metadata"][key] for key in ("namespace", "name", "uid"))
    token = control.token_key.expired(ISSUER, namespace, name, uid) if expired else _token(control.api, made)
    path = control.folder / f"kubeconfig-{namespace}-{name}{'-expired' if expired else ''}"
    path.write_text(control.kubeconfig_for(name, token))
    return Account(namespace, name, token, path)


def account_allowed(control: ControlPlane, name: str, rules: Iterable[Object], *, expired: bool = False) -> Account:
    """A cluster-wide account with these RBAC rules and nothing else."""
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"lab-{name}"}
    group = "rbac.authorization.k8s.io/v1"
    return account_from(
        control,
        [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "default"}},
            {"apiVersion": group, "kind": "ClusterRole", "metadata": {"name": f"lab-{name}"}, "rules": list(rules)},
            {
                "apiVersion": group,
                "kind": "ClusterRoleBinding",
                "metadata": {"name": f"lab-{name}"},
                "roleRef": role,
                "subjects": [subject],
            },
        ],
        expired=expired,
    )


def _unbind(api: Api, namespace: str, name: str) -> None:
    for binding in api.listed("rbac.authorization.k8s.io/v1", "clusterrolebindings")["items"]:
        subjects = [(one["kind"], one.get("namespace"), one["name"]) for one in binding.get("subjects") or ()]
        if subjects == [("ServiceAccount", namespace, name)]:
            api.delete(binding)


def _token(api: Api, account: Object) -> str:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    answer = api.request("POST", f"{api.path(account)}/token", request)
    return str(answer["status"]["token"])
