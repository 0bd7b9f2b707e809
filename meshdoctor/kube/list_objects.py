"""Lists objects by kind, in pages. A kind that is not installed or forbidden raises; it never looks empty."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline
from meshdoctor.kube.session import Params, Refused, Session

PAGE = 500
_GONE = 410


class NotInstalled(Unreadable):
    """The API server does not know the kind."""


class Kind(Struct, frozen=True):
    """One kind of object. `group` is empty for the core API."""

    group: str
    plural: str
    namespaced: bool = True

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


class KindList(Struct, frozen=True):
    """All objects of a kind as the server returned them; `kind` and `api_version` are those of each item."""

    kind: str
    api_version: str
    items: list[dict[str, Any]]


class _ListMetadata(Struct):
    next_page: str = msgspec.field(default="", name="continue")


class _ListPage(Struct, rename="camel"):
    items: list[dict[str, Any]] | None = None
    kind: str = ""
    api_version: str = ""
    metadata: _ListMetadata = msgspec.field(default_factory=_ListMetadata)


class _Version(Struct):
    version: str


class _Group(Struct, rename="camel"):
    versions: list[_Version] = msgspec.field(default_factory=list)
    preferred_version: _Version | None = None


class Lister:
    """Lists kinds; asks once which versions of an API group are served. Safe to use from several threads.

    Lists come from the API server's cache, which may be a moment behind etcd and costs the cluster little; where
    `is_fresh` from etcd, so that they have all that was written before.
    """

    def __init__(self, session: Session, *, is_fresh: bool = False) -> None:
        self._session = session
        self._is_fresh = is_fresh
        self._versions: dict[str, list[str]] = {}

    def versions(self, group: str, deadline: Deadline) -> list[str]:
        """Versions of an API group that are served, the preferred one first; empty where the group is not installed.

        Raises what `Session.get` raises. Where the server forbids the question, all versions that Istio ever had.
        """
        if group not in self._versions:
            try:
                found = decoded(self._session.get(f"/apis/{group}", deadline=deadline), _Group, f"/apis/{group}")
            except Refused as problem:
                if problem.status not in (403, 404):
                    raise
                self._versions[group] = [] if problem.status == 404 else ["v1", "v1beta1", "v1alpha3"]
            else:
                first = [found.preferred_version.version] if found.preferred_version else []
                self._versions[group] = list(dict.fromkeys([*first, *(v.version for v in found.versions)]))
        return self._versions[group]

    def list(self, kind: Kind, deadline: Deadline, *, namespace: str = "", labels: str = "") -> KindList:
        """All objects of a kind, of one namespace or of all, that match a label selector.

        Raises `NotInstalled`, and what `Session.get` raises.
        """
        roots = [f"/apis/{kind.group}/{v}" for v in self.versions(kind.group, deadline)] if kind.group else ["/api/v1"]
        place = f"/namespaces/{namespace}" if namespace and kind.namespaced else ""
        for root in roots:
            try:
                return self._all_pages(f"{root}{place}/{kind.plural}", labels, deadline)
            except Refused as problem:
                # A group's kinds do not all have its preferred version.
                if problem.status != 404:
                    raise
        raise NotInstalled(f"{kind} is not installed in this cluster")

    def _all_pages(self, path: str, labels: str, deadline: Deadline) -> KindList:
        try:
            return self._pages(path, labels, deadline, PAGE)
        except Refused as problem:
            # etcd has compacted the revision that the pages belong to: only one whole answer is consistent.
            if problem.status != _GONE:
                raise
            return self._pages(path, labels, deadline, 0)

    def _pages(self, path: str, labels: str, deadline: Deadline, limit: int) -> KindList:
        items: list[dict[str, Any]] = []
        after = ""
        while True:
            asked = {
                "limit": str(limit) if limit else "",
                "continue": after,
                "labelSelector": labels,
                # 0 is "any version", which the cache answers; older servers ignore the limit then. The pages after the
                # first have the version of their token, beside which none may be named
                # (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
                "resourceVersion": "" if after or self._is_fresh else "0",
            }
            params: Params = [(name, value) for name, value in asked.items() if value]
            page = decoded(self._session.get(path, params, deadline=deadline), _ListPage, path)
            items += page.items or []
            after = page.metadata.next_page
            if not after:
                return KindList(page.kind.removesuffix("List"), page.api_version, items)

    def get(self, kind: Kind, namespace: str, name: str, deadline: Deadline) -> dict[str, Any]:
        """One object of the core API. Raises what `Session.get` raises."""
        path = f"/api/v1/namespaces/{namespace}/{kind.plural}/{name}"
        found: dict[str, Any] = decoded(self._session.get(path, deadline=deadline), dict[str, Any], path)
        return found


def decoded(body: bytes, shape: Any, path: str) -> Any:
    """An answer decoded as the type `shape`. Raises `Unreadable`, naming `path`, for anything else."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise Unreadable(f"{path}: the answer is not that of an API server ({problem})") from None
