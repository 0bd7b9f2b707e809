"""Honest builders of Envoy's own JSON (v3, as /config_dump prints it): a test writes only what it is about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from meshdoctor.facts.envoy.config_dump import read_dump
from meshdoctor.model.proxy import Proxy

TYPES = "type.googleapis.com/envoy"
DOCUMENT = "proxies/shop/web/config_dump.json"
NODE_ID = "sidecar~10.244.0.9~web.shop~shop.svc.cluster.local"
VIRTUAL_SERVICE = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/{}"

Json = dict[str, Any]


def typed(message: str, **fields: Any) -> Json:
    """A typed_config; `message` without `envoy.`."""
    return {"@type": f"{TYPES}.{message}", **fields}


def metadata(config: str = "", **istio: Any) -> Json:
    """Istio's metadata: the resource that made the object."""
    return {"filter_metadata": {"istio": {**({"config": config} if config else {}), **istio}}}


def socket(address: str, port: int) -> Json:
    return {"socket_address": {"address": address, "port_value": port}}


def shares(weights: dict[str, int]) -> Json:
    return {"weighted_clusters": {"clusters": [{"name": name, "weight": n} for name, n in weights.items()]}}


def tcp(cluster: str | dict[str, int]) -> Json:
    """A tcp_proxy to a cluster, or to several by weight."""
    to = {"cluster": cluster} if isinstance(cluster, str) else shares(cluster)
    message = "extensions.filters.network.tcp_proxy.v3.TcpProxy"
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": typed(message, stat_prefix="tcp", **to)}


def hcm(rds: str = "", **fields: Any) -> Json:
    """An HTTP connection manager with its routes by RDS, or `route_config` inline."""
    message = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    named = {"rds": {"route_config_name": rds}} if rds else {}
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": typed(message, stat_prefix="http", **named, **fields),
    }


def cidr(text: str) -> Json:
    address, length = text.split("/")
    return {"address_prefix": address, "prefix_len": int(length)}


def chain(does: Json, *, ranges: Sequence[str] = (), config: str = "", name: str = "", **match: Any) -> Json:
    """A filter chain with one filter. `ranges` are prefix_ranges, `match` the other criteria."""
    if ranges:
        match["prefix_ranges"] = [cidr(one) for one in ranges]
    made: Json = {"filters": [does]}
    return (
        made
        | ({"filter_chain_match": match} if match else {})
        | ({"metadata": metadata(config)} if config else {})
        | ({"name": name} if name else {})
    )


def inspector(kind: str, **fields: Any) -> Json:
    """`tls` or `http`; `fields` may hold filter_disabled."""
    message = f"extensions.filters.listener.{kind}_inspector.v3.{kind.title()}Inspector"
    return {"name": f"envoy.filters.listener.{kind}_inspector", "typed_config": typed(message), **fields}


BOTH = (inspector("tls"), inspector("http"))


def listener(address: str, port: int, *chains: Json, filters: Sequence[Json] = (), **fields: Any) -> Json:
    """A listener as Istio makes them: named after its address, not bound, waiting for ever for its inspectors."""
    return {
        "name": f"{address}_{port}",
        "address": socket(address, port),
        "filter_chains": list(chains),
        "bind_to_port": False,
        "traffic_direction": "OUTBOUND",
        "listener_filters": list(filters),
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
        **fields,
    }


def catch_all(cluster: str) -> Json:
    """virtualOutbound: what no other listener takes goes to this cluster."""
    fields: Json = {"name": "virtualOutbound", "bind_to_port": True, "use_original_dst": True}
    return listener("0.0.0.0", 15001, chain(tcp(cluster)), **fields)


def locality(*endpoints: Json) -> list[Json]:
    return [{"lb_endpoints": list(endpoints)}]


def endpoint(address: str, port: int, health: str = "HEALTHY", tls_mode: str = "") -> Json:
    made: Json = {"endpoint": {"address": socket(address, port)}, "health_status": health}
    if tls_mode:
        made["metadata"] = {"filter_metadata": {"envoy.transport_socket_match": {"tlsMode": tls_mode}}}
    return made


def cluster(name: str, kind: str = "EDS", *endpoints: Json, **fields: Any) -> Json:
    """A cluster; with endpoints they are its own load_assignment."""
    made: Json = {"name": name, "type": kind}
    if endpoints:
        made["load_assignment"] = {"cluster_name": name, "endpoints": locality(*endpoints)}
    return made | fields


def tls(sni: str = "", sds: str = "", alpn: Sequence[str] = ()) -> Json:
    """An upstream TLS socket; `sds="default"` is the workload's own mesh certificate."""
    common: Json = {"alpn_protocols": list(alpn)}
    if sds:
        common["tls_certificate_sds_secret_configs"] = [{"name": sds}]
    message = "extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    config = typed(message, sni=sni, common_tls_context=common)
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def assignment(name: str, *endpoints: Json) -> Json:
    """What EDS says about a cluster."""
    return {"cluster_name": name, "endpoints": locality(*endpoints)}


def route(to: str | dict[str, int] = "", *, config: str = "", match: Json | None = None, **fields: Any) -> Json:
    """A route to a cluster, or to several by weight; without one `fields` hold the action."""
    action: Json = {"route": {"cluster": to} if isinstance(to, str) else shares(to)} if to else {}
    extra = {"metadata": metadata(config)} if config else {}
    return {"match": match or {"prefix": "/"}, **action, **extra, **fields}


def virtual_host(name: str, domains: Sequence[str], *routes: Json) -> Json:
    return {"name": name, "domains": list(domains), "routes": list(routes)}


def routes(name: str, *hosts: Json, **fields: Any) -> Json:
    return {"name": name, "virtual_hosts": list(hosts), **fields}


def dump(
    listeners: Sequence[Json] = (),
    clusters: Sequence[Json] = (),
    route_configs: Sequence[Json] = (),
    assignments: Sequence[Json] = (),
    node: Json | None = None,
    without: Sequence[str] = (),
    warming: Sequence[Json] = (),
) -> Json:
    """A whole config dump. `without` names sections to leave out; `warming` are clusters not in use yet."""
    sections: dict[str, Json] = {
        "bootstrap": {"bootstrap": {"node": {"id": NODE_ID, "metadata": {"NAMESPACE": "shop", **(node or {})}}}},
        "clusters": {
            "dynamic_active_clusters": [{"cluster": one} for one in clusters],
            "dynamic_warming_clusters": [{"cluster": one} for one in warming],
        },
        "listeners": {
            "dynamic_listeners": [{"name": one["name"], "active_state": {"listener": one}} for one in listeners]
        },
        "routes": {"dynamic_route_configs": [{"route_config": one} for one in route_configs]},
        "endpoints": {"dynamic_endpoint_configs": [{"endpoint_config": one} for one in assignments]},
    }
    kept = [(name, content) for name, content in sections.items() if name not in without]
    return {"configs": [typed(f"admin.v3.{name.title()}ConfigDump", **content) for name, content in kept]}


def read(made: Json) -> Proxy:
    """The dump as the reader reads it."""
    return read_dump(json.dumps(made).encode(), DOCUMENT, "shop/web")
