"""Reads the cluster's objects into documents of the capture layout, without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
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
"""Time limit for all pages of one kind."""
_CONCURRENCY = 8
_MESH_CONFIG = "istio"
_VOLATILE = ("resourceVersion", "managedFields")


class Scope(Struct, frozen=True):
    """The pods to check."""

    namespaces: tuple[str, ...] = ()
    """Empty: all."""
    labels: str = ""
    """A label selector as kubectl takes it."""
    istio_namespace: str = "istio-system"


class Objects(Struct):
    """Objects by plural kind, and the pods among them."""

    documents: dict[str, Document] = field(default_factory=dict)
    fingerprints: dict[str, bytes] = field(default_factory=dict)
    """By path of the document: equal where its objects are, apart from fields that change by themselves."""
    unread: list[Unread] = field(default_factory=list)
    pods: list[LivePod] = field(default_factory=list)
    asked_for: frozenset[str] = frozenset()
    """`namespace/name` of the pods in scope; `pods` also has those of gateways."""
    has_istio: bool = True
    """False where the API server knows none of Istio's networking kinds."""


def read_objects(session: Session, scope: Scope, removals: Removals, *, is_fresh: bool = False) -> Objects:
    """All objects that the rules and the trace use. Kinds that cannot be read are listed in `unread`.

    `is_fresh`: with all that was written before, and not from the API server's cache.
    Raises `Unreadable` where not even pods can be listed: the cluster does not answer, or the credentials expired.
    """
    reader = _ObjectReader(session, scope, removals, Lister(session, is_fresh=is_fresh))
    # First and alone, because it shows whether the server answers and the credentials are valid.
    pods = reader.pods()
    reader.found.asked_for = frozenset(map(_key, pods))
    reader.kinds()
    reader.gateway_pods(pods)
    reader.add("pods", KindList("Pod", "v1", pods))
    reader.config_maps()
    return reader.found


class _ObjectReader:
    def __init__(self, session: Session, scope: Scope, removals: Removals, lister: Lister) -> None:
        self.session = session
        self.scope = scope
        self.removals = removals
        self.lister = lister
        self.selectors: set[str] = set()
        """Of the pods of Gateways."""
        self.found = Objects()

    def pods(self) -> list[dict[str, Any]]:
        deadline = Deadline(SECONDS)
        spaces = self.scope.namespaces or ("",)
        try:
            return [pod for space in spaces for pod in self._pods_of(space, deadline)]
        except NotInstalled:
            raise Unreadable(
                f"{self.session.server} (context {self.session.context}) answers, but it is not a Kubernetes API "
                "server: it does not know pods."
            ) from None
        except Refused as problem:
            if problem.status != 403 or self.scope.namespaces:
                raise _with_hint(problem) from None
            own = self.session.namespace
            try:
                pods = list(self._pods_of(own, deadline))
            except Refused:
                raise _with_hint(problem) from None
            self._note("pods", f"only pods of namespace {own} were listed: {problem}")
            return pods

    def _pods_of(self, namespace: str, deadline: Deadline) -> Iterator[dict[str, Any]]:
        yield from self.lister.list(PODS, deadline, namespace=namespace, labels=self.scope.labels).items

    def kinds(self) -> None:
        pool: ThreadPool[Kind, KindList] = ThreadPool(
            lambda kind, deadline: self.lister.list(kind, deadline), concurrency=_CONCURRENCY, seconds=SECONDS
        )
        # Objects are large while they are dicts, so each kind becomes a document as soon as it is read.
        problems: dict[Kind, Exception] = {}
        for done in pool.run(LISTED):
            if done.problem is not None:
                problems[done.item] = done.problem
            elif done.result is not None:
                if done.item == GATEWAYS:
                    self.selectors = {_selector(gateway) for gateway in done.result.items} - {""}
                self.add(done.item.plural, done.result)
        absent = {kind for kind, problem in problems.items() if isinstance(problem, NotInstalled)}
        self.found.has_istio = any(kind.group == NETWORKING_GROUP and kind not in absent for kind in LISTED)
        read = self.found.documents
        paths = [f"resources/{kind.plural}.yaml" for kind in LISTED]
        self.found.documents = {path: read[path] for path in paths if path in read}
        for kind in LISTED:
            if kind in problems:
                self._note_kind(kind, problems[kind])

    def _note_kind(self, kind: Kind, problem: Exception) -> None:
        if not isinstance(problem, Unreadable):
            raise problem
        self._note(kind.plural, str(problem) if isinstance(problem, NotInstalled | Refused) else f"{kind}: {problem}")

    def gateway_pods(self, pods: list[dict[str, Any]]) -> None:
        """Adds the pods of gateways where the scope is limited: egress may lead through them."""
        if not (self.scope.namespaces or self.scope.labels):
            return
        known = {_key(pod) for pod in pods}
        for labels in sorted(self.selectors):
            try:
                found = self.lister.list(PODS, Deadline(SECONDS), labels=labels).items
            except Unreadable as problem:
                self._note("pods", f"gateways with {labels}: {problem}")
                if isinstance(problem, Refused) and problem.status == 400:
                    continue  # this Gateway's selector alone is at fault
                return
            pods += [pod for pod in found if _key(pod) not in known]
            known.update(map(_key, found))

    def config_maps(self) -> None:
        """Reads the ConfigMaps in the environments of pods, and Istio's mesh configuration. No others are read."""
        revisions = sorted({pod.revision for pod in self.found.pods if pod.revision})
        names = [_MESH_CONFIG, *(f"{_MESH_CONFIG}-{revision}" for revision in revisions if revision != "default")]
        own = self.scope.istio_namespace
        keys = dict.fromkeys((own, name) for name in names)
        keys.update(dict.fromkeys((pod.namespace, name) for pod in self.found.pods for name in pod.config_maps))
        read = self._read_config_maps(list(keys))
        if read is not None and not any((own, name) in read for name in names):
            absent = f"there is no ConfigMap {' or '.join(names)} in namespace {own}"
            self._note("configmaps", f"{absent}, so the mesh configuration is not known (see --istio-namespace)")
        if read is not None:
            self.add("configmaps", KindList("ConfigMap", "v1", [read[key] for key in keys if key in read]))

    def _read_config_maps(self, keys: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]] | None:
        """The ConfigMaps that exist, None where none could be read. One that does not exist is not noted."""
        pool: ThreadPool[tuple[str, str], dict[str, Any]] = ThreadPool(
            lambda key, deadline: self.lister.get(CONFIG_MAPS, *key, deadline),
            concurrency=_CONCURRENCY,
            seconds=SECONDS,
        )
        outcomes = {done.item: done for done in pool.run(keys)}
        read: dict[tuple[str, str], dict[str, Any]] = {}
        refusals: dict[str, str] = {}
        others: list[str] = []
        for key in keys:
            result, problem = outcomes[key].result, outcomes[key].problem
            if result is not None:
                read[key] = result
            elif not isinstance(problem, Refused):
                others.append(f"{'/'.join(key)}: {problem}")
            elif problem.status != 404:
                refusals.setdefault(key[0], str(problem))
        # One note per namespace, because rights are; and one for all where nothing is allowed.
        unread = [*(list(refusals.values()) if read else list(refusals.values())[:1]), *others]
        for because in unread:
            self._note("configmaps", because)
        return read if read or not unread else None

    def add(self, plural: str, listed: KindList) -> None:
        path = f"resources/{plural}.yaml"
        # The server omits kind and apiVersion inside a List.
        head = {"apiVersion": listed.api_version, "kind": listed.kind}
        items = [redact_object(path, {**head, **item}, self.removals) for item in listed.items]
        self.found.documents[path] = list_document(path, items)
        self.found.fingerprints[path] = fingerprint(items)
        if plural == "pods":
            self.found.pods = list(self._read_pods(items))

    def _read_pods(self, items: Iterable[dict[str, Any]]) -> Iterator[LivePod]:
        for item in items:
            try:
                yield read_pod(item)
            except msgspec.ValidationError as problem:
                self._note("pods", f"{_key(item)}: {problem}")

    def _note(self, plural: str, because: str) -> None:
        self.found.unread.append(Unread(f"resources/{plural}.yaml", because))


def _with_hint(problem: Refused) -> Unreadable:
    if problem.status != 403:
        return problem
    return Unreadable(f"pods cannot be listed. {problem}. `meshdoctor rbac` prints a role that allows it.")


def _key(body: dict[str, Any]) -> str:
    metadata = body.get("metadata") or {}
    return f"{metadata.get('namespace')}/{metadata.get('name')}"


def _selector(gateway: dict[str, Any]) -> str:
    selector = (gateway.get("spec") or {}).get("selector")
    return ",".join(f"{k}={v}" for k, v in sorted(selector.items())) if isinstance(selector, dict) else ""


def fingerprint(items: Iterable[dict[str, Any]]) -> bytes:
    """Equal for equal objects in any order, but for fields that change by themselves."""
    digests = (
        blake2b(msgspec.json.encode(_without_volatile(item), order="deterministic"), digest_size=16) for item in items
    )
    return blake2b(b"".join(sorted(one.digest() for one in digests))).digest()


def _without_volatile(item: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in item.get("metadata", {}).items() if name not in _VOLATILE}
    status = item.get("status")
    if item.get("kind") == "Pod" and isinstance(status, dict):
        status = {name: status.get(name) for name in ("phase", "podIP", "podIPs")}
    return {**item, "metadata": metadata, "status": status}
