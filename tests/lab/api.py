"""The lab's API server over plain HTTPS: server-side apply, lists, deletes. No kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import urllib3

from tests.lab.processes import LabError

Object = dict[str, Any]


class Refused(LabError):
    """The API server said no; `status` is the HTTP status."""

    def __init__(self, status: int, what: str, answer: str) -> None:
        super().__init__(f"{what}: {status} {answer}")
        self.status = status


class Api:
    """One account at the API server."""

    def __init__(self, server: str, authority: Path, token: str) -> None:
        self.server = server
        self._pool = urllib3.PoolManager(
            ca_certs=str(authority), maxsize=8, headers={"Authorization": f"Bearer {token}"}
        )
        self._plurals: dict[str, tuple[str, bool]] = {}

    def close(self) -> None:
        """Give up connections kept for the next request."""
        self._pool.clear()

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """The answer's JSON, or its text. Raises `Refused`, and urllib3's errors where there is no answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {**self._pool.headers, "Content-Type": kind}
        answer = self._pool.request(method, self.server + path, body=data, headers=headers, timeout=30, retries=False)
        if answer.status >= 300:
            raise Refused(answer.status, f"{method} {path}", _message(answer.data))
        is_json = "json" in answer.headers.get("Content-Type", "")
        return json.loads(answer.data) if is_json else answer.data.decode(errors="replace")

    def apply(self, given: Object, *, status: bool = False) -> Object:
        """Server-side apply of one object, or of its status."""
        path = self.path(given) + ("/status" if status else "")
        query = "?fieldManager=lab&force=true"
        applied: Object = self.request("PATCH", path + query, given, "application/apply-patch+yaml")
        return applied

    def apply_all(self, objects: Sequence[Object], *, status: bool = False) -> list[Object]:
        """Apply objects that do not depend on one another, or their status."""
        for version in {o["apiVersion"] for o in objects}:
            self._kinds(version)
        with ThreadPoolExecutor(6) as pool:
            return list(pool.map(lambda given: self.apply(given, status=status), objects))

    def put_all(self, objects: Sequence[Object]) -> list[Object]:
        """Create or replace objects as a person does, so that no field manager declares them."""
        for version in {o["apiVersion"] for o in objects}:
            self._kinds(version)
        with ThreadPoolExecutor(6) as pool:
            return list(pool.map(self._put, objects))

    def _put(self, given: Object) -> Object:
        path, manager = self.path(given), "?fieldManager=kubectl-create"
        try:
            made: Object = self.request("POST", path.rpartition("/")[0] + manager, given)
        except Refused as refusal:
            if refusal.status != 409:
                raise
            version = self.request("GET", path)["metadata"]["resourceVersion"]
            whole = {**given, "metadata": {**given["metadata"], "resourceVersion": version}}
            made = self.request("PUT", path + manager, whole)
        return made

    def items(self, version: str, plural: str, namespace: str = "") -> list[Object]:
        """Every object of a kind; `version` as in apiVersion."""
        found: list[Object] = self.request("GET", f"{self.root(version)}{_within(namespace)}/{plural}")["items"]
        return found

    def listed(self, version: str, plural: str) -> Object:
        """The List itself, as `kubectl get -A -o json` shows it."""
        answer: Object = self.request("GET", f"{self.root(version)}/{plural}")
        kind = answer["kind"].removesuffix("List")
        items = [{"apiVersion": answer["apiVersion"], "kind": kind} | item for item in answer["items"]]
        return {"apiVersion": "v1", "kind": "List", "items": items}

    def delete(self, given: Object) -> None:
        """Delete one object at once; one that is gone is fine."""
        try:
            self.request("DELETE", self.path(given), {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
        except Refused as refusal:
            if refusal.status != 404:
                raise

    def delete_all(self, objects: Iterable[Object]) -> None:
        """Delete objects, several at a time."""
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(self.delete, objects))

    def path(self, given: Object) -> str:
        """Where an object lives."""
        meta = given["metadata"]
        plural, namespaced = self._kind(given["apiVersion"], given["kind"])
        within = _within(meta.get("namespace", "default")) if namespaced else ""
        return f"{self.root(given['apiVersion'])}{within}/{plural}/{meta['name']}"

    @staticmethod
    def root(version: str) -> str:
        """The path of a group and version."""
        return f"/apis/{version}" if "/" in version else f"/api/{version}"

    def _kind(self, version: str, kind: str) -> tuple[str, bool]:
        """(plural, namespaced) of a kind."""
        key = f"{version}/{kind}"
        if key not in self._plurals:
            self._kinds(version)
        if key not in self._plurals:
            raise LabError(f"the API server knows no {kind} in {version}")
        return self._plurals[key]

    def _kinds(self, version: str) -> None:
        if any(key.rpartition("/")[0] == version for key in self._plurals):
            return
        for resource in self.request("GET", self.root(version))["resources"]:
            if "/" not in resource["name"]:
                self._plurals[f"{version}/{resource['kind']}"] = (resource["name"], resource["namespaced"])


def _within(namespace: str) -> str:
    return f"/namespaces/{namespace}" if namespace else ""


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data[:300].decode(errors="replace")


@cache
def plain_http() -> urllib3.PoolManager:
    """Connections to istiod's debug pages on loopback."""
    return urllib3.PoolManager(maxsize=8, retries=False, timeout=10)
