"""The sheet: the tree of normalised facts that rules select from.

A rule's `select` names one list of the sheet (`$.claims[*]`); its `when` and its templates read the fields
documented here as `fact.<field>`. Every field is always there, so a condition never has to ask. The types below
are also the source of `rules/schema.json`; a rule that names a field not listed is refused when it is loaded.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from meshdoctor.model.entry_view import EntryView, HiddenEntry
from meshdoctor.model.fact import Fact
from meshdoctor.model.upstream import Upstream
from meshdoctor.model.verdict import Verdict


class Connection(Fact, frozen=True):
    """A host:port that a pod depends on or that is registered, and what this pod's sidecar does with it (`trace`)."""

    used: bool
    """The pod's configuration names it with its port."""
    seen: tuple[str, ...]
    """Where the pod's configuration names it: `env MYSQL_DB_HOST of container app`."""
    protocol: str
    """What the client does, as trace assumed: `tcp`, `server-first`, `tls` or `http`."""
    declared: str
    """Protocol the visible entry declares for this port, upper case; empty where none registers it."""
    verdict: Verdict
    reason: str
    """trace's reason."""
    because: str
    """trace's verdict in one sentence."""
    hangs: bool
    listener: str
    cluster: str
    """Cluster it is sent to, empty where none."""
    cluster_host: str
    """Host that cluster belongs to."""
    registered: bool
    """A ServiceEntry that this proxy sees (or, without resources, a cluster) registers host:port."""
    registered_host: bool
    """A ServiceEntry that this proxy sees registers the host, on this or another port."""
    registered_ports: tuple[int, ...]
    """Ports on which visible entries register the host."""
    hidden: tuple[HiddenEntry, ...]
    """Entries for host:port that this proxy does not get, with the field that hides each."""
    entries: tuple[EntryView, ...]
    """Visible entries for the host."""
    own_cluster_exists: bool
    """This proxy has the host's own cluster for this port, whether or not a chain or route uses it."""
    own_cluster_used: bool
    """A chain or route of this proxy names that cluster."""
    listener_owners: tuple[str, ...]
    """Hosts that the chains and routes of the chosen listener send to."""
    listener_owner_kind: str
    """`Service` where an in-cluster Service owns it, `ServiceEntry`, or empty for virtualOutbound."""
    addresses: tuple[str, ...]
    """Known addresses of the host."""
    address_cidrs: tuple[str, ...]
    """The same as /32 or /128 CIDRs."""
    bypass: str
    """The setting by which it bypasses the sidecar, in words; empty where it is captured."""
    slug: str
    """The host as a resource name: `db-payments-example`."""
    namespace: str
    """Namespace of a new object: that of the pod."""
    known_server_first: bool
    """In its protocol the server speaks first, as in MySQL (declared, by a well-known port, or a mysql:// URL)."""
    is_ip: bool
    """The host is an IP address."""
    entry_protocol: str
    """Protocol a new ServiceEntry for it should declare: TCP, TLS or HTTP."""
    entry_resolution: str
    """Resolution a new ServiceEntry for it should have: NONE with addresses, else DNS (STATIC for a bare IP)."""
    with_port: dict[str, Any] = field(default_factory=dict)
    """Manifest of the visible entry that names this very host, with the port added. A TCP port comes with the host's
    known addresses in spec.addresses; empty where those are unknown, or no visible entry names the host itself."""
    with_addresses: dict[str, Any] = field(default_factory=dict)
    """Manifest of the visible entry for host:port with the host's known addresses in spec.addresses (plain IPs where
    the resolution is DNS: admission refuses CIDRs there); empty where it has addresses already, or none are known."""
    addresses_taken: str = ""
    """Source and time of the host's addresses, as a sentence; empty where none is known."""
    new_name: str = ""
    """A name for a ServiceEntry of this host and port that no other one of the pod's namespace has."""
    crowded_out: bool = False
    """Its own cluster exists and no chain names it, because an owner of another protocol holds the (bind, port):
    MYSQL or MONGO against anything else, or the reverse. Never for a TCP claim that lost to another TCP claim."""


class EntryPort(Fact, frozen=True):
    """One host and port of a ServiceEntry that a proxy sees."""

    entry: EntryView
    protocol: str
    """As written, upper case; `""` where unset."""
    family: str
    """`http`, `tls`, `tcp` or `auto` (unset): Istio's protocol class."""
    addresses_used: tuple[str, ...]
    """Addresses by which this proxy matches: spec.addresses, or auto-allocated ones where it has DNS capture."""
    addresses: tuple[str, ...]
    """spec.addresses."""
    dns_answers: tuple[str, ...]
    """Addresses the host is known to resolve to (dns.json, DNS clusters' hosts, IPs beside it in env)."""
    dns_known: bool
    """Whether any such source was read for this host."""
    uncovered: tuple[str, ...]
    """dns_answers outside spec.addresses."""
    dns_from: str
    """Where the uncovered ones were resolved, `this machine, not a pod`, where that was outside the mesh and nothing
    inside it confirms them: the pod may be told others. Empty else, and where dns.json does not say."""
    as_resolved: str
    """The same for insertion after a word: ` (as resolved from this machine, not a pod)`."""
    uncovered_cidrs: tuple[str, ...]
    fixed_addresses: tuple[str, ...]
    """spec.addresses with the missing ones added; without any, the DNS answers as CIDRs."""
    shared: bool
    """The chain or listener of this port on 0.0.0.0 matches any address."""
    used: bool
    resolution: str
    known_protocol: str
    """The usual protocol of the port number (or of the URL): `mysql`, `https` ...; empty where none is known."""
    mismatch: str
    """`http-on-tls-port`, `declared-differs`, `server-first-inspected`, `tcp-inspected`, or empty."""
    breaks: bool
    """The mismatch makes connections hang or fail under this proxy's policy."""
    listener: str
    fixed_protocol: str
    """Protocol the port should declare."""
    fixed_manifest: dict[str, Any] = field(default_factory=dict)
    """The entry's manifest with this port declared `fixed_protocol`. For a TCP-family protocol with `fixed_addresses`
    in spec.addresses as well; empty where there are none: without them the port would take everybody's traffic."""
    as_tls: dict[str, Any] = field(default_factory=dict)
    """The entry's manifest with this port declared TLS; empty unless its clients are known to speak TLS (443 ...)."""
    dns_capture: dict[str, Any] = field(default_factory=dict)
    """A ProxyConfig that switches DNS capture on for the pod's workload; empty where the entry would get no address of
    its own by it (it has addresses, resolution NONE, a wildcard host), or the pod's labels are not known."""
    addresses_taken: str = ""
    """Source and time of the host's addresses, as a sentence; empty where none is known."""
    workload: str = ""
    """`Deployment shop/web`: whose pods that ProxyConfig selects."""
    restart: str = ""
    """The command that restarts its pods."""
    by_wildcard: bool = False
    """The entry names the host by a wildcard: `host` is that, or a name under it that the pod wants."""
    because: str = ""
    """The mismatch in words, without a period: what the port is known for and what the listener waits for."""


class Claim(Fact, frozen=True):
    """A ServiceEntry's claim to a (bind address, port) that other objects may need too."""

    bind: str
    """`0.0.0.0`, or the address."""
    protocol: str
    protocol_family: str
    """`tcp` (TCP and unset: one opaque chain), `tls` or `http`."""
    outcome: str
    """`won`, `lost` or `shared` (chains side by side)."""
    reason: str
    """Why it lost or won, in words, with the ages."""
    entry: EntryView
    winner: EntryView
    """Owner of the chain in force (itself where it won). `kind` is `ServiceEntry` or `Service`."""
    winner_host: str
    listener: str
    listener_in_error: bool
    own_addresses: tuple[str, ...]
    """CIDRs the loser's entry should list, from DNS."""
    winner_addresses: tuple[str, ...]
    """CIDRs the winner's entry should list, from DNS."""
    as_tls: dict[str, Any] = field(default_factory=dict)
    """The loser's manifest with this port declared TLS; empty unless clients are known to speak TLS (443 ...)."""
    winner_as_tls: dict[str, Any] = field(default_factory=dict)
    """The same of the winner's manifest."""
    has_pods_at_home: bool = False
    """Pods live in the loser's namespace, so that an entry kept to its namespace still serves somebody."""
    dns_capture: dict[str, Any] = field(default_factory=dict)
    """A ProxyConfig that switches DNS capture on for the pod's workload; empty where the entry would get no address of
    its own by it (it has addresses, resolution NONE, a wildcard host), or the pod's labels are not known."""
    addresses_taken: str = ""
    """Source and time of the host's addresses, as a sentence; empty where none is known."""
    workload: str = ""
    """`Deployment shop/web`: whose pods that ProxyConfig selects."""
    restart: str = ""
    """The command that restarts its pods."""


class Leak(Fact, frozen=True):
    """A filter chain or route that sends traffic to the address that the client dialled (an ORIGINAL_DST cluster)."""

    guard: str
    """`none`, `cidr-wide`, `cidr`, `sni` or `http-host`."""
    limit: str
    """The guard in words, a fragment."""
    range: str
    """The widest CIDR, where the guard is one."""
    listener: str
    cluster: str
    entry: EntryView
    owner_kind: str
    """`ServiceEntry`, `Service` or empty where unknown."""
    fixed_addresses: tuple[str, ...]
    addresses_taken: str = ""
    """Source and time of the host's addresses, as a sentence; empty where none is known."""
    as_tls: dict[str, Any] = field(default_factory=dict)
    """The entry's manifest with this port declared TLS and resolution DNS; empty unless clients are known to speak TLS
    (443 ...), and for wildcard hosts, which DNS cannot resolve."""


class Duplicate(Fact, frozen=True):
    """Several visible ServiceEntries for one host that differ."""

    winner: EntryView
    losers: tuple[EntryView, ...]
    differs: tuple[str, ...]
    """Of resolution, protocol, endpoints, ports."""
    lost_ports: tuple[int, ...]
    """Ports that only losing entries register and for which this proxy has no cluster."""
    effect: str
    """How Istio treats the entries, as a fragment: which is active and why, or that their ports add up."""
    split: bool
    """They differ in ports alone and every port works: one host written in parts."""
    because: str
    same_namespace: bool
    merged: dict[str, Any]
    """The winner's manifest with the ports, endpoints and exportTo of all; empty where one entry cannot say what
    several do (other namespaces, workload selectors, or endpoints that differ by port), or admission refuses it."""
    trimmed: tuple[dict[str, Any], ...] = ()
    """Manifests of losers that have other hosts as well, without those of the winner."""
    deleted: tuple[EntryView, ...] = ()
    """Losers that hold nothing beside what is merged."""
    merge_price: str = ""
    """What the merged entry loses or opens, in sentences; empty where nothing."""


class Dangling(Fact, frozen=True):
    """A route or filter chain that names a cluster that the proxy does not have."""

    cluster: str
    place: str
    """`route 80, virtual host x:80` or `listener 0.0.0.0_443, chain 2`."""
    config: str
    """VirtualService that made it, `namespace/name`; empty for Istio's own."""
    subset: str
    warming: bool
    """The cluster exists but is warming."""
    used: bool


class VirtualServiceHost(Fact, frozen=True):
    """A host of a mesh VirtualService that is external."""

    namespace: str
    name: str
    registered: bool
    """Some ServiceEntry or Service (visible or not) registers the host."""
    slug: str
    new_name: str
    """A name for a ServiceEntry of the host that no other one of that namespace has."""
    protocols: tuple[str, ...]
    """Of http, tls, tcp: the route lists it has."""
    entry_port: int
    entry_protocol: str


class Rejected(Fact, frozen=True):
    """Configuration that the proxy rejected or waits for."""

    object_kind: str
    object_name: str
    state: str
    """`error` or `warming`."""
    details: str
    has_active: bool
    suspects: str
    """Entries that Envoy is known to reject on this port, in words; empty where none is known."""


class PodView(Fact, frozen=True):
    """A pod as a whole."""

    namespace: str
    sidecar: bool
    ambient: bool
    """In ambient mode: the ztunnel of its node handles its traffic, and it has no sidecar."""
    injected_namespace: bool
    """Its namespace is labelled for injection and the pod does not opt out."""
    opted_out: bool
    dependencies: tuple[str, ...]
    """`host:port` of certain dependencies for external hosts."""
    phase: str
    host_network: bool


class Credential(Fact, frozen=True):
    """A literal password in a pod's environment, without its value."""

    container: str
    variable: str
    form: str
    """`literal` or `url`."""
    workload: str
    create_secret: str
    """Command that creates a Secret from its standard input."""
    use_secret: str
    """Command that refers to it in place of the value; where there is no template to patch, what to do in words."""


class RouteFault(Fact, frozen=True):
    """A fault injected into requests to an external host."""

    abort_percent: float
    abort_status: int
    delay_percent: float
    delay: float
    config: str
    every_request: bool


class ProxyPolicy(Fact, frozen=True):
    """A proxy's outbound policy as its dump shows it."""

    decided_by: str
    """Where it was read: `virtualOutbound`, a route's last virtual host."""
    sidecar_role: bool


class GatewayHop(Fact, frozen=True):
    """The path from a sidecar through an egress gateway, and its first broken hop."""

    gateway: str
    """Host of the gateway's Service."""
    broken_hop: str
    """`endpoints`, `server`, `route`, `cluster`, `upstream`, or empty where no hop is broken."""
    because: str
    config: str
    gateway_pods: tuple[str, ...]


SHEET: dict[str, type[Fact]] = {
    "claims": Claim,
    "connections": Connection,
    "credentials": Credential,
    "dangling": Dangling,
    "duplicates": Duplicate,
    "entry_ports": EntryPort,
    "faults": RouteFault,
    "gateway_hops": GatewayHop,
    "leaks": Leak,
    "pods": PodView,
    "policies": ProxyPolicy,
    "rejections": Rejected,
    "upstreams": Upstream,
    "virtual_service_hosts": VirtualServiceHost,
}
"""The lists of the sheet and the type of their items."""
