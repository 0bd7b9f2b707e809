"""The shapes of `wire` without the resources' content: each resource stays raw JSON.

A resource is what istiod sent; its update time and version are outside it and are not read.
"""

from __future__ import annotations

from msgspec import Raw, Struct, field

from meshdoctor.facts.envoy.wire import NO_RAW


class RawShape(Struct, gc=False, omit_defaults=True):
    """Base of these shapes."""


class RawRefused(RawShape):
    """Why a resource was rejected."""

    details: str = ""


class RawState(RawShape):
    """One of the states of a dynamic listener."""

    listener: Raw = NO_RAW


class RawEntry(RawShape):
    """An item of any list of a section."""

    name: str = ""
    listener: Raw = NO_RAW
    active_state: RawState | None = None
    warming_state: RawState | None = None
    draining_state: RawState | None = None
    cluster: Raw = NO_RAW
    route_config: Raw = NO_RAW
    endpoint_config: Raw = NO_RAW
    error_state: RawRefused | None = None


class RawSection(RawShape):
    """Any item of `configs`: the lists that are read."""

    type: str = field(name="@type", default="")
    bootstrap: Raw = NO_RAW
    static_listeners: list[RawEntry] = []
    dynamic_listeners: list[RawEntry] = []
    dynamic_active_listeners: list[RawEntry] = []
    dynamic_warming_listeners: list[RawEntry] = []
    static_clusters: list[RawEntry] = []
    dynamic_active_clusters: list[RawEntry] = []
    dynamic_warming_clusters: list[RawEntry] = []
    dynamic_route_configs: list[RawEntry] = []
    static_endpoint_configs: list[RawEntry] = []
    dynamic_endpoint_configs: list[RawEntry] = []


class RawDump(RawShape):
    """A `/config_dump`."""

    configs: list[RawSection] = []


class RawHost(RawShape):
    """A host of a cluster, without its counters."""

    address: Raw = NO_RAW
    health_status: Raw = NO_RAW
    hostname: str = ""


class RawStatus(RawShape):
    """A cluster of the /clusters page."""

    name: str = ""
    host_statuses: list[RawHost] = []


class RawPage(RawShape):
    """A `/clusters?format=json`."""

    cluster_statuses: list[RawStatus] = []
