"""The sheet: the lists of facts that rules select from.

A rule's `select` names one list of the sheet (`$.claims[*]`); its `when` and its templates read the fields documented
here as `fact.<field>`. Every field is always present, so a condition need not check. The types below are also the
source of `rules/schema.json`; a rule that names an unlisted field is rejected when it is loaded.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from meshdoctor.model import field_types as types
from meshdoctor.model.entry_view import EntryView, HiddenEntry
from meshdoctor.model.fact import Fact
from meshdoctor.model.proxied_dependency import ProxiedDependency
from meshdoctor.model.route_facts import Dangling, GatewayHop, UnappliedRule, UnmatchedPort, VirtualServiceHost
from meshdoctor.model.upstream import Upstream
from meshdoctor.model.verdict import Verdict


class Connection(Fact, frozen=True):
    """A host:port that is a dependency of the pod or registered, and what the pod's sidecar does with it (`trace`)."""

    used: bool
    """Whether it is a dependency: the pod's configuration or access log names it with its port."""
    seen: tuple[str, ...]
    """Where the dependency was found: `env MYSQL_DB_HOST of container app`."""
    protocol: str
    """The protocol trace assumed for the client: `tcp`, `server-first`, `tls` or `http`."""
    declared: str
    """Protocol the visible entry declares for this port, upper case; empty where none registers it."""
    verdict: Verdict
    reason: str
    """The trace's reason."""
    because: str
    """The trace's verdict in one sentence."""
    hangs: bool
    listener: str
    cluster: str
    """Cluster it is sent to, empty where none."""
    cluster_host: str
    """Host of that cluster."""
    registered: bool
    """Whether a ServiceEntry visible to this proxy (or, without resources, a cluster) registers host:port."""
    registered_host: bool
    """Whether a ServiceEntry visible to this proxy registers the host, on this or another port."""
    hidden: tuple[HiddenEntry, ...]
    """ServiceEntries for host:port that are not visible to this proxy, with the field that hides each."""
    not_received: tuple[EntryView, ...]
    """ServiceEntries for host:port that exportTo and Sidecar show to this proxy, and of which it has no cluster."""
    entries: tuple[EntryView, ...]
    """Visible entries for the host."""
    own_cluster_exists: bool
    """Whether this proxy has the host's cluster for this port, referenced or not."""
    own_cluster_used: bool
    """Whether a filter chain or route of this proxy references that cluster."""
    listener_owners: tuple[str, ...]
    """Hosts to which the chosen listener's filter chains and routes lead."""
    listener_owner_kind: str
    """`Service` where an in-cluster Service owns it, `ServiceEntry`, or empty for virtualOutbound."""
    addresses: tuple[str, ...]
    """Known addresses of the host."""
    address_cidrs: tuple[str, ...]
    """The same as /32 or /128 CIDRs."""
    slug: str
    """The host as a resource name: `db-payments-example`."""
    namespace: str
    """The pod's namespace, in which new objects are created."""
    known_server_first: bool
    """Whether the protocol is known to be server-first (declared MYSQL, a well-known port, a mysql:// URL)."""
    is_ip: bool
    """Whether the host is an IP address."""
    entry_protocol: str
    """Protocol a new ServiceEntry for it should declare: TCP, TLS or HTTP."""
    entry_resolution: str
    """Resolution a new ServiceEntry for it should have: NONE with addresses, else DNS (STATIC for a bare IP)."""
    with_port: dict[str, Any] = field(default_factory=dict)
    """Manifest of the visible entry that names this very host, with the port added. A TCP port comes with the host's
    known addresses in spec.addresses; empty where those are unknown, or no visible entry names the host itself."""
    with_addresses: dict[str, Any] = field(default_factory=dict)
    """Manifest of the visible entry for host:port with the host's known addresses in spec.addresses (plain IPs where
    the resolution is DNS, which admission requires); empty where it already has addresses, or none are known."""
    addresses_taken: types.Sentence = ""
    """Source and time of the host's addresses, as a sentence; empty where none is known."""
    new_name: str = ""
    """An unused name in the pod's namespace for a ServiceEntry of this host and port."""
    missing: tuple[str, ...] = ()
    """Evidence whose absence makes the verdict unknown."""
    crowded_out: bool = False
    """Whether its cluster exists without a reference, because a service with another protocol owns the (bind, port):
    MYSQL or MONGO beside anything else, or the reverse. Never for conflicts between two TCP claims."""
    near: str = ""
    """An entry whose host comes near and does not cover this one, `*.a.example` for `a.example` or the reverse, as a
    clause after `; `. Empty where there is none, or the host is registered."""


class EntryPort(Fact, frozen=True):
    """One host and port of a ServiceEntry visible to a proxy."""

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
    """Where the uncovered ones were resolved, `this machine, not a pod`, if that was outside the mesh and nothing
    inside it confirms them: the pod may get other answers. Empty otherwise, and where dns.json does not say."""
    as_resolved: str
    """The same with a leading blank, for use in a message: ` (as resolved from this machine, not a pod)`."""
    uncovered_cidrs: tuple[str, ...]
    fixed_addresses: tuple[str, ...]
    """spec.addresses with the missing ones added; without any, the DNS answers as CIDRs."""
    shared: bool
    """Whether the filter chain of this port on 0.0.0.0 matches any address."""
    used: bool
    resolution: str
    known_protocol: str
    """The usual protocol of the port number (or of the dependency's URL): `mysql`, `https` ...; empty where unknown."""
    mismatch: str
    """`http-on-tls-port`, `declared-differs`, `forward-proxy`, `server-first-inspected`, `tcp-inspected`, or empty."""
    client: str
    """What a client of that protocol does, as in `trace --protocol`; empty where there is no mismatch."""
    breaks: bool
    """Whether the mismatch makes connections hang or fail under this proxy's policy."""
    listener: str
    fixed_protocol: types.ProtocolName
    """Protocol the port should declare."""
    fixed_manifest: dict[str, Any] = field(default_factory=dict)
    """The entry's manifest with this port declared `fixed_protocol`. For a TCP-family protocol with `fixed_addresses`
    in spec.addresses as well; empty where there are none: without them the port would match all traffic."""
    as_tls: dict[str, Any] = field(default_factory=dict)
    """The entry's manifest with this port declared TLS; empty unless its clients are known to speak TLS (443 ...)."""
    dns_capture: dict[str, Any] = field(default_factory=dict)
    """A ProxyConfig that enables DNS capture for the pod's workload; empty where the entry would get no virtual address
    (it has addresses, resolution NONE or a wildcard host), or the pod's labels are unknown."""
    addresses_taken: types.Sentence = ""
    """Source and time of the host's addresses, as a sentence; empty where none is known."""
    workload: str = ""
    """`Deployment shop/web`: the workload whose pods that ProxyConfig selects."""
    restart: types.Restart = types.NO_COMMAND
    """The command that restarts its pods; in words where its kind has none."""
    by_wildcard: bool = False
    """Whether the entry names the host by a wildcard: `host` is the wildcard, or a dependency that it covers."""
    because: str = ""
    """The mismatch in words, without a period."""


class Claim(Fact, frozen=True):
    """A ServiceEntry's claim to a (bind address, port), which may conflict with others."""

    bind: str
    """`0.0.0.0`, or the address."""
    protocol: str
    protocol_family: str
    """`tcp` (TCP and unset: one opaque chain), `tls` or `http`."""
    outcome: str
    """`active`, `shadowed` or `shared` (both have a filter chain)."""
    reason: str
    """Why it is active or shadowed, in words, with creation times."""
    entry: EntryView
    active: EntryView
    """Owner of the active filter chain (itself where it is active). `kind` is `ServiceEntry` or `Service`."""
    active_host: str
    listener: str
    listener_in_error: bool
    own_addresses: tuple[str, ...]
    """CIDRs this entry should list, from DNS."""
    active_addresses: tuple[str, ...]
    """CIDRs the active entry should list, from DNS."""
    as_tls: dict[str, Any] = field(default_factory=dict)
    """This entry's manifest with the port declared TLS; empty unless clients are known to speak TLS (443 ...)."""
    active_as_tls: dict[str, Any] = field(default_factory=dict)
    """The same for the active entry's manifest."""
    has_pods_at_home: bool = False
    """Whether pods exist in the shadowed entry's namespace, so that an entry limited to it still has clients."""
    dns_capture: dict[str, Any] = field(default_factory=dict)
    """A ProxyConfig that enables DNS capture for the pod's workload; empty where the entry would get no virtual address
    (it has addresses, resolution NONE or a wildcard host), or the pod's labels are unknown."""
    addresses_taken: types.Sentence = ""
    """Source and time of the host's addresses, as a sentence; empty where none is known."""
    workload: str = ""
    """`Deployment shop/web`: the workload whose pods that ProxyConfig selects."""
    restart: types.Restart = types.NO_COMMAND
    """The command that restarts its pods; in words where its kind has none."""


class Leak(Fact, frozen=True):
    """A filter chain or route to any address the client connects to (an ORIGINAL_DST cluster)."""

    guard: str
    """`none`, `cidr-wide`, `cidr`, `sni` or `http-host`."""
    limit: str
    """The guard in words, as part of a sentence."""
    range: str
    """The widest CIDR, where the guard is one."""
    listener: str
    cluster: str
    entry: EntryView
    owner_kind: str
    """`ServiceEntry`, `Service` or empty where unknown."""
    fixed_addresses: tuple[str, ...]
    addresses_taken: types.Sentence = ""
    """Source and time of the host's addresses, as a sentence; empty where none is known."""
    as_tls: dict[str, Any] = field(default_factory=dict)
    """The entry's manifest with this port declared TLS and resolution DNS; empty unless clients are known to speak TLS
    (443 ...), and for wildcard hosts, which DNS cannot resolve."""


class Duplicate(Fact, frozen=True):
    """Several different visible ServiceEntries for one host."""

    active: EntryView
    shadowed: tuple[EntryView, ...]
    differs: tuple[str, ...]
    """The fields that differ, of resolution, protocol, endpoints, ports."""
    lost_ports: tuple[int, ...]
    """Ports that only shadowed entries register and for which this proxy has no cluster."""
    effect: str
    """The effect in words, as part of a sentence: which entry is active and why, or that their ports are merged."""
    split: bool
    """Whether they differ in ports only and every port works."""
    because: str
    same_namespace: bool
    merged: dict[str, Any]
    """The active entry's manifest with the ports, endpoints and exportTo of all; empty where one entry cannot express
    it (several namespaces, workload selectors, or endpoints that differ by port), or admission rejects it."""
    trimmed: tuple[dict[str, Any], ...] = ()
    """Manifests of shadowed entries that also have other hosts, without the hosts of the active entry."""
    deleted: tuple[EntryView, ...] = ()
    """Shadowed entries that are completely merged."""
    merge_tradeoff: types.Sentence = ""
    """The trade-offs of the merged entry, in sentences; empty where there are none."""


class Rejected(Fact, frozen=True):
    """Configuration that the proxy rejected or that is warming."""

    object_kind: str
    object_name: str
    state: str
    """`error` or `warming`."""
    details: str
    has_active: bool
    suspects: types.ObjectNames
    """Entries on this port that Envoy is known to reject, in words; empty where there are none."""
    made_from: types.ObjectNames
    """Objects that what was rejected was made from, in words: those that its metadata names; for an error about a
    filter the EnvoyFilters that apply to the pod. Empty where none is known."""


class NotReceived(Fact, frozen=True):
    """A sidecar that has nothing of what istiod sends to every sidecar: only what its bootstrap file holds."""

    sections: tuple[str, ...]
    """Of `listeners` and `clusters`, those of which nothing was sent."""
    named: str
    """The sections in words, `listeners and clusters`."""
    everything: bool
    """Whether it is both."""


class PodView(Fact, frozen=True):
    """A pod as a whole."""

    namespace: str
    sidecar: bool
    ambient: bool
    """Whether its node's ztunnel handles its traffic: it has no sidecar by design."""
    injected_namespace: bool
    """Whether its namespace enables injection and the pod does not opt out."""
    opted_out: bool
    dependencies: tuple[str, ...]
    """`host:port` of certain external dependencies."""
    phase: str
    host_network: bool


class Credential(Fact, frozen=True):
    """A literal password in a pod's environment. The value is never included."""

    container: str
    variable: str
    form: str
    """`literal` or `url`."""
    workload: str
    create_secret: types.CreateSecret
    """Command that creates a Secret from standard input."""
    use_secret: types.UseSecret
    """Command that replaces the value with a reference to it; where there is no pod template, the step in words."""


class RouteFault(Fact, frozen=True):
    """A fault injected into requests to an external host."""

    abort_percent: float
    abort_status: int
    delay_percent: float
    delay: float
    config: types.ObjectPlace
    every_request: bool


class ProxyPolicy(Fact, frozen=True):
    """A proxy's outbound policy as shown by its config dump."""

    decided_by: str
    """Where the policy was read: `virtualOutbound`, a route's last virtual host."""
    sidecar_role: bool
    egress_proxy: str = ""
    """The host of the egressProxy that gets all unmatched traffic; empty where there is none."""


class Disagreement(Fact, frozen=True):
    """A host that a sidecar's config dump and the ServiceEntries that were read do not agree on."""

    entry: EntryView
    """The entry that the proxy has not received; its `name` is empty where the proxy has a cluster without entry."""
    cluster: str
    """The cluster that no entry explains; empty where the proxy has not received an entry."""
    said: str
    """How they differ, as a sentence without full stop."""
    used: bool


SHEET: dict[str, type[Fact]] = {
    "claims": Claim,
    "connections": Connection,
    "credentials": Credential,
    "dangling": Dangling,
    "disagreements": Disagreement,
    "duplicates": Duplicate,
    "entry_ports": EntryPort,
    "faults": RouteFault,
    "gateway_hops": GatewayHop,
    "leaks": Leak,
    "not_received": NotReceived,
    "pods": PodView,
    "policies": ProxyPolicy,
    "proxied": ProxiedDependency,
    "rejections": Rejected,
    "unapplied_rules": UnappliedRule,
    "unmatched_ports": UnmatchedPort,
    "upstreams": Upstream,
    "virtual_service_hosts": VirtualServiceHost,
}
"""The lists of the sheet and the type of their items."""
