"""What reading a cluster needs to know about a pod: its sidecar, and the ConfigMaps of its environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from meshdoctor.semantics.kubernetes.api_objects import WireContainer, WirePod, WirePodStatus

PROXY = "istio-proxy"
_REVISION = "istio.io/rev"


class LivePod(Struct, frozen=True):
    """A pod as the API server lists it."""

    namespace: str
    name: str
    has_sidecar: bool
    phase: str
    going: bool
    """It is being deleted."""
    revision: str
    """Istio's revision label, `""` where it has none."""
    config_maps: tuple[str, ...]
    """Names of ConfigMaps that its environment reads."""
    ips: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    """Identifies this run of the sidecar: the pod's uid, the container's id and its number of restarts."""

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def has_ended(self) -> bool:
        """It has run to completion, as a Job's does."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def why_unasked(self) -> str:
        """Why its sidecar is not read, `""` where it is."""
        if self.has_ended:
            return f"the pod has ended ({self.phase})"
        if self.going:
            return "the pod is being deleted"
        return "" if self.phase == "Running" else f"the pod is not running yet ({self.phase or 'no phase'})"


def read_pod(body: dict[str, Any]) -> LivePod:
    """The pod of a manifest. Raises `msgspec.ValidationError` for what is not a Pod."""
    pod = msgspec.convert(body, WirePod, strict=False)
    metadata, status = pod.metadata, pod.status or WirePodStatus()
    containers = [*pod.spec.containers, *(pod.spec.init_containers or ())]
    statuses = [*(status.container_statuses or ()), *(status.init_container_statuses or ())]
    runs = [f"{one.container_id or ''} {one.restart_count or 0}" for one in statuses if one.name == PROXY]
    return LivePod(
        namespace=metadata.namespace or "",
        name=metadata.name,
        # The container of a ztunnel has the same name.
        has_sidecar=any(c.name == PROXY and "ztunnel" not in (c.args or ()) for c in containers),
        phase=status.phase or "",
        going=metadata.deletion_timestamp is not None,
        revision=(metadata.labels or {}).get(_REVISION, ""),
        ips=tuple(entry.ip for entry in status.pod_ips or ()),
        run=(metadata.uid or "", *runs),
        config_maps=tuple(dict.fromkeys(name for c in containers for name in _config_maps(c))),
    )


def _config_maps(container: WireContainer) -> Iterator[str]:
    for source in container.env_from or ():
        if source.config_map_ref:
            yield source.config_map_ref.name
    for env in container.env or ():
        if env.value_from and env.value_from.config_map_key_ref:
            yield env.value_from.config_map_key_ref.name
