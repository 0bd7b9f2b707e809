"""From the redirected connection to its filter chain: listener choice, listener filters, chain match.

Listener choice follows source/common/listener_manager/connection_handler_impl.cc (getBalancedHandlerByAddress): after
original_dst, the listener bound to exactly this address, else the one on the wildcard address and this port, else the
catch-all listener (virtualOutbound) takes it.
"""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.proxy import FilterChain, Listener, ListenerFilter, Proxy
from meshdoctor.model.trace import Destination, Expect
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.envoy.filter_chains import Arrival, choose_chain
from meshdoctor.semantics.ip_addresses import address
from meshdoctor.trace.walk import Outcome, Walk

INSPECTORS = ("tls_inspector", "http_inspector")
CATCH_ALL_NAMES = ("virtualOutbound", "virtual")
WILDCARDS = ("0.0.0.0", "::")


class ListenerIndex:
    """Listeners of one proxy by the address they answer for, and the one that catches the rest."""

    def __init__(self, proxy: Proxy) -> None:
        self.by_address: dict[tuple[str, int], Listener] = {}
        self.by_port: dict[int, list[Listener]] = {}
        self.catch_all: Listener | None = None
        for listener in proxy.listeners.values():
            if listener.use_original_dst and listener.name not in CATCH_ALL_NAMES and self.catch_all:
                continue
            if listener.use_original_dst and listener.traffic_direction != "INBOUND":
                self.catch_all = listener
                continue
            for bind, port in listener.addresses:
                self.by_address.setdefault((_canonical(bind), port), listener)
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

    def accepts(self, ip: str | None, port: int) -> bool:
        """Whether a loopback address is one that a listener really binds: a proxy port, or captureMode NONE."""
        parsed = address(ip) if ip else None
        if parsed is None or not parsed.is_loopback:
            return False
        listener = self.choose(ip, port)
        return listener is not None and listener.bind_to_port and listener is not self.catch_all

    def bound_addresses(self, port: int) -> list[str]:
        """Addresses other than wildcards that some listener binds on this port."""
        return [
            a
            for listener in self.by_port.get(port, ())
            for a, p in listener.addresses
            if p == port and a not in WILDCARDS
        ]


def _canonical(bind: str) -> str:
    parsed = address(bind)
    return str(parsed) if parsed is not None else bind


class Inspection(Struct, frozen=True):
    """What the listener filters found out, or that they wait for bytes that never come."""

    arrival: Arrival
    notes: tuple[str, ...] = ()
    hang: str = ""
    closed: str = ""


def active_filters(listener: Listener, port: int) -> list[ListenerFilter]:
    """Inspectors that run for this destination port (`filter_disabled` may switch one off)."""
    return [
        f
        for f in listener.listener_filters
        if f.kind in INSPECTORS
        and not f.disabled_always
        and not any(start <= port < end for start, end in f.disabled_ports)
    ]


def inspect(listener: Listener, destination: Destination, source_ip: str | None) -> Inspection:
    """Run the listener filters: what an inspector learns, and what it waits for.

    tls_inspector and http_inspector wait for the client's first bytes. A client that lets the server speak first sends
    none, so the connection waits for listener_filters_timeout; 0 is for ever (istio: protocolDetectionTimeout).
    """
    inspectors = active_filters(listener, destination.port)
    plain = Arrival(destination.ip, destination.port, source_ip=source_ip)
    if destination.protocol == "server-first" and inspectors:
        return _waiting(listener, inspectors[0], plain)
    kinds = {f.kind for f in inspectors}
    notes: list[str] = []
    if destination.protocol == "tls" and "tls_inspector" in kinds:
        name = (destination.sni or "").lower()
        notes.append(f"tls_inspector reads server name {name}" if name else "tls_inspector finds no server name")
        return Inspection(
            Arrival(plain.ip, plain.port, name, "tls", source_ip=source_ip),
            tuple(notes),
        )
    if destination.protocol == "http" and "http_inspector" in kinds:
        notes.append("http_inspector recognises HTTP/1.1")
        seen = Arrival(plain.ip, plain.port, application_protocols=("http/1.1",), source_ip=source_ip)
        return Inspection(seen, tuple(notes))
    for kind in sorted(kinds):
        notes.append(f"{kind} does not recognise the first bytes")
    return Inspection(plain, tuple(notes))


def _waiting(listener: Listener, inspector: ListenerFilter, plain: Arrival) -> Inspection:
    timeout = listener.listener_filters_timeout
    if timeout == 0:
        return Inspection(
            plain,
            hang=f"{inspector.kind} waits for the client's first bytes, the client waits for the server's greeting, "
            "and listener_filters_timeout is 0: it waits for ever",
        )
    if not listener.continue_on_listener_filters_timeout:
        return Inspection(
            plain, closed=f"{inspector.kind} gets no bytes, and after {timeout:g} s without an answer Envoy closes"
        )
    note = f"{inspector.kind} gets no bytes and goes on after {timeout:g} s"
    return Inspection(plain, (note,))


def arrive(walk: Walk, index: ListenerIndex) -> Outcome | None:
    """Take the walk to its filter chain; an Outcome where it ends before."""
    destination = walk.destination
    listener = index.choose(destination.ip, destination.port)
    if listener is None:
        return Outcome(
            Verdict.UNKNOWN, "no-listeners", "the dump holds no listener that could take it", missing=("listeners",)
        )
    walk.listener = listener
    walk.step("listener", listener.name, _why_listener(listener, index, destination), listener.path, listener.name)
    seen = inspect(listener, destination, walk.proxy.node.ip or None)
    if seen.hang:
        walk.step("listener_filters", None, seen.hang, f"{listener.path}.listener_filters")
        return Outcome(Verdict.BROKEN, "hang", seen.hang, Expect(hangs=True))
    if seen.closed:
        walk.step("listener_filters", None, seen.closed, f"{listener.path}.listener_filters")
        return Outcome(Verdict.BROKEN, "inspector-timeout", seen.closed, Expect(hangs=True))
    if seen.notes:
        inspectors = ", ".join(f.kind for f in active_filters(listener, destination.port))
        walk.step("listener_filters", inspectors, "; ".join(seen.notes), f"{listener.path}.listener_filters")
    choice = choose_chain(listener.filter_chains, listener.default_filter_chain, seen.arrival)
    if choice.chain is None:
        why = "; ".join(choice.decided) or "no filter chain matches"
        walk.step(
            "filter_chain", None, f"{why}; there is no default chain, so Envoy closes", f"{listener.path}.filter_chains"
        )
        flags = Expect(response_flags=("NR",))
        return Outcome(Verdict.BLOCKED, "no-filter-chain", f"no filter chain of {listener.name} matches: {why}", flags)
    walk.chain = choice.chain
    walk.step(
        "filter_chain",
        chain_label(walk),
        _why_chain(choice.decided, choice.is_default),
        choice.chain.path,
        _leads_to(choice.chain),
    )
    return None


def _leads_to(chain: FilterChain) -> str:
    """What the chain hands the connection to: a cluster, or a route configuration."""
    if chain.tcp is not None and chain.tcp.clusters:
        return chain.tcp.clusters[0].name
    return f"route {chain.http.route_config_name}" if chain.http is not None and chain.http.route_config_name else ""


def chain_label(walk: Walk) -> str:
    """A name for the chain: its own, else `default`, else its place in the listener."""
    chain = walk.chain
    if chain is None:
        return ""
    if chain.name:
        return chain.name
    if chain.is_default:
        return "default"
    return chain.path.rsplit(".", 1)[-1]


def _why_chain(decided: tuple[str, ...], is_default: bool) -> str:
    if is_default:
        return f"{'; '.join(decided) or 'no other chain matches'}; so the default chain takes it"
    return "; ".join(decided) or "the chain has no match condition, so it takes every connection of this listener"


def _why_listener(listener: Listener, index: ListenerIndex, destination: Destination) -> str:
    dialled = f"{destination.ip or destination.host}:{destination.port}"
    if listener is index.catch_all:
        where = f"{dialled}, nor for port {destination.port} on any address"
        return f"no listener for {where}: the catch-all listener takes it"
    if any(bind in WILDCARDS for bind, _ in listener.addresses):
        return f"no listener for {dialled}; the wildcard on port {destination.port} matches"
    return f"it is bound to {dialled}"
