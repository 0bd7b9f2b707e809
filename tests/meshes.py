"""Small whole meshes: config dumps as istiod writes them and resources as YAML, read by the package's own readers.

A test says what the proxy has and what the cluster holds; `Mesh` makes a capture of it, read as one from a cluster.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from meshdoctor.doctor import Case
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.evidence import Capture, Document

Tree = dict[str, Any]
NAMESPACE, POD = "shop", "shop/web"
GATEWAY_POD = "istio-system/egress"
GATEWAY = "istio-egressgateway.istio-system.svc.cluster.local"
OLD, NEW, NEWEST = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
BLACKHOLE, PASSTHROUGH, NETWORKING = "BlackHoleCluster", "PassthroughCluster", "networking.istio.io/v1"
ADMIN, TYPE = "type.googleapis.com/envoy.admin.v3.", "type.googleapis.com/envoy."
PLURALS = {
    "ConfigMap": "configmaps",
    "DestinationRule": "destinationrules",
    "Gateway": "gateways",
    "Namespace": "namespaces",
    "Pod": "pods",
    "Service": "services",
    "ServiceEntry": "serviceentries",
    "Sidecar": "sidecars",
    "VirtualService": "virtualservices",
    "WorkloadEntry": "workloadentries",
}


def outbound(host: str, port: int, subset: str = "") -> str:
    """The name of the cluster for a host and port."""
    return f"outbound|{port}|{subset}|{host}"


def config_of(kind: str, name: str, namespace: str = NAMESPACE) -> Tree:
    """Metadata that names the object a piece of configuration was made from."""
    path = f"/apis/networking.istio.io/v1/namespaces/{namespace}/{kind}/{name}"
    return {"filter_metadata": {"istio": {"config": path}}}


# The proxy


def tcp(
    cluster: str,
    *,
    sni: Sequence[str] = (),
    ranges: Sequence[str] = (),
    by: str = "",
    name: str = "",
    terminates: bool = False,
) -> Tree:
    """A filter chain with a tcp_proxy. `by` is the VirtualService that made it, `terminates` decrypts first."""
    match: Tree = {}
    if sni:
        match["server_names"] = list(sni)
    if ranges:
        pairs = (r.split("/") for r in ranges)
        match["prefix_ranges"] = [{"address_prefix": a, "prefix_len": int(n)} for a, n in pairs]
    config = {
        "@type": TYPE + "extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": cluster,
        "cluster": cluster,
    }
    return _chain(match, "envoy.filters.network.tcp_proxy", config, by, name, terminates)


def http(route: str, *, match: bool = True, sni: Sequence[str] = (), terminates: bool = False) -> Tree:
    """A filter chain with an HTTP connection manager that takes its routes from RDS; on gateways without a match."""
    plain = {"transport_protocol": "raw_buffer", "application_protocols": ["http/1.1", "h2c"]} if match else {}
    config = {
        "@type": TYPE + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": f"outbound_0.0.0.0_{route}",
        "rds": {"config_source": {"ads": {}}, "route_config_name": route},
        "http_filters": [{"name": "envoy.filters.http.router"}],
    }
    found = {"server_names": list(sni)} if sni else plain
    return _chain(found, "envoy.filters.network.http_connection_manager", config, "", "", terminates)


def _chain(match: Tree, filter_name: str, config: Tree, by: str, name: str, terminates: bool) -> Tree:
    chain: Tree = {"filters": [{"name": filter_name, "typed_config": config}]}
    if match:
        chain["filter_chain_match"] = match
    if by:
        chain["metadata"] = config_of("virtual-service", by)
    if name:
        chain["name"] = name
    if terminates:
        context = {"@type": TYPE + "extensions.transport_sockets.tls.v3.DownstreamTlsContext"}
        chain["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": context}
    return chain


def listener(address: str, port: int, *chains: Tree, policy: str = BLACKHOLE) -> Tree:
    """An outbound listener; on the wildcard address with the inspectors its chains ask for and the fallback chain."""
    made: Tree = {
        "name": f"{address}_{port}",
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": list(chains),
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
        "traffic_direction": "OUTBOUND",
        "bind_to_port": False,
    }
    matches = [c.get("filter_chain_match", {}) for c in chains]
    kinds = [("tls_inspector", "server_names"), ("http_inspector", "application_protocols")]
    filters = [
        {"name": f"envoy.filters.listener.{kind}"} for kind, criterion in kinds if any(criterion in m for m in matches)
    ]
    if any("application_protocols" in m for m in matches) and len(filters) == 1:
        filters.insert(0, {"name": "envoy.filters.listener.tls_inspector"})
    made["listener_filters"] = filters
    if address == "0.0.0.0" and all(matches):
        made["default_filter_chain"] = tcp(policy, name="PassthroughFilterChain")
    elif len(chains) > 1 and any(not m for m in matches):
        made["filter_chains"] = [c for c, m in zip(chains, matches, strict=True) if m]
        made["default_filter_chain"] = next(c for c, m in zip(chains, matches, strict=True) if not m)
    return made


def server(port: int, *chains: Tree) -> Tree:
    """A gateway's listener."""
    made = listener("0.0.0.0", port, *chains)
    made.pop("default_filter_chain", None)
    return made | {"bind_to_port": True}


def virtual_outbound(policy: str = BLACKHOLE) -> Tree:
    """The listener that iptables redirect to."""
    loop = tcp(BLACKHOLE, name="virtualOutbound-blackhole")
    loop["filter_chain_match"] = {"destination_port": 15001}
    return {
        "name": "virtualOutbound",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": 15001}},
        "filter_chains": [loop, tcp(policy, name="virtualOutbound-catchall-tcp")],
        "use_original_dst": True,
        "traffic_direction": "OUTBOUND",
    }


def cluster(host: str, port: int, kind: str = "STRICT_DNS", **given: Any) -> Tree:
    """A cluster of a host: STRICT_DNS, EDS or ORIGINAL_DST.

    `ips` are the endpoints Envoy has (none unless given, apart from DNS: one), `target` the endpoint port, `tls` the
    server name of the TLS socket, `mutual` an Istio mutual one, `by` the DestinationRule.
    """
    name = outbound(host, port, given.get("subset", ""))
    is_external = not host.endswith(".svc.cluster.local")
    namespace = given.get("namespace", NAMESPACE)
    istio: Tree = {"services": [{"name": host, "host": host, "namespace": namespace}], "external": is_external}
    if given.get("by"):
        istio |= config_of("destination-rule", given["by"], namespace)["filter_metadata"]["istio"]
    made: Tree = {"@type": TYPE + "config.cluster.v3.Cluster", "name": name, "type": kind}
    made["metadata"] = {"filter_metadata": {"istio": istio}}
    if kind == "EDS":
        made["eds_cluster_config"] = {"eds_config": {"ads": {}}, "service_name": name}
    elif kind != "ORIGINAL_DST":
        made["load_assignment"] = _assignment(name, [(host, given.get("target", port))])
    if given.get("tls") or given.get("mutual"):
        made["transport_socket"] = _socket(given.get("tls", ""), bool(given.get("mutual")))
    ips = given.get("ips", ("198.51.100.1",) if kind == "STRICT_DNS" else ())
    return {"cluster": made, "endpoints": [(ip, given.get("target", port)) for ip in ips]}


def _socket(sni: str, mutual: bool) -> Tree:
    validation: Tree = {"default_validation_context": {"match_subject_alt_names": [{"exact": sni}]}}
    validation["validation_context_sds_secret_config"] = {"name": "ROOTCA" if mutual else "file-root:system"}
    common: Tree = {"combined_validation_context": validation}
    if mutual:
        common["tls_certificate_sds_secret_configs"] = [{"name": "default"}]
        common["alpn_protocols"] = ["istio-peer-exchange", "istio"]
    context = {"@type": TYPE + "extensions.transport_sockets.tls.v3.UpstreamTlsContext", "common_tls_context": common}
    return {"name": "envoy.transport_sockets.tls", "typed_config": context | ({"sni": sni} if sni else {})}


def _assignment(name: str, endpoints: Sequence[tuple[str, int]]) -> Tree:
    addresses = [{"socket_address": {"address": a, "port_value": p}} for a, p in endpoints]
    return {
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": a}, "health_status": "HEALTHY"} for a in addresses]}],
    }


def route_config(name: str, *hosts: Tree, policy: str = BLACKHOLE) -> Tree:
    """A route configuration, completed with the virtual host of the outbound policy."""
    last: Tree = {"name": "block_all", "domains": ["*"]}
    last["routes"] = [{"match": {"prefix": "/"}, "direct_response": {"status": 502}, "name": "block_all"}]
    if policy == PASSTHROUGH:
        last = {"name": "allow_any", "domains": ["*"], "routes": [_route(PASSTHROUGH)]}
    is_shared = name.isdigit() or name.startswith("http.")
    own = [] if any("*" in h["domains"] for h in hosts) or not is_shared else [last]
    return {"name": name, "virtual_hosts": [*hosts, *own], "ignore_port_in_host_matching": True}


def virtual_host(host: str, port: int, target: str = "", by: str = "", fault: Tree | None = None) -> Tree:
    """A virtual host that sends everything to one cluster, its own unless another is named."""
    route = _route(target or outbound(host, port), by)
    if fault:
        typed = {"@type": TYPE + "extensions.filters.http.fault.v3.HTTPFault"} | fault
        route["typed_per_filter_config"] = {"envoy.filters.http.fault": typed}
    return {"name": f"{host}:{port}", "domains": [host], "routes": [route]}


def _route(target: str, by: str = "") -> Tree:
    route: Tree = {"match": {"prefix": "/"}, "route": {"cluster": target, "timeout": "0s"}, "name": "default"}
    if by:
        route["metadata"] = config_of("virtual-service", by)
    return route


def dump(
    listeners: Sequence[Tree] = (),
    clusters: Sequence[Tree] = (),
    routes: Sequence[Tree] = (),
    *,
    key: str = POD,
    policy: str = BLACKHOLE,
    role: str = "sidecar",
    without: Sequence[str] = (),
    refused: Tree | None = None,
    **metadata: Any,
) -> Tree:
    """A config dump with EDS. `without` leaves sections out, `refused` maps listener names to Envoy's complaint."""
    namespace, pod = key.split("/")
    node = {
        "id": f"{role}~10.244.0.9~{pod}.{namespace}~{namespace}.svc.cluster.local",
        "metadata": {"NAMESPACE": namespace, "NAME": pod, "ISTIO_VERSION": "1.30.0", **metadata},
    }
    own = [virtual_outbound(policy)] if role == "sidecar" else []
    errors = refused or {}
    sections: dict[str, Tree] = {
        "Bootstrap": {"bootstrap": {"node": node}},
        "Clusters": {"dynamic_active_clusters": [{"cluster": c["cluster"]} for c in (*clusters, *_policy_clusters())]},
        "Endpoints": {
            "dynamic_endpoint_configs": [
                {"endpoint_config": _assignment(c["cluster"]["name"], c["endpoints"])}
                for c in clusters
                if c["cluster"]["type"] != "ORIGINAL_DST"
            ]
        },
        "Listeners": {"dynamic_listeners": [_dynamic(x, errors) for x in (*listeners, *own)]},
        "Routes": {"dynamic_route_configs": [{"route_config": r} for r in routes]},
    }
    return {
        "configs": [
            {"@type": f"{ADMIN}{name}ConfigDump"} | body for name, body in sections.items() if name not in without
        ]
    }


def _dynamic(source: Tree, errors: Tree) -> Tree:
    made: Tree = {"name": source["name"], "active_state": {"listener": source}}
    if source["name"] in errors:
        made["error_state"] = {"details": errors[source["name"]]}
    return made


def _policy_clusters() -> list[Tree]:
    return [
        {"cluster": {"name": BLACKHOLE, "type": "STATIC"}},
        {"cluster": {"name": PASSTHROUGH, "type": "ORIGINAL_DST"}},
    ]


# The resources


def resource(
    kind: str, name: str, spec: Tree, namespace: str = NAMESPACE, created: str = OLD, api: str = NETWORKING
) -> Tree:
    """Any object."""
    metadata: Tree = {"name": name, "creationTimestamp": created}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def entry(
    name: str,
    hosts: str,
    ports: str,
    resolution: str = "DNS",
    *,
    namespace: str = NAMESPACE,
    created: str = OLD,
    **spec: Any,
) -> Tree:
    """A ServiceEntry. `hosts` are separated by blanks, `ports` as in `443/TLS 80/HTTP>443`."""
    made = {"hosts": hosts.split(), "ports": [_port(p) for p in ports.split()], "resolution": resolution}
    return resource("ServiceEntry", name, {"location": "MESH_EXTERNAL"} | made | spec, namespace, created)


def _port(written: str) -> Tree:
    number, _, protocol = written.partition("/")
    protocol, _, target = protocol.partition(">")
    port: Tree = {"number": int(number), "name": f"{protocol.lower() or 'port'}-{number}"}
    return port | ({"protocol": protocol} if protocol else {}) | ({"targetPort": int(target)} if target else {})


def pod(
    env: dict[str, str] | None = None, *, key: str = POD, phase: str = "Running", sidecar: bool = True, **metadata: Any
) -> Tree:
    """A pod with a container `app`, and an istio-proxy unless told otherwise."""
    namespace, name = key.split("/")
    containers: list[Tree] = [{"name": "app", "env": [{"name": k, "value": v} for k, v in (env or {}).items()]}]
    if sidecar:
        containers.append({"name": "istio-proxy", "image": "istio/proxyv2:1.30.0", "args": ["proxy", "sidecar"]})
    made = resource("Pod", name, {"containers": containers}, namespace, api="v1")
    made["metadata"] |= metadata
    return made | {"status": {"phase": phase, "podIP": "10.244.0.9"}}


def namespace(name: str, **labels: str) -> Tree:
    """A namespace; `injected="enabled"` sets the label that asks for sidecars."""
    made = resource("Namespace", name, {}, "", api="v1")
    if "injected" in labels:
        made["metadata"]["labels"] = {"istio-injection": labels["injected"]}
    return made


def service(name: str, *ports: Tree, namespace: str = NAMESPACE, ip: str = "10.96.0.9", **spec: Any) -> Tree:
    """A Kubernetes Service."""
    return resource("Service", name, {"clusterIP": ip, "ports": list(ports)} | spec, namespace, api="v1")


def virtual_service(name: str, hosts: str, *, namespace: str = NAMESPACE, **spec: Any) -> Tree:
    """A VirtualService for hosts separated by blanks."""
    return resource("VirtualService", name, {"hosts": hosts.split()} | spec, namespace)


def destination_rule(name: str, host: str, *, namespace: str = NAMESPACE, **policy: Any) -> Tree:
    """A DestinationRule with a trafficPolicy."""
    return resource("DestinationRule", name, {"host": host, "trafficPolicy": policy}, namespace)


def sidecar(*hosts: str, namespace: str = NAMESPACE) -> Tree:
    """The Sidecar `default` of a namespace with these egress hosts."""
    return resource("Sidecar", "default", {"egress": [{"hosts": list(hosts)}]}, namespace)


# The whole


class Mesh:
    """A capture in memory: dumps by `namespace/pod` (one alone is POD's), objects, DNS answers.

    Every kind of resource counts as read unless `blind` (a dump alone) or named in `unread`.
    """

    def __init__(
        self,
        dumps: Tree | None = None,
        *objects: Tree,
        dns: dict[str, Sequence[str]] | None = None,
        blind: bool = False,
        unread: Sequence[str] = (),
    ) -> None:
        self.documents: dict[str, Document] = {}
        given = {POD: dumps} if dumps is not None and "configs" in dumps else (dumps or {})
        for key, made in given.items():
            raw = made if isinstance(made, bytes) else json.dumps(made).encode()
            self._add(f"proxies/{key}/config_dump.json", raw)
        for kind, plural in PLURALS.items():
            if not blind and plural not in unread:
                items = {"apiVersion": "v1", "kind": "List", "items": [o for o in objects if o["kind"] == kind]}
                self._add(f"resources/{plural}.yaml", yaml.safe_dump(items).encode())
        if dns is not None:
            self._add("dns.json", json.dumps({"answers": {h: list(a) for h, a in dns.items()}}).encode())

    def _add(self, path: str, data: bytes) -> None:
        self.documents[path] = Document(path, lambda: data, len(data))

    @property
    def capture(self) -> Capture:
        """The capture."""
        return Capture("capture", "test", self.documents)

    @property
    def case(self) -> Case:
        """The capture as the doctor takes it."""
        return Case(self.capture)

    def sheet(self, *namespaces: str) -> FactSheet:
        """The sheet, for pods of these namespaces or all."""
        return FactSheet(read_mesh(self.capture), namespaces)

    def facts(self, name: str) -> list[Any]:
        """One list of the sheet."""
        return list(self.sheet().facts(name))
