"""Reads a live cluster: its objects, the sidecars, and DNS answers for the hosts that they name.

The result is a `Capture`, the same that `meshdoctor capture` saves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from meshdoctor.errors import NothingToJudge
from meshdoctor.facts.dependencies.dns_names import forward_proxies_of, names_to_resolve
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.kube.login import log_in
from meshdoctor.kube.session import Session
from meshdoctor.model.evidence import Document, Unread
from meshdoctor.model.resolver import Resolver
from meshdoctor.semantics.kubernetes.label_selectors import read_selector
from meshdoctor.semantics.kubernetes.pod_selection import find_pod
from meshdoctor.sources.capture_layout import DNS
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.sources.live.dns_lookup import DnsResult, resolve_here, resolve_in_pods
from meshdoctor.sources.live.live_cluster import FetchObserver, LiveCluster
from meshdoctor.sources.redaction import Redaction
from meshdoctor.text.nearest import nearest

_NAMED = 5


def read_cluster(
    source: ClusterSource, watcher: FetchObserver | None = None, *, pod: str = "", hosts: Collection[str] | None = None
) -> LiveCluster:
    """Everything that `check` needs, or with `pod` only that one's sidecar; with `hosts` only their addresses.

    Raises `Unreadable` where the cluster cannot be read, `UsageError` for a context or a pod that is not there,
    `NothingToJudge` for a cluster without Istio.
    """
    cluster = open_cluster(source)
    only = _found(cluster, pod) if pod else ""
    cluster.fetch(watcher, (lambda key: key == only) if only else lambda key: True)
    if source.resolver is not Resolver.OFF and not cluster.interrupted:
        try:
            _resolve(cluster, source.resolver, _names(cluster, only, hosts))
        except KeyboardInterrupt:
            cluster.interrupted = True
            cluster.note([Unread(DNS, "interrupted before it was read")])
    return cluster


def open_cluster(source: ClusterSource, session: Session | None = None) -> LiveCluster:
    """The cluster with its objects, without sidecars. Raises as `read_cluster` does.

    `session`: one that is logged in, if any.
    """
    read_selector(source.scope.labels)
    session = session or Session(log_in(source.kubeconfig, source.context, source.pace.pod_seconds))
    cluster = LiveCluster(
        session, source.scope, source.pace, Redaction(keep_all=source.keep_all), is_fresh=source.is_fresh
    )
    _refuse_foreign(cluster)
    _refuse_empty(cluster)
    return cluster


def resolve(cluster: LiveCluster, resolver: Resolver) -> None:
    """Resolves the dependencies and the registered hosts, as far as they are known."""
    if resolver is not Resolver.OFF:
        _resolve(cluster, resolver, _names(cluster, "", None))


def _names(cluster: LiveCluster, pod: str, hosts: Collection[str] | None) -> dict[str, str]:
    """The names to resolve, and for which pod: the given hosts, which the pod may reach by a forward proxy, else
    dependencies and registered hosts."""
    if hosts is None:
        return names_to_resolve(read_mesh(cluster.capture()))
    proxies = forward_proxies_of(read_mesh(cluster.capture()), pod) if hosts else ()
    return dict.fromkeys((*hosts, *proxies), pod)


def _refuse_foreign(cluster: LiveCluster) -> None:
    """Raise where the cluster has no Istio: most often the context is wrong."""
    objects = cluster.objects
    if not objects.has_istio and not any(pod.has_sidecar for pod in objects.pods):
        raise NothingToJudge(
            f"context {cluster.session.context} ({cluster.session.server}) has neither Istio's CRDs "
            "(networking.istio.io) nor a pod with a sidecar: is it the cluster you mean? --context names another."
        )


def _refuse_empty(cluster: LiveCluster) -> None:
    """Raise where no pod matches, with the nearest name of a namespace."""
    scope = cluster.scope
    here = {key.split("/", 1)[0] for key in cluster.objects.asked_for}
    for namespace in scope.namespaces:
        if namespace not in here:
            with_labels = f" with labels {scope.labels}" if scope.labels else ""
            known = sorted(read_mesh(cluster.capture()).namespaces)
            near = "" if namespace in known else f" {nearest(namespace, known)}"
            raise NothingToJudge(f"no pod{with_labels} in namespace {namespace} of {cluster.session.context}.{near}")
    if not here:
        asked = f"no pod has the labels {scope.labels}" if scope.labels else "there is no pod"
        raise NothingToJudge(f"{asked} in context {cluster.session.context}, so there is nothing to check.")


def _found(cluster: LiveCluster, pod: str) -> str:
    """The pod of this name; of several replicas one whose sidecar can be read."""
    can_be_asked = {pod.key for pod in cluster.objects.pods if pod.has_sidecar and not pod.why_unasked}
    mesh = read_mesh(cluster.capture())
    return find_pod(mesh, pod, cluster.scope.namespaces, is_good=can_be_asked.__contains__)


def _resolve(cluster: LiveCluster, resolver: Resolver, names: dict[str, str]) -> None:
    if not names:
        return
    answers = resolve_in_pods(cluster.session, _pods_to_ask(cluster, names)) if resolver is Resolver.AUTO else None
    answers = answers or resolve_here(list(names))
    if answers.addresses:
        # Without an answer DNS counts as not read; an empty document would say that it was.
        cluster.add(_document(answers))
    if answers.problems:
        named = ", ".join(answers.problems[:_NAMED])
        more = f" and {len(answers.problems) - _NAMED} more" if len(answers.problems) > _NAMED else ""
        cluster.note([Unread(DNS, f"no answer for {named}{more}, asked from {answers.resolved_from}")])


def _pods_to_ask(cluster: LiveCluster, names: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Each name → (namespace, pod) of a pod that was read: one with this dependency, else any."""
    read: Sequence[str] = cluster.read_pods
    if not read:
        return {}
    chosen = {name: pod if pod in read else read[0] for name, pod in names.items()}
    return {name: (pod.split("/", 1)[0], pod.split("/", 1)[1]) for name, pod in chosen.items()}


def _document(answers: DnsResult) -> Document:
    content = msgspec.json.encode({"resolved_from": answers.resolved_from, "answers": answers.addresses})
    return Document(DNS, lambda: msgspec.json.format(content), len(content))
