"""The shapes of `wire` once more, down to the resources: each is left whole, as it stands in the dump.

A resource holds what istiod sent; when it came and in which version stands beside it, and is not read.
"""

from __future__ import annotations

from msgspec import Raw, Struct, field

from meshdoctor.facts.envoy.wire import NO_RAW


class Whole(Struct, gc=False, omit_defaults=True):
    """Base of these shapes."""


class Refused(Whole):
    """Why a resource was refused."""

    details: str = ""


class State(Whole):
    """One of the states of a dynamic listener."""

    listener: Raw = NO_RAW


class Entry(Whole):
    """An item of any list of a section."""

    name: str = ""
    listener: Raw = NO_RAW
    active_state: State | None = None
    warming_state: State | None = None
    cluster: Raw = NO_RAW
    route_config: Raw = NO_RAW
    endpoint_config: Raw = NO_RAW
    error_state: Refused | None = None


class Section(Whole):
    """Any item of `configs`: the lists that are read."""

    type: str = field(name="@type", default="")
    bootstrap: Raw = NO_RAW
    static_listeners: list[Entry] = []
    dynamic_listeners: list[Entry] = []
    dynamic_active_listeners: list[Entry] = []
    dynamic_warming_listeners: list[Entry] = []
    static_clusters: list[Entry] = []
    dynamic_active_clusters: list[Entry] = []
    dynamic_warming_clusters: list[Entry] = []
    dynamic_route_configs: list[Entry] = []
    static_endpoint_configs: list[Entry] = []
    dynamic_endpoint_configs: list[Entry] = []


class Dump(Whole):
    """A `/config_dump`."""

    configs: list[Section] = []


class Host(Whole):
    """A host of a cluster, without its counters."""

    address: Raw = NO_RAW
    health_status: Raw = NO_RAW
    hostname: str = ""


class Status(Whole):
    """A cluster of the /clusters page."""

    name: str = ""
    host_statuses: list[Host] = []


class Page(Whole):
    """A `/clusters?format=json`."""

    cluster_statuses: list[Status] = []
