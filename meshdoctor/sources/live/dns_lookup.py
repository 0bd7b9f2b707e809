"""Resolves external hosts in the istio-proxy container of a pod, or on this machine.

istio-proxy runs as uid 1337, which DNS capture excludes, so its answers are those of the upstream resolver.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline
from meshdoctor.kube.pod_requests import execute
from meshdoctor.kube.session import Session
from meshdoctor.semantics.ip_addresses import is_ip
from meshdoctor.sources.live.live_pods import PROXY
from meshdoctor.sources.live.thread_pool import ThreadPool

CONCURRENCY = 16
SECONDS = 5.0
"""Time limit for one name. `getaddrinfo` has none, so a thread that takes longer is abandoned."""

LOCAL = "this machine, not a pod"

_TRIED = 3
"""Pods that are tried: one may be deleted by now, or its image may lack getent."""
_NO_ANSWER = 2
"""getent's exit code for a name that has no address (getent(1))."""


class DnsResult(Struct, frozen=True):
    """Addresses by host (none: the name does not resolve), where they were resolved, and what failed."""

    resolved_from: str
    addresses: dict[str, tuple[str, ...]]
    problems: tuple[str, ...] = ()


def resolve_here(hosts: Sequence[str]) -> DnsResult:
    """The answers of this machine's resolver."""
    return _all(hosts, lambda host, _: _local(host), LOCAL)


def resolve_in_pods(session: Session, pods: Mapping[str, tuple[str, str]]) -> DnsResult | None:
    """Resolves each host in the pod (namespace, name) given for it. None where no pod can be asked.

    Runs getent by exec, which distroless images lack.
    """
    if not any(_can_ask(session, pod) for pod in islice(dict.fromkeys(pods.values()), _TRIED)):
        return None
    asked = sorted({"/".join(pod) for pod in pods.values()})
    where = f"pod {asked[0]}" if len(asked) == 1 else f"{len(asked)} pods, {asked[0]} first"
    return _all(list(pods), lambda host, deadline: _in_pod(session, *pods[host], host, deadline), where)


def _can_ask(session: Session, pod: tuple[str, str]) -> bool:
    try:
        _in_pod(session, *pod, "localhost", Deadline(SECONDS))
    except Unreadable:
        return False
    return True


def _all(hosts: Sequence[str], ask: Callable[[str, Deadline], tuple[str, ...]], where: str) -> DnsResult:
    pool = ThreadPool(ask, concurrency=CONCURRENCY, seconds=SECONDS)
    addresses: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for done in pool.run(hosts):
        if done.result is not None:
            addresses[done.item] = done.result
        else:
            problems.append(f"{done.item} ({done.problem})")
    return DnsResult(where, {host: addresses[host] for host in hosts if host in addresses}, tuple(sorted(problems)))


def _local(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as problem:
        # An error, and not "no address": pods may resolve names that this machine does not know.
        raise Unreadable(str(getattr(problem, "strerror", None) or problem).lower()) from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _in_pod(session: Session, namespace: str, pod: str, host: str, deadline: Deadline) -> tuple[str, ...]:
    ran = execute(session, namespace, pod, PROXY, ["getent", "ahosts", host], deadline)
    if ran.failure and ran.code != _NO_ANSWER:
        raise Unreadable(f"getent in pod {namespace}/{pod}: {ran.failure}")
    words = (line.split()[0] for line in bytes(ran.stdout).decode("utf-8", "replace").splitlines() if line.strip())
    return tuple(dict.fromkeys(word for word in words if is_ip(word)))
