"""Connections to forward proxies: which one a client of the pod goes by, and what its sidecar sees of that."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.forward_proxy import ForwardProxy, ProxiedRequest
from meshdoctor.model.mesh import Dependency, Pod
from meshdoctor.model.trace import ClientOptions, Destination, Step, Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.clients.forward_proxies import ContainerProxies
from meshdoctor.semantics.ip_addresses import address, is_ip, is_of
from meshdoctor.semantics.istio.capture_settings import app_containers
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.semantics.istio.registry import Registry, Viewer, may_be_service

_HOW = ("ip", "protocol", "sni", "authority", "method", "http_version")
"""Options that describe the connection itself, so that no setting of the pod does."""


def is_described(client: ClientOptions) -> bool:
    """Whether the caller says how the connection itself is made, so that no forward proxy is assumed."""
    return any(client.get(name) is not None for name in _HOW)


def is_dialled(dependency: Dependency, *, is_registered: bool) -> bool:
    """Whether a client dials the host itself. One that ignores the setting of its forward proxy counts where the host
    is registered for the pod: the mesh means it to be dialled."""
    return dependency.is_dialled or (is_registered and bool(skipping(dependency)))


def skipping(dependency: Dependency) -> str:
    """Which clients dial the host although a forward proxy is set, in words; empty for none."""
    return next((request.proxy.skipped_by for request in dependency.proxied if request.proxy.skipped_by), "")


def with_clients(trace: Trace, dependency: Dependency | None) -> Trace:
    """The trace of a connection to the host itself, with the clients that dial it although a forward proxy is set."""
    skipped_by = skipping(dependency) if dependency is not None and not dependency.is_dialled else ""
    if dependency is None or not skipped_by:
        return trace
    why = f"clients such as {skipped_by} dial the host itself, whatever {dependency.proxied[0].proxy.setting} says"
    because = trace.because if trace.verdict is Verdict.DELIVERED else f"{trace.because}; {why}"
    return structs.replace(with_step(Step("client", "dialled directly", why), trace), because=because)


def paths_of(dependency: Dependency | None) -> tuple[str, ...]:
    """The paths that clients which dial the host ask it for."""
    if dependency is None or dependency.is_dialled:
        return dependency.paths if dependency else ()
    return tuple(dict.fromkeys(request.path for request in dependency.proxied if request.path))


def requests_for(
    pod: Pod | None,
    dependency: Dependency | None,
    host: str,
    port: int,
    client: ClientOptions,
    *,
    is_registered: bool,
) -> Sequence[ProxiedRequest | None]:
    """What each client asks a forward proxy for; None for one that dials the host itself.

    Of a URL that is no dependency, each container of the pod is taken for its client.
    """
    scheme, path = client.get("scheme"), client.get("path")
    if dependency is not None:
        found = [r if path is None else structs.replace(r, path=path) for r in dependency.proxied]
        return (*found, None) if is_dialled(dependency, is_registered=is_registered) or not found else found
    containers = app_containers(pod) if scheme else ()
    requests = (ContainerProxies(one).request(scheme or "", host, port, path or "") for one in containers)
    return tuple(dict.fromkeys(requests)) or (None,)


def address_of(host: str, registry: Registry, viewer: Viewer) -> str | None:
    """The address of a proxy that is one itself or a Kubernetes Service; None for a name outside the cluster."""
    if is_ip(host):
        return host
    inside = registry.cluster_ips(host, viewer.namespace) if may_be_service(host) else ()
    return next((ip for ip in inside if is_of(ip, viewer.families)), None)


def with_step(step: Step, trace: Trace) -> Trace:
    """The trace with a step before all others."""
    return structs.replace(trace, steps=(step, *trace.steps))


def to_proxy(asked: Destination, request: ProxiedRequest) -> Destination:
    """The connection that the client opens to the proxy, as the sidecar sees it."""
    proxy = request.proxy
    if proxy.is_socks:
        return structs.replace(asked, host=proxy.host, port=proxy.port, protocol="tcp", sni=None, authority=None)
    if proxy.scheme == "https":
        return structs.replace(asked, host=proxy.host, port=proxy.port, protocol="tls", sni=proxy.host, authority=None)
    return structs.replace(
        asked,
        host=proxy.host,
        port=proxy.port,
        protocol="http",
        sni=None,
        authority=request.authority or None,
        path=(request.path or "/") if request.method == "GET" else "",
        method=request.method,
    )


def manner(request: ProxiedRequest) -> str:
    """How the client asks the proxy, in words."""
    if request.proxy.is_socks:
        return f"by {request.proxy.scheme.upper()}"
    inside = " inside TLS" if request.proxy.scheme == "https" else ""
    named = f" {request.authority}" if request.authority else ""
    if request.method == "CONNECT":
        return f"by CONNECT{named}{inside}"
    path = request.path or "/"
    return f"in absolute form, GET http://{request.authority}{path}{inside}" if named else f"in absolute form{inside}"


def step_of(request: ProxiedRequest) -> Step:
    """The decision of the client, which comes before all others."""
    proxy = request.proxy
    chosen = host_port(proxy.host, proxy.port) if proxy.host else None
    why = f"{proxy.setting} names a forward proxy; clients ask it for {host_port(request.host, request.port)} "
    why += f"{manner(request)}, so the sidecar sees a connection to the proxy alone"
    return Step("client", chosen, why + (f"; {proxy.doubt}" if proxy.doubt else ""), _evidence(proxy))


def proxy_step(requests: tuple[ProxiedRequest, ...], request: ProxiedRequest) -> Step:
    """How a forward proxy that is traced itself is spoken to."""
    others = len(requests) - 1
    more = f", and {others} more" if others else ""
    why = f"{request.proxy.setting} names it as a forward proxy: clients ask it {manner(request)}{more}"
    return Step("client", request.method, why, _evidence(request.proxy))


def undecided(pod: str, asked: Destination, request: ProxiedRequest) -> Trace | None:
    """The trace where the proxy is not known, or is in the pod itself; None where its connection can be traced."""
    proxy = request.proxy
    if not proxy.host:
        why = f"clients go by the forward proxy that {proxy.setting} names, whose value was not read"
        return _unknown(pod, asked, request, "forward-proxy-unknown", why, (proxy.setting,))
    ip = address(proxy.host)
    if proxy.host == "localhost" or (ip is not None and ip.is_loopback):
        why = f"clients go by the forward proxy {host_port(proxy.host, proxy.port)} in the pod itself "
        why += f"({proxy.setting}); what that connects to is not known"
        return _unknown(pod, asked, request, "forward-proxy-in-pod", why, (f"settings of {proxy.host}",))
    return None


def doubtful(direct: Trace, proxied: Trace, request: ProxiedRequest) -> Trace:
    """The trace of a client that may go by the proxy or not: known only where both ways are delivered."""
    if direct.verdict is proxied.verdict is Verdict.DELIVERED:
        return proxied
    why = f"{request.proxy.doubt}: by the proxy the connection is {proxied.verdict}, without it {direct.verdict}"
    return structs.replace(
        proxied, verdict=Verdict.UNKNOWN, reason="forward-proxy-unknown", because=why, missing=(request.proxy.setting,)
    )


def _unknown(
    pod: str, asked: Destination, request: ProxiedRequest, reason: str, why: str, missing: tuple[str, ...]
) -> Trace:
    step = step_of(request)
    return Trace(pod, asked, Verdict.UNKNOWN, reason, why, steps=(step,), missing=missing)


def _evidence(proxy: ForwardProxy) -> Evidence | None:
    pointer = proxy.pointer
    value = host_port(proxy.host, proxy.port) if proxy.host else ""
    return Evidence(pointer.document, pointer.path, value) if pointer.document else None
