"""Kubernetes objects as the API server writes them, as far as they are read: what all have in common, and Pods."""

from __future__ import annotations

from msgspec import Struct, field

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl keeps a copy of what it applied."""


class WireOwner(Struct, rename="camel"):
    """metadata.ownerReferences[]."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class WireMetadata(Struct, rename="camel"):
    """metadata of any object."""

    name: str = ""
    namespace: str | None = None
    uid: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    owner_references: list[WireOwner] | None = None


class WireKeyRef(Struct):
    """A ConfigMap or Secret, and one of its keys where one is named."""

    name: str = ""
    key: str = ""


class WireFieldRef(Struct, rename="camel"):
    """A field of the pod itself."""

    field_path: str = ""


class WireEnvSource(Struct, rename="camel"):
    """env[].valueFrom."""

    config_map_key_ref: WireKeyRef | None = None
    secret_key_ref: WireKeyRef | None = None
    field_ref: WireFieldRef | None = None


class WireEnv(Struct, rename="camel"):
    """env[] of a container."""

    name: str
    value: str | None = None
    value_from: WireEnvSource | None = None


class WireEnvFrom(Struct, rename="camel"):
    """envFrom[] of a container."""

    prefix: str | None = None
    config_map_ref: WireKeyRef | None = None
    secret_ref: WireKeyRef | None = None


class WireSecurity(Struct, rename="camel"):
    """securityContext of a pod or a container."""

    run_as_user: int | None = None
    run_as_group: int | None = None


class WireContainer(Struct, rename="camel"):
    """spec.containers[] and spec.initContainers[]."""

    name: str = ""
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[WireEnv] | None = None
    env_from: list[WireEnvFrom] | None = None
    security_context: WireSecurity | None = None
    restart_policy: str | None = None


class WirePodSpec(Struct, rename="camel"):
    """spec of a Pod."""

    containers: list[WireContainer]
    """Required by the API server: a Pod without them was not read whole."""
    init_containers: list[WireContainer] | None = None
    host_network: bool | None = None
    security_context: WireSecurity | None = None


class WirePodIp(Struct):
    """status.podIPs[]."""

    ip: str = ""


class WireContainerStatus(Struct, rename="camel"):
    """status.containerStatuses[] and status.initContainerStatuses[]."""

    name: str = ""
    restart_count: int | None = None
    container_id: str | None = field(default=None, name="containerID")


class WirePodStatus(Struct, rename="camel"):
    """status of a Pod."""

    phase: str | None = None
    pod_ip: str | None = field(default=None, name="podIP")
    pod_ips: list[WirePodIp] | None = field(default=None, name="podIPs")
    container_statuses: list[WireContainerStatus] | None = None
    init_container_statuses: list[WireContainerStatus] | None = None


class WirePod(Struct):
    """A Pod."""

    metadata: WireMetadata
    spec: WirePodSpec
    status: WirePodStatus | None = None
