"""Dependencies from the pods' own configuration, and where each was found.

A URL, a `host:port`, and a host with a port beside it (`PREFIX_HOST`, `PREFIX_PORT`) are certain; a name alone is a
hint. Reads environment variables (including their ConfigMap keys), arguments and the application's annotations. No
value is ever shown: it may contain a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, structs

from meshdoctor.facts.dependencies import setting_names
from meshdoctor.facts.dependencies.addresses_in_text import (
    NamedHost,
    canonical_host,
    is_address,
    port_number,
    targets_in,
)
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Container, Dependency, PlainCredential, Pod, Service, Sighting
from meshdoctor.semantics.istio.data_plane import GATEWAYS, proxy_role
from meshdoctor.semantics.istio.traffic_capture import ISTIO_CONTAINERS
from meshdoctor.text.secrets import REDACTED, form_of_secret, is_secret_name
from meshdoctor.text.word_sets import words

IsExternal = Callable[[str, str], bool]
"""(canonical host, namespace of the pod) → False for what a Kubernetes Service is."""

_OPTION = re.compile(r"(?:--?D?)?([A-Za-z][\w.-]*)=(.*)\Z", re.DOTALL)
_FLAG = re.compile(r"--?([A-Za-z][\w.-]*)\Z")
_WORD_BREAK = re.compile(r"[\s\"'`()<>|&]+")


class _Setting(Struct, frozen=True):
    """One name and value, and where it is set: `env` or `arg`, its name there, and the container."""

    name: str
    value: str
    label: str
    pointer: Pointer
    source: str = ""
    """The ConfigMap and key that hold the value."""


class _Candidate(Struct, frozen=True):
    target: NamedHost
    sighting: Sighting


def configured_dependencies(pods: Iterable[Pod], is_external: IsExternal) -> tuple[Dependency, ...]:
    """Every external host that a pod's configuration names, merged by pod, host and port.

    A name without port is left out where the same pod also names it with one. Whether the proxy is a sidecar; gateways
    have no dependencies of their own.
    """
    found: list[Dependency] = []
    for pod in pods:
        if proxy_role(pod) not in GATEWAYS:
            own = canonical_host(pod.ip)
            hosts = ((dependency, dependency.target.host) for dependency in _dependencies(pod))
            found += _merged(pod, (d for d, host in hosts if host != own and is_external(host, pod.namespace)))
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


def _merged(pod: Pod, dependencies: Iterable[_Candidate]) -> Iterator[Dependency]:
    by_place: dict[tuple[str, int | None], list[_Candidate]] = {}
    for dependency in dependencies:
        by_place.setdefault((dependency.target.host, dependency.target.port), []).append(dependency)
    certain = {host for host, port in by_place if port is not None}
    for (host, port), same in by_place.items():
        if port is None and host in certain:
            continue
        scheme = next((w.target.scheme for w in same if w.target.scheme), "")
        paths = tuple(dict.fromkeys(w.target.path for w in same if w.target.path))
        yield Dependency(pod.key, host, port, scheme, tuple(dict.fromkeys(w.sighting for w in same)), paths)


def _dependencies(pod: Pod) -> Iterator[_Candidate]:
    for container in _app_containers(pod):
        of = f" of container {container.name}"
        beside = {name for _, name, _ in _beside(container)}
        settings = []
        for variable in container.env:
            if variable.value is not None and variable.name not in beside:
                source = f"ConfigMap {variable.source_name}" if variable.source == "configmap" else ""
                label = f"env {variable.name}"
                settings.append(_Setting(variable.name, variable.value, label, variable.pointer, source))
        yield from _from_settings(settings, of)
        yield from _from_settings(list(_arguments(container)), of)
    for key, value in pod.annotations.items():
        if setting_names.is_application_annotation(key):
            pointer = Pointer(pod.pointer.document, f"{pod.pointer.path}.metadata.annotations['{key}']")
            setting = _Setting(key.rpartition("/")[2], value, f"annotation {key}", pointer)
            yield from _from_settings([setting], "")


def _arguments(container: Container) -> Iterator[_Setting]:
    """`--name=value`, `-Dname=value`, `--name value`, and values by themselves; a script gives all its words."""
    arguments = container.args
    for index, argument in enumerate(arguments):
        label, pointer = f"arg {index + 1}", container.arg_pointer(index)
        option = _OPTION.match(argument)
        flag = _FLAG.match(arguments[index - 1]) if index else None
        if option and not re.search(r"\s-", argument):
            yield _Setting(option.group(1), option.group(2), label, pointer)
        elif re.search(r"\s", argument):
            for word in _WORD_BREAK.split(argument):
                option = _OPTION.match(word)
                name, value = (option.group(1), option.group(2)) if option else ("", word)
                yield _Setting(name, value, label, pointer)
        elif not argument.startswith("-"):
            yield _Setting(flag.group(1) if flag else "", argument, label, pointer)


def _from_settings(group: list[_Setting], of: str, depth: int = 2) -> Iterator[_Candidate]:
    """Dependencies from settings that belong together, so that one may hold the port of another's host.

    `depth` limits how far settings inside a value are followed.
    """
    ports: dict[tuple[str, ...], tuple[int, str]] = {}
    for setting in group:
        number = port_number(setting.value)
        if number is not None:
            ports.setdefault(words(setting.name), (number, setting.label))
    for setting in group:
        # A password may look like host:port and would be printed as a host.
        if setting_names.is_own_address(setting.name) or (is_secret_name(setting.name) and "://" not in setting.value):
            continue
        for inner in _inner_groups(setting) if depth else ():
            yield from _from_settings(inner, of, depth - 1)
        hosts = targets_in(
            setting.value,
            names_host=setting_names.names_a_host(setting.name),
            bare_name=setting_names.allows_bare_name(setting.name),
        )
        for target in hosts:
            yield _dependency(setting, target, ports, of)


def _inner_groups(setting: _Setting) -> Iterator[list[_Setting]]:
    """Settings inside one value, grouped as they belong together.

    `host=db.x port=5432`, `Server=db.x;Port=1433`, `-Ddb.host=db.x -Ddb.port=1521`, and the objects of a JSON text.
    """
    text = setting.value.replace(REDACTED, "redacted").strip()

    def made(name: str, value: str) -> _Setting:
        return _Setting(name, value, setting.label, setting.pointer, setting.source)

    if text.startswith("{"):
        yield from ([made(n, v) for n, v in members] for members in _json_objects(text))
    elif "=" in text and "\n" not in text:
        parts = text.split(";") if ";" in text and "://" not in text else text.split()
        found = [match for part in parts if "://" not in part and (match := _OPTION.match(part.strip()))]
        yield [made(match.group(1), match.group(2)) for match in found]


def _json_objects(text: str) -> Iterator[list[tuple[str, str]]]:
    """Members with a text or number value of every object in a JSON text; URLs are left out, because they are found
    separately."""
    try:
        pending: list[Any] = [msgspec.json.decode(text)]
    except (msgspec.DecodeError, RecursionError):
        return
    while pending:
        value = pending.pop()
        children = value.values() if isinstance(value, dict) else value
        pending += [child for child in children if isinstance(child, dict | list)]
        if isinstance(value, dict):
            yield [
                (name, str(member))
                for name, member in value.items()
                if isinstance(member, str | int) and "://" not in str(member)
            ]


def _dependency(
    setting: _Setting, target: NamedHost, ports: Mapping[tuple[str, ...], tuple[int, str]], of: str
) -> _Candidate:
    """The dependency, with the port from the setting beside it where the target has none."""
    where = setting.label
    if not target.port_written and target.scheme != "mongodb+srv":
        partner = next((ports[n] for n in setting_names.port_names(setting.name) if n in ports), None)
        if partner:
            target = structs.replace(target, port=partner[0], port_written=True)
            where += f" and {partner[1].removeprefix('env ')}" if partner[1] != where else ""
    where += of
    if setting.source:
        where = f"{setting.source} ({where})"
    return _Candidate(target, Sighting(where, setting.pointer))


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
