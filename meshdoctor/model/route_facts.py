"""The sheet's facts about where routes, filter chains and VirtualServices lead."""

from __future__ import annotations

from meshdoctor.model import field_types as types
from meshdoctor.model.entry_view import EntryView
from meshdoctor.model.fact import Fact
from meshdoctor.model.verdict import Verdict


class Dangling(Fact, frozen=True):
    """A route or filter chain with a cluster that does not exist in the proxy."""

    cluster: str
    place: str
    """`route 80, virtual host x:80` or `listener 0.0.0.0_443, chain 2`."""
    config: types.ObjectPlace
    """VirtualService that created it, `namespace/name`; empty for Istio's own routes."""
    subset: str
    warming: bool
    """Whether the cluster exists and is warming."""
    used: bool
    why: str = ""
    """Why the cluster is not there, `: no DestinationRule for a.example defines subset v1`; empty where the objects do
    not say."""


class VirtualServiceHost(Fact, frozen=True):
    """An external host of a VirtualService for the mesh."""

    namespace: str
    name: str
    registered: bool
    """Whether a ServiceEntry or Service (visible or not) registers the host."""
    slug: str
    new_name: str
    """An unused name in that namespace for a ServiceEntry of the host."""
    protocols: tuple[str, ...]
    """The route lists it has, of http, tls, tcp."""
    entry_port: int
    entry_protocol: str
    export_to: tuple[str, ...]
    """The VirtualService's exportTo, or the mesh's default: the namespaces that its routes apply to."""
    http_policies: tuple[str, ...] = ()
    """The policies for requests that its http routes set for sidecars, of timeout, retries, fault, mirror."""
    opaque_ports: tuple[str, ...] = ()
    """The host's ports in this proxy, `443/TLS`, where all of them are TLS or TCP; empty where requests of the host can
    be seen on one, or none is visible."""
    shadowed_by: types.ObjectPlace = ""
    """The VirtualService whose http routes this proxy has for the host instead of these, `namespace/name`; empty where
    these are in force, or it has neither."""
    shadowed_because: str = ""
    """Why that one is in force, as a clause."""


class GatewayHop(Fact, frozen=True):
    """The path from a sidecar through an egress gateway, and the first broken hop."""

    gateway: str
    """Host of the gateway's Service."""
    broken_hop: str
    """`endpoints`, `server`, `route`, `cluster`, `upstream`, or empty where every hop works."""
    because: str
    config: types.ObjectPlace
    gateway_pods: tuple[str, ...]
    sent_by: str = ""
    """The object that sends the host there: `VirtualService shop/maps`, or the Sidecar with the egressProxy."""


class UnmatchedPort(Fact, frozen=True):
    """A port of a ServiceEntry, one of whose endpoints maps a port name that the entry does not have."""

    entry: EntryView
    address: str
    """The endpoint's."""
    unknown: tuple[str, ...]
    """The names under its `ports` that no port of the entry has."""
    name: str
    """The name of this port."""
    called: int
    """The port on which the endpoint is called."""
    meant: tuple[int, ...]
    """The ports that the unknown names map to."""
    verdict: Verdict = Verdict.UNKNOWN
    """Of a connection to the host on this port."""


class UnappliedRule(Fact, frozen=True):
    """A DestinationRule for an external host that applies in no sidecar."""

    namespace: str
    name: str
    known: bool
    """Whether a ServiceEntry or Service has its host."""
    because: str
    """Why it applies nowhere, as a clause."""
