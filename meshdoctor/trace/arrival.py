"""From the redirected connection to its filter chain: listener choice, listener filters, chain match.

Listener choice follows source/common/listener_manager/connection_handler_impl.cc (getBalancedHandlerByAddress): after
original_dst, the listener bound to exactly this address, else the one on the wildcard address and this port, else
virtualOutbound, the listener that iptables redirects to.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from meshdoctor.model.proxy import FilterChain, Listener, ListenerFilter, Proxy
from meshdoctor.model.routes import GUARDS
from meshdoctor.model.trace import Destination, Expect
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.envoy.filter_chains import Arrival, choose_chain
from meshdoctor.semantics.envoy.first_bytes import WAITS
from meshdoctor.semantics.first_messages import first_message
from meshdoctor.semantics.ip_addresses import address
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.semantics.istio.istiod_push import VIRTUAL_OUTBOUND
from meshdoctor.trace.walk import Outcome, Walk

INSPECTORS = {"tls_inspector": "TLS", "http_inspector": "HTTP"}
"""Listener filters that read the client's first bytes, and the protocol each one recognises."""
HTTP_VERSIONS = {"1.0": "http/1.0", "1.1": "http/1.1", "2": "h2c"}
"""What http_inspector says to the filter chain match, by the version spoken in plain text."""
SERVER_FIRST = "the client sends nothing: in this protocol the server speaks first, as in MySQL"
WILDCARDS = ("0.0.0.0", "::")


class ListenerIndex:
    """Listeners of one proxy by the address they are bound to, and virtualOutbound, which takes the rest."""

    def __init__(self, proxy: Proxy) -> None:
        self.by_address: dict[tuple[str, int], Listener] = {}
        self.by_port: dict[int, list[Listener]] = {}
        self.catch_all: Listener | None = None
        for listener in proxy.listeners.values():
            if not listener.addresses:  # internal: only Envoy itself connects to it
                continue
            if listener.use_original_dst and listener.name not in VIRTUAL_OUTBOUND and self.catch_all:
                continue
            if listener.use_original_dst and listener.traffic_direction != "INBOUND":
                self.catch_all = listener
                continue
            for bind, port in listener.addresses:
                self.by_address.setdefault((str(address(bind) or bind), port), listener)
                self.by_port.setdefault(port, []).append(listener)

    def choose(self, ip: str | None, port: int) -> Listener | None:
        """The listener for an original destination. Without an address only wildcards can answer."""
        parsed = address(ip) if ip else None
        exact = self.by_address.get((str(parsed), port)) if parsed else None
        if exact is not None:
            return exact
        for wildcard in WILDCARDS if parsed is None else (WILDCARDS[0 if parsed.version == 4 else 1],):
            found = self.by_address.get((wildcard, port))
            if found is not None:
                return found
        return self.catch_all

    def is_exact(self, ip: str | None, port: int) -> bool:
        """Whether a listener is bound to exactly this address and port: no other one can be."""
        parsed = address(ip) if ip else None
        return parsed is not None and (str(parsed), port) in self.by_address

    def accepts(self, ip: str | None, port: int) -> bool:
        """Whether a listener really binds this loopback address and port: a proxy port, or captureMode NONE."""
        parsed = address(ip) if ip else None
        if parsed is None or not parsed.is_loopback:
            return False
        listener = self.choose(ip, port)
        return listener is not None and listener.bind_to_port and listener is not self.catch_all


class Inspection(Struct, frozen=True):
    """What the listener filters learned, or why the connection ends there."""

    arrival: Arrival
    notes: tuple[str, ...] = ()
    hang: str = ""
    """Why the connection hangs in them; empty where it does not."""
    closed: str = ""
    """Why Envoy closes the connection in them; empty where it does not."""


def active_filters(listener: Listener, port: int) -> list[ListenerFilter]:
    """Inspectors that run for this destination port (`filter_disabled` may switch one off)."""
    return [
        f
        for f in listener.listener_filters
        if f.kind in INSPECTORS
        and not f.disabled_always
        and not any(start <= port < end for start, end in f.disabled_ports)
    ]


def inspect(
    listener: Listener, destination: Destination, source_ip: str | None, before: Arrival | None = None
) -> Inspection:
    """Run the listener filters.

    tls_inspector and http_inspector wait for first bytes that they can tell: for ever where listener_filters_timeout is
    0 (Istio: protocolDetectionTimeout). `before` is what those of the listener found that handed the connection over.
    """
    inspectors = active_filters(listener, destination.port)
    known = before or Arrival(destination.ip, destination.port, source_ip=source_ip)
    for inspector in inspectors:
        why = _why_it_waits(inspector.kind, destination, destination.first_bytes)
        if why:
            return _waiting(listener, inspector, known, why)
    kinds = [f.kind for f in inspectors]
    if destination.protocol == "tls" and "tls_inspector" in kinds:
        return _client_hello(destination, known)
    is_told = known.transport_protocol == "tls" or bool(known.application_protocols)
    if destination.protocol == "http" and "http_inspector" in kinds:
        note = f"http_inspector recognises HTTP/{destination.http_version}"
        spoken = HTTP_VERSIONS[destination.http_version]
        return Inspection(structs.replace(known, application_protocols=(spoken,)), (note,))
    notes = [
        f"{kind} does not recognise {INSPECTORS[kind]} in the client's first bytes"
        for kind in sorted(kinds)
        if not is_told
    ]
    return Inspection(known, (*notes, *_exceptions(listener, kinds, destination)))


def _client_hello(destination: Destination, known: Arrival) -> Inspection:
    name = (destination.sni or "").lower()
    found = f"server name {name}" if name else "no server name (SNI)"
    notes = [f"tls_inspector reads {found} from the ClientHello"]
    offered = destination.alpn
    if offered:
        notes.append(f"and the ALPN offer {', '.join(offered)}")
    tls = structs.replace(known, server_name=name, transport_protocol="tls", application_protocols=offered)
    return Inspection(tls, tuple(notes))


def _why_it_waits(kind: str, destination: Destination, sent: bytes) -> str:
    """Why the inspector does not decide on what the client sends before it waits itself; empty where it does."""
    if destination.protocol == "server-first":
        return f"{kind} waits for the client's first bytes, but {SERVER_FIRST}"
    if destination.protocol != "tcp" or not sent or not WAITS[kind](sent):
        return ""
    if kind == "tls_inspector":
        return f"tls_inspector waits for 5 bytes, but the client sends {len(sent)} and waits for an answer"
    return (
        "http_inspector waits for the end of a request line, whose start the client's first bytes could be, but the "
        "client waits for an answer"
    )


def _exceptions(listener: Listener, kinds: Sequence[str], destination: Destination) -> tuple[str, ...]:
    """A note on clients of the port's protocol for which the inspectors wait, unlike for the usual ones."""
    message = first_message(destination.port)
    if message is None or not message.some or destination.first_bytes != message.usual:
        return ()
    if not any(WAITS[kind](message.some) for kind in kinds):
        return ()
    timeout = listener.listener_filters_timeout
    how_long = f"for {timeout:g} s" if timeout else "for ever (listener_filters_timeout is 0)"
    return (f"{message.whose} is kept waiting {how_long}: its first bytes do not suffice",)


def _waiting(listener: Listener, inspector: ListenerFilter, known: Arrival, why: str) -> Inspection:
    timeout = listener.listener_filters_timeout
    if timeout == 0:
        return Inspection(known, hang=f"{why}; listener_filters_timeout is 0, so the connection hangs forever")
    if not listener.continue_on_listener_filters_timeout:
        after = f"after listener_filters_timeout ({timeout:g} s) Envoy closes the connection"
        return Inspection(known, closed=f"{why}; {after}")
    note = f"{why}; after listener_filters_timeout ({timeout:g} s) Envoy continues"
    return Inspection(known, (note,))


def arrive(walk: Walk, index: ListenerIndex) -> Outcome | None:
    """Follow the connection to its filter chain; an Outcome where it ends before."""
    destination = walk.destination
    found = _find_listener(walk, index)
    if isinstance(found, Outcome):
        return found
    walk.listener = listener = found
    walk.step("listener", listener.name, _why_listener(listener, index, destination), listener.path, listener.name)
    inspection = _inspected(walk, index, listener)
    if isinstance(inspection, Outcome):
        return inspection
    choice = choose_chain(listener.filter_chains, listener.default_filter_chain, inspection.arrival)
    decided = "; ".join(choice.decided)
    if choice.chain is None:
        decided = decided or "no filter chain matches"
        why = f"listener {listener.name}: {decided}"
        closes = f"{decided}; there is no default filter chain, so Envoy closes the connection"
        walk.step("filter_chain", None, closes, f"{listener.path}.filter_chains")
        return Outcome(Verdict.BLOCKED, "no-filter-chain", why, Expect(response_flags=("NR",)))
    walk.chain = choice.chain
    walk.matches_all = not decided and not choice.is_default
    because = decided or "the filter chain matches every connection of this listener"
    if choice.is_default:
        because = f"{decided or 'no other filter chain matches'}; so the default filter chain takes the connection"
    route = choice.chain.http.route_config_name if choice.chain.http else ""
    target = next(iter(choice.chain.tcp_clusters), f"route {route}" if route else "")
    because += _tunnel(choice.chain)
    walk.step("filter_chain", chain_label(walk), because, choice.chain.path, target)
    if choice.undecided:
        return Outcome(
            Verdict.UNKNOWN, "chain-undecided", choice.undecided, missing=("order of Envoy's filter chains",)
        )
    walk.guards = tuple(kind for kind in choice.chain.filters if kind in GUARDS)
    if choice.chain.unread:
        why = f"filter chain {chain_label(walk)} of listener {listener.name} was not read whole: {choice.chain.unread}"
        return Outcome(Verdict.UNKNOWN, "chain-unread", why, missing=(f"filter chain {chain_label(walk)}",))
    if choice.chain.terminates_tls:
        why = f"filter chain {chain_label(walk)} ends the client's TLS itself, which meshdoctor does not evaluate"
        return Outcome(Verdict.UNKNOWN, "tls-terminated", why, missing=("downstream TLS",))
    return None


def _inspected(walk: Walk, index: ListenerIndex, listener: Listener) -> Inspection | Outcome:
    """What the listener filters make of the connection: those of virtualOutbound first, which hands it over only when
    they are through (source/common/listener_manager/active_tcp_socket.cc, newConnection)."""
    destination, before = walk.destination, None
    through = [listener]
    if index.catch_all is not None and index.catch_all is not listener and not walk.is_dialled_directly:
        through.insert(0, index.catch_all)
    inspection = Inspection(Arrival(destination.ip, destination.port))
    for each in through:
        filters = f"{each.path}.listener_filters"
        inspection = inspect(each, destination, walk.proxy.node.ip or None, before)
        ended = inspection.hang or inspection.closed
        if ended:
            because = ended if each is listener else f"{ended}, before {each.name} hands it to {listener.name}"
            walk.step("listener_filters", None, because, filters)
            kind = "hang" if inspection.hang else "inspector-timeout"
            return Outcome(Verdict.BROKEN, kind, because, Expect(hangs=True))
        if inspection.notes:
            kinds = ", ".join(f.kind for f in active_filters(each, destination.port))
            where = "" if each is listener else f"{each.name}: "
            walk.step("listener_filters", kinds, where + "; ".join(inspection.notes), filters)
        before = inspection.arrival
    return inspection


def _tunnel(chain: FilterChain) -> str:
    tunnel = chain.tcp.tunnel if chain.tcp is not None else ""
    return f"; Envoy asks the cluster, a forward proxy, by CONNECT for {tunnel}" if tunnel else ""


def _find_listener(walk: Walk, index: ListenerIndex) -> Listener | Outcome:
    """The listener that takes the connection; an Outcome where none does, or where that is not known."""
    destination = walk.destination
    coverage = walk.proxy.coverage("listeners")
    if not coverage.is_whole and not coverage.names_all and not index.is_exact(destination.ip, destination.port):
        dialled = host_port(destination.ip or destination.host, destination.port)
        why = f"a listener that was not read may be bound to {dialled}: {coverage.because}"
        return Outcome(Verdict.UNKNOWN, "no-listeners", why, missing=coverage.missing or ("listeners",))
    listener = index.choose(destination.ip, destination.port)
    if listener is None:
        return _nothing_listens(walk)
    if listener.unread:
        why = f"listener {listener.name} takes the connection, and was not read whole: {listener.unread}"
        walk.step("listener", listener.name, why, listener.path, listener.name)
        return Outcome(Verdict.UNKNOWN, "listener-unread", why, missing=(f"listener {listener.name}",))
    return listener


def _nothing_listens(walk: Walk) -> Outcome:
    """No listener takes the connection, not even virtualOutbound: nothing is bound to the port iptables sends it to."""
    waiting = next((r for r in walk.proxy.rejections if r.kind == "listener" and r.name in VIRTUAL_OUTBOUND), None)
    if waiting is not None and not waiting.has_active:
        why = f"listener {waiting.name} is not active ({waiting.details}): the kernel refuses the connection"
        walk.step("listener", None, why, waiting.path, waiting.name)
        return Outcome(Verdict.BLOCKED, "listener-not-active", why, Expect(response_flags=()))
    why = "the config dump has no listener for this connection"
    return Outcome(Verdict.UNKNOWN, "no-listeners", why, missing=("listeners",))


def chain_label(walk: Walk) -> str:
    """A name for the chain: its own, else `default`, else its index in the listener."""
    chain = walk.chain
    if chain is None:
        return ""
    return chain.name or ("default" if chain.is_default else chain.path.rsplit(".", 1)[-1])


def _why_listener(listener: Listener, index: ListenerIndex, destination: Destination) -> str:
    dialled = f"{destination.ip or destination.host}:{destination.port}"
    if listener is index.catch_all:
        return (
            f"no listener is bound to {dialled}, nor to port {destination.port} on all addresses: the listener that "
            "iptables redirects to takes the connection"
        )
    wildcard = next((bind for bind, _ in listener.addresses if bind in WILDCARDS), "")
    if wildcard:
        return f"no listener is bound to {dialled}; the one bound to {host_port(wildcard, destination.port)} takes it"
    return f"the listener is bound to {dialled}"
