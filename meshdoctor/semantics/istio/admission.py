"""Why the API server or istiod's webhook would reject a ServiceEntry, so that no such fix is offered.

The rules are those of ValidateServiceEntry in pkg/config/validation/validation.go of istio/istio and of the CEL
expressions of its CRD (manifests/charts/base/files/crd-all.gen.yaml); warnings are not among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from meshdoctor.semantics.ip_addresses import is_ip, network
from meshdoctor.semantics.istio.protocols import protocol_class
from meshdoctor.semantics.kubernetes.manifests import objects_in

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.I)
_RESOLUTIONS = ("", "NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS")
_PROTOCOLS = frozenset(
    ("HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY", "TCP", "TLS", "UDP", "MONGO", "REDIS", "MYSQL")
)
_DYNAMIC = frozenset({"HTTP", "HTTP2", "GRPC", "TLS"})
_MOST = 256
"""Hosts, ports and addresses of one entry."""


def refusals(manifest: dict[str, Any]) -> tuple[str, ...]:
    """Reasons why admission would reject this ServiceEntry; empty where it would accept it."""
    spec = manifest.get("spec") or {}
    namespace = (manifest.get("metadata") or {}).get("namespace", "")
    found = [*_hosts(spec), *_ports(spec), *_addresses(spec), *_endpoints(spec)]
    return tuple(dict.fromkeys([*found, *_together(spec), *_exports(_strings(spec, "exportTo"), namespace)]))


def is_dns_name(name: str) -> bool:
    """A DNS name of RFC 1123 labels, with or without a dot at its end."""
    labels = name.rstrip(".").split(".")
    return 0 < len(name) <= 255 and all(_LABEL.fullmatch(label) for label in labels)


def _hosts(spec: dict[str, Any]) -> Iterator[str]:
    hosts = _strings(spec, "hosts")
    if not hosts or len(hosts) > _MOST:
        yield f"an entry has 1 to {_MOST} hosts"
    for host in hosts:
        if host == "*" or not is_dns_name(host.removeprefix("*.").removeprefix("*")):
            yield f"{host} is not a host name"


def _ports(spec: dict[str, Any]) -> Iterator[str]:
    ports = objects_in(spec.get("ports"))
    for key in ("number", "name"):
        values = [port.get(key) for port in ports]
        if len(set(values)) < len(values):
            yield f"two ports have the same {key}"
    if len(ports) > _MOST:
        yield f"an entry has {_MOST} ports at most"
    for port in ports:
        yield from _port(port)


def _port(port: dict[str, Any]) -> Iterator[str]:
    for key in ("number", "targetPort"):
        number = port.get(key, 1)
        if not isinstance(number, int) or not 0 < number < 65536:
            yield f"{number} is not a port"
    if not _LABEL.fullmatch(str(port.get("name", ""))):
        yield f"`{port.get('name', '')}` is not a port name"
    protocol = str(port.get("protocol", ""))
    if protocol and protocol.upper() not in _PROTOCOLS:
        yield f"{protocol} is not a protocol"


def _addresses(spec: dict[str, Any]) -> Iterator[str]:
    addresses = _strings(spec, "addresses")
    if len(addresses) > _MOST:
        yield f"an entry has {_MOST} addresses at most"
    for address in addresses:
        if network(address) is None:
            yield f"{address} is not an address"
        elif "/" in address and _resolution(spec) not in ("NONE", "STATIC"):
            yield f"the range {address} needs resolution NONE or STATIC"


def _endpoints(spec: dict[str, Any]) -> Iterator[str]:
    resolution, endpoints = _resolution(spec), objects_in(spec.get("endpoints"))
    if endpoints and spec.get("workloadSelector"):
        yield "endpoints and workloadSelector exclude each other"
    if endpoints and resolution in ("NONE", "DYNAMIC_DNS"):
        yield f"resolution {resolution} takes no endpoints"
    if resolution == "DNS_ROUND_ROBIN" and len(endpoints) > 1:
        yield "resolution DNS_ROUND_ROBIN takes one endpoint at most"
    names = {port.get("name") for port in objects_in(spec.get("ports"))}
    for endpoint in endpoints:
        yield from _endpoint(endpoint, resolution, names)


def _endpoint(endpoint: dict[str, Any], resolution: str, names: set[Any]) -> Iterator[str]:
    address = str(endpoint.get("address", ""))
    if not address and not endpoint.get("network"):
        yield "an endpoint needs an address or a network"
    elif address.startswith("unix:"):
        if endpoint.get("ports") or len(names) != 1:
            yield "a unix endpoint serves the one port of its entry"
    elif address and not is_ip(address) and (resolution == "STATIC" or not is_dns_name(address)):
        yield f"the endpoint {address} is not an address for resolution {resolution}"
    if set(endpoint.get("ports") or {}) - names:
        yield "an endpoint names a port the entry does not have"


def _together(spec: dict[str, Any]) -> Iterator[str]:
    resolution, hosts = _resolution(spec), _strings(spec, "hosts")
    protocols = [str(port.get("protocol", "")) for port in objects_in(spec.get("ports"))]
    if resolution not in _RESOLUTIONS:
        yield f"{resolution} is not a resolution"
    has_wildcard = any(host.startswith("*") for host in hosts)
    if resolution in ("DNS", "DNS_ROUND_ROBIN") and has_wildcard and not spec.get("endpoints"):
        yield f"a wildcard host with resolution {resolution} needs endpoints"
    if resolution == "DYNAMIC_DNS" and (
        spec.get("addresses")
        or not all(host.startswith("*.") for host in hosts)
        or {p.upper() for p in protocols} - _DYNAMIC
    ):
        yield "resolution DYNAMIC_DNS needs wildcard hosts, no addresses, and only HTTP, HTTP2, GRPC and TLS ports"
    if resolution != "NONE" and len(hosts) > 1 and any(protocol_class(p) not in ("http", "tls") for p in protocols):
        yield "several hosts with a port that is neither HTTP nor TLS need resolution NONE"


def _exports(exports: list[str], namespace: str) -> Iterator[str]:
    named = [namespace if export == "." else export for export in exports]
    if len(set(named)) < len(named):
        yield "exportTo names a namespace twice"
    if len(exports) > 1 and {"*", "~"} & set(exports):
        yield "exportTo combines * or ~ with others"
    for export in exports:
        if export not in (".", "*", "~") and not _LABEL.fullmatch(export):
            yield f"{export} is not a namespace"


def _resolution(spec: dict[str, Any]) -> str:
    return str(spec.get("resolution") or "NONE")


def _strings(spec: dict[str, Any], key: str) -> list[str]:
    found = spec.get(key)
    return [str(item) for item in found] if isinstance(found, list | tuple) else []
