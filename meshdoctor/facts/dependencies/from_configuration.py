"""Dependencies from the pods' own configuration, and where each was found.

A URL, a `host:port`, and a host with a port beside it (`PREFIX_HOST`, `PREFIX_PORT`) are certain; a name alone is a
hint. Reads environment variables (including their ConfigMap keys), arguments and the application's annotations. No
value is ever shown: it may contain a password.

Where the container's settings name a forward proxy, its URLs go there: the proxy is a dependency too, and what is asked
of it is kept with both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from msgspec import Struct

from meshdoctor.model.evidence import Pointer
from meshdoctor.model.forward_proxy import ForwardProxy, ProxiedRequest
from meshdoctor.model.mesh import Container, Dependency, PlainCredential, Pod, Service, Sighting
from meshdoctor.semantics.clients import setting_names
from meshdoctor.semantics.clients.addresses_in_text import (
    NamedHost,
    canonical_host,
    is_address,
    stays_inside,
    targets_in,
)
from meshdoctor.semantics.clients.forward_proxies import ContainerProxies
from meshdoctor.semantics.clients.settings import Setting, named_hosts, settings_in_arguments
from meshdoctor.semantics.istio.capture_settings import ISTIO_CONTAINERS
from meshdoctor.semantics.istio.data_plane import GATEWAYS, proxy_role
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.secrets import form_of_secret

IsExternal = Callable[[str, str], bool]
"""(canonical host, namespace of the pod) → False for what a Kubernetes Service is."""


class _Place(Struct, frozen=True):
    """Where a setting is: `env` or `arg` with its name there, and its value."""

    label: str
    pointer: Pointer
    source: str = ""
    """The ConfigMap and key that hold the value."""


class _Candidate(Struct, frozen=True):
    target: NamedHost
    sighting: Sighting
    container: str = ""
    """Whose setting it is; empty for an annotation."""
    request: ProxiedRequest | None = None
    """What a client asks a forward proxy for instead of dialling the host."""


def configured_dependencies(pods: Iterable[Pod], is_external: IsExternal) -> tuple[Dependency, ...]:
    """Every external host that a pod's configuration names, merged by pod, host and port.

    A name without port is left out where the same pod also names it with one. Whether the proxy is a sidecar; gateways
    have no dependencies of their own.
    """
    found: list[Dependency] = []
    for pod in pods:
        if proxy_role(pod) not in GATEWAYS:
            own = canonical_host(pod.ip)
            proxies = [(c, ContainerProxies(c)) for c in _app_containers(pod)]
            named = list(_dependencies(pod, proxies))
            outside = [d for d in named if d.target.host != own and is_external(d.target.host, pod.namespace)]
            found += _merged(pod, outside, [request for _, one in proxies for request in one.named()])
    return tuple(found)


def service_test(read_services: Callable[[], Iterable[Service] | None], namespaces: Iterable[str]) -> IsExternal:
    """An `is_external` that knows the mesh's Services by every name and cluster IP.

    `read_services` is called for the first host that may be a Service (a mesh has thousands of them); it gives None
    where Services were not read, and then `name.namespace` of a known namespace counts as one.
    """
    known = frozenset(namespaces)

    @cache
    def inside() -> frozenset[str] | None:
        services = read_services()
        if services is None:
            return None
        names = {service.host for service in services}
        names |= {canonical_host(ip) for service in services for ip in service.cluster_ips}
        short = {f"{service.ref.name}.{service.ref.namespace}" for service in services}
        return frozenset(names | short | {f"{name}.svc" for name in short})

    def is_external(host: str, namespace: str) -> bool:
        labels = host.split(".")
        if not is_address(host) and known and labels[-1] not in known and "svc" not in labels:
            return True
        names = inside()
        if names is None:
            return is_address(host) or not (len(labels) == 2 and labels[1] in known)
        # A pod of a headless Service is called pod.service.namespace.
        return host not in names and ".".join(labels[1:]) not in names

    return is_external


def ips_beside(pods: Iterable[Pod]) -> dict[str, tuple[str, ...]]:
    """Addresses that the environment lists beside a host's name, by host: `DB_HOST=db.x`, `DB_IPS=203.0.113.1`."""
    found: dict[str, dict[str, None]] = {}
    for pod in pods:
        for container in _app_containers(pod):
            for host, _, addresses in _beside(container):
                found.setdefault(host, {}).update(dict.fromkeys(addresses))
    return {host: tuple(addresses) for host, addresses in found.items()}


def credentials(pods: Iterable[Pod]) -> tuple[PlainCredential, ...]:
    """Every variable of an application container whose literal value is, or holds, a password.

    Values from Secrets, ConfigMaps and fields are not literals. The marker of a redacted value counts as one.
    """
    return tuple(
        PlainCredential(pod, container.name, variable.name, form, variable.pointer)
        for pod in pods
        for container in _app_containers(pod)
        for variable in container.env
        if variable.source == "literal" and variable.value and (form := form_of_secret(variable.name, variable.value))
    )


def _app_containers(pod: Pod) -> Iterator[Container]:
    return (c for c in pod.containers if c.name not in ISTIO_CONTAINERS)


def _merged(pod: Pod, dependencies: Sequence[_Candidate], named: Sequence[ProxiedRequest]) -> Iterator[Dependency]:
    """The dependencies by host and port. `named`: requests for no URL, of every forward proxy that is set."""
    by_place: dict[tuple[str, int | None], list[_Candidate]] = {}
    for dependency in dependencies:
        by_place.setdefault((dependency.target.host, dependency.target.port), []).append(dependency)
    certain = {host for host, port in by_place if port is not None}
    for (host, port), same in by_place.items():
        if port is None and host in certain:
            continue
        scheme = next((w.target.scheme for w in same if w.target.scheme), "")
        dialled = [w for w in same if w.request is None]
        yield Dependency(
            pod.key,
            host,
            port,
            scheme,
            tuple(dict.fromkeys(w.sighting for w in same)),
            tuple(dict.fromkeys(w.target.path for w in dialled if w.target.path)),
            proxied=tuple(dict.fromkeys(w.request for w in same if w.request is not None)),
            containers=_containers(dialled or same),
            is_dialled=bool(dialled),
            asked=_asked(dependencies, named, host, port),
        )


def _containers(candidates: Sequence[_Candidate]) -> tuple[str, ...]:
    """The containers that name the host; none where an annotation of the whole pod does."""
    names = tuple(dict.fromkeys(candidate.container for candidate in candidates))
    return () if "" in names else names


def _asked(
    dependencies: Iterable[_Candidate], named: Iterable[ProxiedRequest], host: str, port: int | None
) -> tuple[ProxiedRequest, ...]:
    """What clients ask host:port for where it is a forward proxy; of one without known URLs, a request for none."""

    def is_here(request: ProxiedRequest) -> bool:
        return (request.proxy.host, request.proxy.port) == (host, port)

    requests = (w.request for w in dependencies if w.request is not None)
    found = tuple(dict.fromkeys(request for request in requests if is_here(request)))
    return found or tuple(request for request in named if is_here(request))


def _dependencies(pod: Pod, proxies: Sequence[tuple[Container, ContainerProxies]]) -> Iterator[_Candidate]:
    for container, own in proxies:
        found = list(_of_container(container))
        known = {(one.target.host, one.target.port) for one in found}
        for proxy in (request.proxy for request in own.named()):
            if (proxy.host, proxy.port) not in known and not stays_inside(proxy.host):
                found.append(_Candidate(_as_target(proxy), Sighting(proxy.setting, proxy.pointer), container.name))
        places = {(request.proxy.host, request.proxy.port) for request in own.named()}
        for one in found:
            yield one if (one.target.host, one.target.port) in places else _sent(one, own)
    for key, value in pod.annotations.items():
        if setting_names.is_application_annotation(key):
            pointer = Pointer(pod.pointer.document, f"{pod.pointer.path}.metadata.annotations['{key}']")
            place = _Place(f"annotation {key}", pointer)
            for one in _from_settings([Setting(key.rpartition("/")[2], value)], [place], ""):
                sent = (_sent(one, own) for _, own in proxies)
                yield next((other for other in sent if other.request is not None), one)


def _as_target(proxy: ForwardProxy) -> NamedHost:
    return NamedHost(proxy.host, proxy.port, proxy.scheme, port_written=True)


def _sent(candidate: _Candidate, proxies: ContainerProxies) -> _Candidate:
    """The candidate with the request that its container's forward proxy gets for it."""
    target = candidate.target
    if target.port is None:
        return candidate
    request = proxies.request(target.scheme, target.host, target.port, target.path)
    if request is None:
        return candidate
    named = host_port(request.proxy.host, request.proxy.port) if request.proxy.host else f"of {request.proxy.setting}"
    where = f"{candidate.sighting.where}, by forward proxy {named}"
    return _Candidate(target, Sighting(where, candidate.sighting.pointer), candidate.container, request)


def _of_container(container: Container) -> Iterator[_Candidate]:
    beside = {name for _, name, _ in _beside(container)}
    settings: list[Setting] = []
    places: list[_Place] = []
    for variable in container.env:
        if variable.value is not None and variable.name not in beside:
            source = f"ConfigMap {variable.source_name}" if variable.source == "configmap" else ""
            settings.append(Setting(variable.name, variable.value, len(places)))
            places.append(_Place(f"env {variable.name}", variable.pointer, source))
    yield from _from_settings(settings, places, container.name)
    places = [_Place(f"arg {index + 1}", container.arg_pointer(index)) for index in range(len(container.args))]
    yield from _from_settings(list(settings_in_arguments(container.args)), places, container.name)


def _from_settings(group: Sequence[Setting], places: Sequence[_Place], container: str) -> Iterator[_Candidate]:
    """Dependencies from settings that belong together; `places` are those of their origins."""
    of = f" of container {container}" if container else ""
    for named in named_hosts(group):
        at = places[named.setting.origin]
        where = at.label
        if named.port_from is not None and (partner := places[named.port_from.origin].label) != where:
            where += f" and {partner.removeprefix('env ')}"
        where += of
        if at.source:
            where = f"{at.source} ({where})"
        yield _Candidate(named.target, Sighting(where, at.pointer), container)


def _beside(container: Container) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(host, variable of the addresses, addresses) of every host's name with addresses under the same prefix."""
    hosts: dict[tuple[str, ...], list[str]] = {}
    for variable in container.env:
        prefix = setting_names.host_prefix(variable.name)
        if prefix is not None and variable.value:
            names = [t.host for t in targets_in(variable.value, names_host=True) if not is_address(t.host)]
            hosts.setdefault(prefix, []).extend(names)
    for variable in container.env:
        prefix = setting_names.address_prefix(variable.name)
        addresses = tuple(canonical_host(part) for part in re.split(r"[,;\s]+", variable.value or "") if part)
        if prefix is None or not addresses or not all(map(is_address, addresses)):
            continue
        for host in dict.fromkeys(hosts.get(prefix, ())):
            yield host, variable.name, addresses
