"""Recognises whether the configuration of a sidecar has changed, by a few of Envoy's counters instead of a dump.

Versions of listeners and clusters change with every push of istiod; the managers' counters change where clusters or
listeners were added, changed or removed, and where hosts of a cluster came or went, be it by EDS or by DNS
(envoyproxy.io, "Cluster manager" and "Listener manager" statistics; a gauge or counter of 0 says nothing).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline
from meshdoctor.sources.live.live_pods import PROXY, LivePod
from meshdoctor.sources.live.sidecar_reader import SidecarReader
from meshdoctor.sources.live.thread_pool import ThreadPool

_NAMES = (
    r"(cluster_manager|listener_manager)\."
    r"((cds|lds)\.(version|update_rejected)|(cluster|listener)_(added|modified|removed|updated|updated_via_merge))"
)
PAGE = f"/stats?filter={_NAMES}$"
SECONDS = 10.0
"""Time limit for one sidecar."""
_LINE = re.compile(rf"^({_NAMES}): (?!0$)(\d+)$", re.MULTILINE)


def state_of(stats: bytes) -> str:
    """The counters on a `/stats` page that change with the configuration; empty where the page lacks them."""
    found = {match[1]: match[0] for match in _LINE.finditer(stats.decode("utf-8", "replace"))}
    return "\n".join(found[name] for name in sorted(found)) if any(n.endswith(".version") for n in found) else ""


def states(reader: SidecarReader, pods: Collection[LivePod], concurrency: int) -> dict[str, str]:
    """The state of each of these sidecars by `namespace/name`; those that do not answer are left out."""

    def ask(pod: LivePod, deadline: Deadline) -> str:
        return state_of(reader.page(pod.namespace, pod.name, PROXY, PAGE, deadline))

    pool: ThreadPool[LivePod, str] = ThreadPool(ask, concurrency=concurrency, seconds=SECONDS)
    found: dict[str, str] = {}
    for done in pool.run(sorted(pods, key=lambda pod: pod.key)):
        if done.result is not None:
            found[done.item.key] = done.result
        elif done.problem is not None and not isinstance(done.problem, Unreadable):
            raise done.problem
    return found
