"""What reading a cluster needs to know about a pod: its sidecar, and the ConfigMaps of its environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct, field

PROXY = "istio-proxy"
_REVISION = "istio.io/rev"


class _Named(Struct):
    name: str = ""


class _Source(Struct, rename="camel"):
    config_map_key_ref: _Named | None = None


class _Env(Struct, rename="camel"):
    value_from: _Source | None = None


class _EnvFrom(Struct, rename="camel"):
    config_map_ref: _Named | None = None


class _Container(Struct, rename="camel"):
    name: str = ""
    args: list[str] | None = None
    env: list[_Env] | None = None
    env_from: list[_EnvFrom] | None = None


class _Metadata(Struct, rename="camel"):
    name: str = ""
    uid: str = ""
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    deletion_timestamp: str | None = None


class _Spec(Struct, rename="camel"):
    containers: list[_Container] = field(default_factory=list)
    init_containers: list[_Container] | None = None


class _Ip(Struct):
    ip: str = ""


class _ContainerStatus(Struct, rename="camel"):
    name: str = ""
    restart_count: int = 0
    container_id: str = field(default="", name="containerID")


class _Status(Struct, rename="camel"):
    phase: str = ""
    container_statuses: list[_ContainerStatus] | None = None
    init_container_statuses: list[_ContainerStatus] | None = None
    pod_ips: list[_Ip] | None = field(default=None, name="podIPs")


class _Pod(Struct):
    metadata: _Metadata
    spec: _Spec = field(default_factory=_Spec)
    status: _Status = field(default_factory=_Status)


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
    pod = msgspec.convert(body, _Pod, strict=False)
    containers = [*pod.spec.containers, *(pod.spec.init_containers or ())]
    statuses = [*(pod.status.container_statuses or ()), *(pod.status.init_container_statuses or ())]
    runs = [f"{one.container_id} {one.restart_count}" for one in statuses if one.name == PROXY]
    return LivePod(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        # The container of a ztunnel has the same name.
        has_sidecar=any(c.name == PROXY and "ztunnel" not in (c.args or ()) for c in containers),
        phase=pod.status.phase,
        going=pod.metadata.deletion_timestamp is not None,
        revision=(pod.metadata.labels or {}).get(_REVISION, ""),
        ips=tuple(entry.ip for entry in pod.status.pod_ips or ()),
        run=(pod.metadata.uid, *runs),
        config_maps=tuple(dict.fromkeys(name for c in containers for name in _config_maps(c))),
    )


def _config_maps(container: _Container) -> Iterator[str]:
    for source in container.env_from or ():
        if source.config_map_ref:
            yield source.config_map_ref.name
    for env in container.env or ():
        if env.value_from and env.value_from.config_map_key_ref:
            yield env.value_from.config_map_key_ref.name
