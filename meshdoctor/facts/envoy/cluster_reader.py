"""Clusters, their TLS sockets and endpoints, from the dump and from the /clusters page."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, structs

from meshdoctor.facts.envoy import wire, wire_statuses
from meshdoctor.facts.envoy.clusters_text import clusters_of_text
from meshdoctor.facts.envoy.decode import decode_all
from meshdoctor.facts.envoy.extensions import UNREADABLE, as_dict, istio_config, kind_of, object_in, seconds
from meshdoctor.model import proxy
from meshdoctor.model.limits import ClusterLimits

CLUSTER_TYPES = {"0": "STATIC", "1": "STRICT_DNS", "2": "LOGICAL_DNS", "3": "EDS", "4": "ORIGINAL_DST"}
"""config.cluster.v3.Cluster.DiscoveryType by number; STATIC where unset."""

_MATCHES = msgspec.json.Decoder(list[wire.SocketMatch], strict=False)
_LOCALITIES = msgspec.json.Decoder(list[wire.LocalityEndpoints], strict=False)

UNLIMITED = (1 << 32) - 1
MESH_ALPN = ("istio", "istio-peer-exchange")
SNI_DNAT_PREFIX = "outbound_."
UNTRUSTED = "ACCEPT_UNTRUSTED"
_NAME_CHECKS = (
    "match_typed_subject_alt_names",
    "match_subject_alt_names",
    "verify_subject_alt_name",
    "verify_certificate_hash",
    "verify_certificate_spki",
)
"""Fields of CertificateValidationContext that tie the certificate to a name or a key."""


def cluster(source: wire.WireCluster, path: str, state: str = "active") -> proxy.Cluster:
    """A cluster. `path` points at the cluster object; `state` is active, static or warming.

    Of one that does not decode, what does, with `unread`.
    """
    istio = source.metadata.filter_metadata.istio if source.metadata and source.metadata.filter_metadata else None
    panic = source.common_lb_config.healthy_panic_threshold if source.common_lb_config else None
    made = proxy.Cluster(
        name=source.name,
        type=cluster_type(source),
        eds_service_name=source.eds_cluster_config.service_name if source.eds_cluster_config else "",
        external=istio.external if istio else False,
        services=tuple((s.host, s.namespace) for s in istio.services) if istio else (),
        config=istio_config(source.metadata),
        port_override=source.original_dst_lb_config.upstream_port_override if source.original_dst_lb_config else None,
        panic_threshold=panic.value if panic else None,
        state=state,
        path=path,
        unread=source.unread,
    )
    try:
        options = as_dict(source.typed_extension_protocol_options)
        http = object_in(options, "envoy.extensions.upstreams.http.v3.HttpProtocolOptions")
        upstream = object_in(http, "upstream_http_protocol_options")
        auto_sni, auto_san = bool(upstream.get("auto_sni")), bool(upstream.get("auto_san_validation"))
        return structs.replace(
            made,
            limits=_limits(source, http),
            endpoints=_own_endpoints(source, path),
            tls=_cluster_socket(source, path, auto_sni, auto_san),
            socket_matches=_socket_matches(source.transport_socket_matches, path, auto_sni, auto_san),
            auto_sni=auto_sni,
        )
    except UNREADABLE as error:
        return structs.replace(made, unread=source.unread or str(error))


def _limits(source: wire.WireCluster, http: dict[str, Any]) -> ClusterLimits:
    """Circuit breakers of the default priority, and the options of the cluster's HTTP connections."""
    thresholds = as_dict(source.circuit_breakers).get("thresholds") or ()
    found = next((t for t in thresholds if isinstance(t, dict) and t.get("priority") in (None, "DEFAULT", 0)), {})
    return ClusterLimits(
        max_connections=_threshold(found, "max_connections"),
        max_pending_requests=_threshold(found, "max_pending_requests"),
        max_requests=_threshold(found, "max_requests"),
        connect_timeout=seconds(source.connect_timeout),
        speaks_http2="http2_protocol_options" in object_in(http, "explicit_http_config"),
        ejects=bool(source.outlier_detection),
    )


def _threshold(thresholds: dict[str, Any], name: str) -> int | None:
    """A circuit breaker; None where it is none: istiod writes 2^32 - 1 where nothing is set."""
    value = thresholds.get(name)
    return value if isinstance(value, int) and value < UNLIMITED else None


def cluster_type(source: wire.WireCluster) -> str:
    """STATIC, EDS, STRICT_DNS, LOGICAL_DNS, ORIGINAL_DST, or the name of a custom type."""
    if source.cluster_type is not None:
        return source.cluster_type.name
    return CLUSTER_TYPES.get(str(source.type or 0), str(source.type))


def _own_endpoints(source: wire.WireCluster, path: str) -> tuple[proxy.Endpoint, ...]:
    if source.load_assignment is not None:
        if source.load_assignment.unread:
            raise ValueError(f"load_assignment: {source.load_assignment.unread}")
        return endpoints(source.load_assignment.endpoints, f"{path}.load_assignment.endpoints")
    return tuple(
        proxy.Endpoint(a.socket_address.address, a.socket_address.port_value, path=f"{path}.hosts[{i}]")
        for i, a in enumerate(source.hosts)
        if a.socket_address is not None
    )


def endpoints(raw: Raw, path: str) -> tuple[proxy.Endpoint, ...]:
    """Endpoints of a ClusterLoadAssignment's `endpoints` list; `path` points at that list.

    Raises msgspec.MsgspecError or ValueError where they do not decode.
    """
    if not raw:
        return ()
    found = []
    for i, locality in enumerate(_LOCALITIES.decode(raw)):
        for j, item in enumerate(locality.lb_endpoints):
            address = item.endpoint.address if item.endpoint else None
            if item.endpoint is None or address is None or not _is_address(address):
                raise ValueError(f"endpoints[{i}].lb_endpoints[{j}]: it has no address")
            metadata = item.metadata.filter_metadata if item.metadata else None
            labels = metadata.transport_socket_match if metadata else None
            health = str(item.health_status)
            usable = health in ("", "UNKNOWN", "HEALTHY", "DEGRADED", "0", "1", "5")
            found.append(
                proxy.Endpoint(
                    address=_host(address),
                    port=address.socket_address.port_value if address.socket_address else 0,
                    hostname=item.endpoint.hostname,
                    health="HEALTHY" if usable else health,
                    socket_labels={name: str(value) for name, value in (labels or {}).items()},
                    path=f"{path}[{i}].lb_endpoints[{j}]",
                )
            )
    return tuple(found)


def _is_address(address: wire.Address) -> bool:
    socket = address.socket_address
    return bool(socket.address if socket else address.pipe or address.envoy_internal_address is not None)


def _host(address: wire.Address) -> str:
    if address.socket_address is not None:
        return address.socket_address.address
    return f"unix:{address.pipe.path}" if address.pipe else ""


def _cluster_socket(source: wire.WireCluster, path: str, auto_sni: bool, auto_san: bool) -> proxy.TlsSocket | None:
    if source.tls_context:
        return tls_socket(as_dict(source.tls_context), f"{path}.tls_context", auto_sni, auto_san)
    if source.transport_socket is None:
        return None
    return _socket(source.transport_socket, f"{path}.transport_socket", auto_sni, auto_san)


def _socket(source: wire.NamedFilter, path: str, auto_sni: bool, auto_san: bool) -> proxy.TlsSocket | None:
    """A transport socket's TLS, looking through wrappers (proxy protocol, internal upstream); None for plain."""
    kind = kind_of(source)
    config = as_dict(source.payload())
    if not config and kind != "raw_buffer":
        raise ValueError("transport_socket: it has no configuration")
    if kind == "tls":
        return tls_socket(config, path, auto_sni, auto_san)
    inner = object_in(config, "transport_socket")
    if inner:
        payload = inner.get("typed_config", inner.get("config", {}))
        wrapped = {"name": inner.get("name", ""), "typed_config": Raw(msgspec.json.encode(payload))}
        return _socket(msgspec.convert(wrapped, wire.NamedFilter), path, auto_sni, auto_san)
    return None


def _socket_matches(raw: Raw, path: str, auto_sni: bool, auto_san: bool) -> tuple[proxy.LabelledSocket, ...]:
    """Envoy applies auto_sni and auto_san_validation of the cluster to whichever socket it chooses."""
    if not raw:
        return ()
    found = []
    for i, item in enumerate(_MATCHES.decode(raw)):
        at, source = f"{path}.transport_socket_matches[{i}]", item.transport_socket
        socket = _socket(source, at, auto_sni, auto_san) if source else None
        labels = {name: str(value) for name, value in item.match.items()}
        tunnels = source is not None and kind_of(source) == "internal_upstream"
        found.append(proxy.LabelledSocket(item.name, labels, socket, tunnels))
    return tuple(found)


def tls_socket(context: dict[str, Any], path: str, auto_sni: bool, auto_san: bool) -> proxy.TlsSocket:
    """extensions.transport_sockets.tls.v3.UpstreamTlsContext, and v2's tls_context."""
    common = object_in(context, "common_tls_context")
    combined = object_in(common, "combined_validation_context")
    validation = object_in(common, "validation_context") or object_in(combined, "default_validation_context")
    secrets = [str(s.get("name", "")) for s in common.get("tls_certificate_sds_secret_configs", ())]
    authorities = [object_in(part, "validation_context_sds_secret_config") for part in (common, combined)]
    files = [str((c.get("certificate_chain") or {}).get("filename", "")) for c in common.get("tls_certificates", ())]
    sni = context.get("sni") or ""
    if not isinstance(sni, str):
        raise ValueError("sni: expected a string")
    mesh = (
        "default" in secrets
        or any(f.startswith("/etc/certs/") for f in files)
        or any(a in MESH_ALPN for a in common.get("alpn_protocols", ()))
        or sni.startswith(SNI_DNAT_PREFIX)
    )
    named = any(validation.get(check) for check in _NAME_CHECKS)
    authority = validation.get("trusted_ca") or validation.get("system_root_certs") is not None or any(authorities)
    return proxy.TlsSocket(
        sni=sni,
        auto_sni=auto_sni or bool(context.get("auto_host_sni")),
        verifies_chain=validation.get("trust_chain_verification") != UNTRUSTED and bool(authority),
        verifies_name=bool(named or context.get("auto_sni_san_validation")),
        auto_san=auto_san,
        secrets=tuple(filter(None, (*secrets, *(str(found.get("name") or "") for found in authorities)))),
        istio_mutual=mesh,
        path=path,
    )


_PAGE = msgspec.json.Decoder(wire_statuses.ClustersPage, strict=False)


def live_endpoints(data: bytes) -> dict[str, wire_statuses.ClusterStatus]:
    """Statuses by cluster name from `/clusters?format=json`, or from the page's text form.

    Raises msgspec.MsgspecError or `Unreadable` where it is neither.
    """
    if data.lstrip()[:1] not in (b"{", b""):
        return clusters_of_text(data)
    return {status.name: status for status in decode_all(_PAGE, data).cluster_statuses}


def status_endpoints(status: wire_statuses.ClusterStatus) -> tuple[proxy.Endpoint, ...]:
    """The hosts of one cluster. Health as Envoy evaluates it: any flag other than a healthy EDS status makes a host
    unhealthy."""
    found = []
    for i, host in enumerate(status.host_statuses):
        if host.address is None:
            continue
        flags = [k for k, v in host.health_status.items() if v is True]
        eds = str(host.health_status.get("eds_health_status", "HEALTHY"))
        if eds not in ("HEALTHY", "UNKNOWN", "DEGRADED"):
            flags.append(eds)
        port = host.address.socket_address.port_value if host.address.socket_address else 0
        health = ", ".join(flags) or "HEALTHY"
        found.append(proxy.Endpoint(_host(host.address), port, host.hostname, health, path=f"host_statuses[{i}]"))
    return tuple(found)
