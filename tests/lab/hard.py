"""What real meshes have beside plain entries: the objects that make a random mesh hard.

Like those of `random_mesh`, they keep to what an access log can prove: a VirtualService sends to targets of its own,
and a route that leaves to chance where it goes is named CHANCE, so that its connections are not vouched for.
"""

from __future__ import annotations

from typing import Any, Protocol

from tests.lab.scenario import Object

CHANCE = "by-chance"
"""First part of the name of a route that decides by chance: weights, a fault for a share of the requests."""

NETWORKING = "networking.istio.io/v1"
CERTIFICATES = {
    "clientCertificate": "/etc/certs/absent.pem",
    "privateKey": "/etc/certs/absent.key",
    "caCertificates": "/etc/certs/absent-root.pem",
}
"""Of a MUTUAL rule; a file that the proxy has not got is the common way for it to fail."""

V6 = ("2001:db8::10", "2001:db8:1::20")
HEADER, QUERY = "x-tier", "version"


class Choices(Protocol):
    """What these makers ask of the seed."""

    def one(self, *values: Any) -> Any: ...

    def some(self, values: Any, least: int, most: int) -> list[Any]: ...

    def chance(self, share: float) -> bool: ...

    def number(self, least: int, most: int) -> int: ...


def made(kind: str, name: str, namespace: str, spec: Object) -> Object:
    """An object of Istio's networking kinds."""
    return {"apiVersion": NETWORKING, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def tls_settings(dice: Choices, host: str) -> Object:
    """Any of the TLS modes, some with an SNI of their own."""
    mode = "MUTUAL" if dice.chance(0.1) else dice.one("SIMPLE", "SIMPLE", "DISABLE", "ISTIO_MUTUAL")
    tls: Object = {"mode": mode}
    if mode == "MUTUAL":
        tls |= CERTIFICATES
    if mode in ("SIMPLE", "MUTUAL") and dice.chance(0.4):
        tls["sni"] = dice.one(host.removeprefix("*."), "other.test")
    if mode == "SIMPLE" and dice.chance(0.3):
        tls["insecureSkipVerify"] = True
    return tls


def rule(dice: Choices, number: int, host: str, ports: tuple[int, ...]) -> Object:
    """A DestinationRule: TLS for all or one port, or in a subset alone, or narrowed to some pods or namespaces."""
    policy: Object = {"tls": tls_settings(dice, host)}
    if dice.chance(0.4):
        levels = [{"port": {"number": port}, "tls": tls_settings(dice, host)} for port in dice.some(ports, 1, 2)]
        policy = dice.one(policy, {}) | {"portLevelSettings": levels}
    spec: Object = {"host": host, "trafficPolicy": policy}
    if dice.chance(0.3):
        subset = {"name": "v1", "labels": {"version": "v1"}, "trafficPolicy": policy}
        spec = dice.one(spec, {"host": host}) | {"subsets": [subset]}
    if dice.chance(0.2):
        spec["workloadSelector"] = {"matchLabels": {"app": dice.one("plain", "capturing", "excluding")}}
    if dice.chance(0.2):
        spec["exportTo"] = dice.one(["."], ["*"], ["shop"])
    return made("DestinationRule", f"rule-{number}", dice.one("shop", "partners", "istio-system"), spec)


def match(dice: Choices, ports: tuple[int, ...]) -> Object:
    """One HTTP match of one or two conditions."""
    conditions: list[Object] = [
        {"uri": dice.one({"prefix": "/api"}, {"exact": "/api/v1"}, {"regex": "/api/v[0-9]+"})},
        {"headers": {HEADER: dice.one({"exact": "gold"}, {"prefix": "go"}, {"regex": "g.*"})}},
        {"queryParams": {QUERY: dice.one({"exact": "2"}, {"regex": "[0-9]+"})}},
        {"method": {"exact": dice.one("GET", "POST")}},
        {"port": dice.one(*ports)},
        {"uri": {"exact": "/API"}, "ignoreUriCase": True},
        {"withoutHeaders": {HEADER: {"exact": "gold"}}},
        {"sourceLabels": {"app": dice.one("plain", "capturing")}},
        {"gateways": ["mesh"]},
    ]
    found: Object = {}
    for one in dice.some(conditions, 1, 2):
        found |= one
    return found


def action(dice: Choices, sent: list[Object], name: str) -> Object:
    """What an HTTP route does with a request: mostly sends it on."""
    if dice.chance(0.1):
        return {"name": name, "redirect": {"uri": "/moved", "redirectCode": dice.one(301, 302)}}
    if dice.chance(0.1):
        return {"name": name, "directResponse": {"status": dice.one(200, 403, 503), "body": {"string": "no"}}}
    route: Object = {"name": name, "route": sent}
    if dice.chance(0.15):
        share = dice.one(100, 100, 50)
        abort = {"httpStatus": 503, "percentage": {"value": share}}
        route |= {"fault": {"abort": abort}} | ({} if share == 100 else {"name": f"{CHANCE}-{name}"})
    if dice.chance(0.2):
        route["rewrite"] = dice.one({"uri": "/rewritten"}, {"authority": "rewritten.test"})
    if dice.chance(0.2):
        route["timeout"] = "10s"
    return route


def http_routes(dice: Choices, sent: list[Object], name: str, ports: tuple[int, ...]) -> list[Object]:
    """Several routes with several matches, the last of them mostly for all requests."""
    routes = []
    for number in range(dice.number(0, 2)):
        route = action(dice, sent, f"{name}-{number}")
        routes.append(route | {"match": [match(dice, ports) for _ in range(dice.number(1, 2))]})
    last = action(dice, sent, f"{name}-last")
    if routes and dice.chance(0.3):
        return routes
    return [*routes, last]


def weighted(sent: list[Object], other: str, port: int, name: str) -> Object:
    """A route whose target is chance."""
    first = [sent[0] | {"weight": 60}]
    return {
        "name": f"{CHANCE}-{name}",
        "route": [*first, {"destination": {"host": other, "port": {"number": port}}, "weight": 40}],
    }


def delegate(namespace: str, name: str, routes: list[Object]) -> tuple[Object, Object]:
    """(route of the root, VirtualService it delegates to)."""
    root = {"delegate": {"name": f"{name}-delegate", "namespace": namespace}}
    return root, made("VirtualService", f"{name}-delegate", namespace, {"http": routes})


def workload_entries(dice: Choices, number: int, host: str, ips: tuple[str, ...]) -> list[Object]:
    """An entry whose endpoints are WorkloadEntries next door, one of them perhaps not selected."""
    labels = {"workload": f"w{number}"}
    port = dice.one(8080, 9000)
    protocol = dice.one("HTTP", "TCP", "HTTP2", "GRPC")
    spec: Object = {
        "hosts": [host],
        "ports": [{"number": port, "name": f"port-{port}", "protocol": protocol}],
        "location": "MESH_EXTERNAL",
        "resolution": "STATIC",
        "workloadSelector": {"labels": labels},
    }
    if dice.chance(0.6):
        spec["addresses"] = [ips[0]]
    where = dice.one("shop", "partners")
    found = [made("ServiceEntry", f"selecting-{number}", where, spec)]
    for n, ip in enumerate(ips):
        carried = labels if n == 0 or dice.chance(0.5) else {"workload": "none"}
        found.append(made("WorkloadEntry", f"w{number}-{n}", where, {"address": ip, "labels": carried}))
    return found


def service(dice: Choices, number: int, ports: tuple[int, ...], outside: str) -> Object:
    """A Service of any kind on a port that outside hosts use as well."""
    port: Object = {"name": f"{dice.one('http', 'tcp', 'any', 'grpc', 'tls')}-port", "port": dice.one(*ports)}
    if dice.chance(0.2):
        port["appProtocol"] = dice.one("http", "https", "kubernetes.io/h2c", "tcp")
    spec: Object = {"ports": [port]}
    kind = dice.one("ClusterIP", "ClusterIP", "headless", "ExternalName", "bare")
    if kind == "ExternalName":
        spec |= {"type": "ExternalName", "externalName": outside}
    elif kind != "bare":
        spec["selector"] = {"app": "none"}
    if kind == "headless":
        spec["clusterIP"] = "None"
    metadata = {"name": f"service-{number}", "namespace": dice.one("shop", "partners")}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def sidecar(dice: Choices, number: int, ports: tuple[int, ...]) -> Object:
    """A Sidecar for a namespace, for some of its pods, or for the whole mesh, perhaps with a listener of one port."""
    choices = ("./*", "shop/*", "partners/*", "istio-system/*", "*/api.alpha.test", "*/*.beta.test", "*/*.test")
    egress: list[Object] = []
    if dice.chance(0.3):
        port = {"number": dice.one(*ports), "protocol": dice.one("TCP", "HTTP"), "name": "egress-port"}
        egress.append({"port": port, "hosts": dice.some(choices, 1, 2)})
    egress.append({"hosts": dice.some(choices, 1, 3) if dice.chance(0.9) else ["~/*"]})
    spec: Object = {"egress": egress}
    if dice.chance(0.3):
        spec["outboundTrafficPolicy"] = {"mode": dice.one("ALLOW_ANY", "REGISTRY_ONLY")}
    where = dice.one("shop", "shop", "partners", "istio-system")
    if number and where != "istio-system":
        spec["workloadSelector"] = {"labels": {"app": dice.one("plain", "capturing", "excluding")}}
    return made("Sidecar", f"sidecar-{number}" if number else "default", where, spec)


def envoy_filter(dice: Choices, number: int) -> Object:
    """A small one: a header, a timeout, or a listener's setting."""
    lua = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "defaultSourceCode": {"inlineString": "function envoy_on_request(h) h:headers():add('x-lab', '1') end"},
    }
    router = {"listener": {"filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}}}
    patches: list[Object] = [
        {
            "applyTo": "HTTP_FILTER",
            "match": {"context": "SIDECAR_OUTBOUND", **router},
            "patch": {"operation": "INSERT_FIRST", "value": {"name": "lab.lua", "typed_config": lua}},
        },
        {
            "applyTo": "CLUSTER",
            "match": {"context": "SIDECAR_OUTBOUND"},
            "patch": {"operation": "MERGE", "value": {"connect_timeout": "2s"}},
        },
    ]
    spec = {"configPatches": [dice.one(*patches)]}
    return {**made("EnvoyFilter", f"filter-{number}", dice.one("shop", "partners"), spec), "apiVersion": ALPHA}


ALPHA = "networking.istio.io/v1alpha3"
