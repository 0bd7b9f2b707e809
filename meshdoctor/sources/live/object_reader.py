"""The cluster's objects as documents of the capture layout, secrets taken out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct, field

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline
from meshdoctor.kube.list_objects import Kind, KindList, Lister, NotInstalled
from meshdoctor.kube.read_kinds import CONFIG_MAPS, GATEWAYS, LISTED, PODS
from meshdoctor.kube.session import Refused, Session
from meshdoctor.model.evidence import Document, Unread
from meshdoctor.semantics.istio.egress_kinds import NETWORKING_GROUP
from meshdoctor.sources.documents import list_document
from meshdoctor.sources.live.live_pods import LivePod, read_pod
from meshdoctor.sources.live.thread_pool import ThreadPool
from meshdoctor.sources.redact import Removals, redact_object

SECONDS = 60.0
"""For all pages of one kind."""
_AT_ONCE = 8
_MESH_CONFIG = "istio"


class Scope(Struct, frozen=True):
    """Which pods are looked at."""

    namespaces: tuple[str, ...] = ()
    """Empty: all."""
    labels: str = ""
    """A label selector as kubectl takes it."""
    istio_namespace: str = "istio-system"


class Objects(Struct):
    """Objects by plural kind, and the pods among them."""

    documents: dict[str, Document] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    pods: list[LivePod] = field(default_factory=list)
    asked_for: frozenset[str] = frozenset()
    """`namespace/name` of the pods in scope; `pods` has those of gateways too."""
    has_istio: bool = True
    """False where the API server knows none of Istio's networking kinds."""


def read_objects(session: Session, scope: Scope, removals: Removals) -> Objects:
    """Everything that the rules and the trace look at. Kinds that cannot be read are named in `unread`.

    Raises `Unreadable` where not even pods can be listed: a cluster that does not answer, credentials that expired.
    """
    reader = _ObjectReader(session, scope, removals)
    # Alone and first: it says whether the server answers and the credentials are good.
    pods = reader.pods()
    reader.found.asked_for = frozenset(map(_key, pods))
    reader.kinds()
    reader.gateway_pods(pods)
    reader.keep("pods", KindList("Pod", "v1", pods))
    reader.config_maps()
    return reader.found


class _ObjectReader:
    def __init__(self, session: Session, scope: Scope, removals: Removals) -> None:
        self.session = session
        self.scope = scope
        self.removals = removals
        self.lister = Lister(session)
        self.gateways: list[dict[str, Any]] = []
        self.found = Objects()

    def pods(self) -> list[dict[str, Any]]:
        deadline = Deadline(SECONDS)
        spaces = self.scope.namespaces or ("",)
        try:
            return [pod for space in spaces for pod in self._pods_of(space, deadline)]
        except NotInstalled:
            raise Unreadable(
                f"{self.session.server} (context {self.session.context}) answers, but not as a Kubernetes API server: "
                "it knows no pods."
            ) from None
        except Refused as problem:
            if problem.status != 403 or self.scope.namespaces:
                raise _permission(problem) from None
            own = self.session.namespace
            try:
                pods = list(self._pods_of(own, deadline))
            except Refused:
                raise _permission(problem) from None
            self._miss("pods", f"only those of namespace {own}: {problem}")
            return pods

    def _pods_of(self, namespace: str, deadline: Deadline) -> Iterator[dict[str, Any]]:
        yield from self.lister.list(PODS, deadline, namespace=namespace, labels=self.scope.labels).items

    def kinds(self) -> None:
        pool = ThreadPool(self._list, at_once=_AT_ONCE, seconds=SECONDS)
        outcomes = {done.item: done for done in pool.run(LISTED)}
        absent = {kind for kind, done in outcomes.items() if isinstance(done.problem, NotInstalled)}
        self.found.has_istio = any(kind.group == NETWORKING_GROUP and kind not in absent for kind in LISTED)
        for kind in LISTED:
            done = outcomes[kind]
            if done.result is not None:
                if kind == GATEWAYS:
                    self.gateways = done.result.items
                self.keep(kind.plural, done.result)
            elif isinstance(done.problem, NotInstalled | Refused):
                self._miss(kind.plural, str(done.problem))
            elif isinstance(done.problem, Unreadable):
                self._miss(kind.plural, f"{kind}: {done.problem}")
            elif done.problem is not None:
                raise done.problem

    def _list(self, kind: Kind, deadline: Deadline) -> KindList:
        return self.lister.list(kind, deadline)

    def gateway_pods(self, pods: list[dict[str, Any]]) -> None:
        """Adds pods of gateways, which a way out may lead through, where only some of all pods are looked at."""
        if not (self.scope.namespaces or self.scope.labels):
            return
        known = {_key(pod) for pod in pods}
        for labels in sorted({_selector(gateway) for gateway in self.gateways} - {""}):
            try:
                found = self.lister.list(PODS, Deadline(SECONDS), labels=labels).items
            except Unreadable as problem:
                self._miss("pods", f"gateways with {labels}: {problem}")
                if isinstance(problem, Refused) and problem.status == 400:
                    continue  # this Gateway's selector alone is at fault
                return
            pods += [pod for pod in found if _key(pod) not in known]
            known.update(map(_key, found))

    def config_maps(self) -> None:
        """Those that pods' environments read, and Istio's mesh settings. Others are none of meshdoctor's business."""
        revisions = sorted({pod.revision for pod in self.found.pods if pod.revision})
        names = [_MESH_CONFIG, *(f"{_MESH_CONFIG}-{revision}" for revision in revisions if revision != "default")]
        wanted = dict.fromkeys((self.scope.istio_namespace, name) for name in names)
        wanted.update(dict.fromkeys((pod.namespace, name) for pod in self.found.pods for name in pod.config_maps))
        read = self._config_maps_read(list(wanted))
        place = self.scope.istio_namespace
        if read is not None and not any((place, name) in read for name in names):
            settings = f"no ConfigMap {' or '.join(names)} in namespace {place}"
            self._miss("configmaps", f"{settings}, so the mesh's own settings are not known (--istio-namespace)")
        if read is not None:
            self.keep("configmaps", KindList("ConfigMap", "v1", [read[key] for key in wanted if key in read]))

    def _config_maps_read(self, wanted: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]] | None:
        """Those that are there, None where not one could be read. One that does not exist is no missing evidence."""
        pool = ThreadPool(self._config_map, at_once=_AT_ONCE, seconds=SECONDS)
        outcomes = {done.item: done for done in pool.run(wanted)}
        read: dict[tuple[str, str], dict[str, Any]] = {}
        refusals: dict[str, str] = {}
        others: list[str] = []
        for place in wanted:
            result, problem = outcomes[place].result, outcomes[place].problem
            if result is not None:
                read[place] = result
            elif not isinstance(problem, Refused):
                others.append(f"{'/'.join(place)}: {problem}")
            elif problem.status != 404:
                refusals.setdefault(place[0], str(problem))
        # A role is the same for a whole namespace, and where nothing is allowed, for all of them: told once.
        missed = [*(list(refusals.values()) if read else list(refusals.values())[:1]), *others]
        for because in missed:
            self._miss("configmaps", because)
        return read if read or not missed else None

    def _config_map(self, place: tuple[str, str], deadline: Deadline) -> dict[str, Any]:
        return self.lister.get(CONFIG_MAPS, *place, deadline)

    def keep(self, plural: str, listed: KindList) -> None:
        path = f"resources/{plural}.yaml"
        items = [redact_object(path, item, self.removals) for item in _complete(listed)]
        self.found.documents[path] = list_document(path, items)
        if plural == "pods":
            self.found.pods = list(self._read_pods(items))

    def _read_pods(self, items: Iterable[dict[str, Any]]) -> Iterator[LivePod]:
        for item in items:
            try:
                yield read_pod(item)
            except msgspec.ValidationError as problem:
                self._miss("pods", f"{_key(item)}: {problem}")

    def _miss(self, plural: str, because: str) -> None:
        self.found.unread.append(Unread(f"resources/{plural}.yaml", because))


def _complete(listed: KindList) -> list[dict[str, Any]]:
    """Items with kind and apiVersion first, which the server leaves out inside a List."""
    return [{"apiVersion": listed.api_version, "kind": listed.kind, **item} for item in listed.items]


def _permission(problem: Refused) -> Unreadable:
    if problem.status != 403:
        return problem
    return Unreadable(f"pods cannot be listed. {problem}. `meshdoctor rbac` prints the role that is enough.")


def _key(body: dict[str, Any]) -> str:
    metadata = body.get("metadata") or {}
    return f"{metadata.get('namespace')}/{metadata.get('name')}"


def _selector(gateway: dict[str, Any]) -> str:
    selector = (gateway.get("spec") or {}).get("selector")
    return ",".join(f"{k}={v}" for k, v in sorted(selector.items())) if isinstance(selector, dict) else ""
