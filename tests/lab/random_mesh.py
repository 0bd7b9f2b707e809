"""Random meshes for the differential test: what istiod accepts, in combinations that nobody wrote down.

Everything follows from the seed. A connection's end must show in Envoy's access log, so:

- a VirtualService sends to a host of its own, on a port that nothing else uses. Its cluster's name verifies that this
  VirtualService decided, and `own` tells which hosts it decides for.
- an outside host answers in whatever protocol the client speaks, but for 443, which speaks TLS only, and 80, which
  never does: trace counts on that. What a server makes of a client's wrong protocol is not the mesh's doing, so
  nothing but TLS is tried on the one and no TLS on the other.
- STATIC endpoints are addresses where somebody listens: a dead one hangs like a protocol sniffer.
- HTTP2 and GRPC are declared where the outside hosts speak HTTP/2 with prior knowledge: everywhere.
- addresses of IP version 6 are declared, never dialled: the lab's pods have version 4 alone.
- no host is a bare address: whose it is cannot be read from the log.
"""

from __future__ import annotations

import random
from typing import Any

from msgspec import Struct

from tests.lab import hard
from tests.lab.scenario import Host, Object, Pod, Probe, Scenario

NETWORKING = "networking.istio.io/v1"
PLAIN = Pod("plain-5d9c7b8f64-aaaaa", "shop", {"app": "plain"})
CAPTURING = Pod("capturing-6b7f9d8c5-bbbbb", "partners", {"app": "capturing"}, dns_capture=True)
EXCLUDING = Pod(
    "excluding-7c9d8b6f4-ccccc",
    "payments",
    {"app": "excluding"},
    {
        "traffic.sidecar.istio.io/excludeOutboundPorts": "9000",
        "traffic.sidecar.istio.io/excludeOutboundIPRanges": "203.0.113.8/29",
    },
)
PODS = (PLAIN, CAPTURING, EXCLUDING)
NAMESPACES = ("shop", "partners", "payments", "istio-system")

PORTS = (80, 443, 3306, 5432, 8080, 9000)
TLS_ONLY, NO_TLS = 443, 80
KINDS = {TLS_ONLY: "tls", NO_TLS: "plain"}
TARGET_PORT = 7001
ADDRESSES = {
    "api.alpha.test": ("198.51.100.10", "198.51.100.11"),
    "www.alpha.test": ("198.51.100.12",),
    "db.alpha.test": ("203.0.113.10", "203.0.113.11"),
    "api.beta.test": ("198.51.100.20",),
    "db.beta.test": ("203.0.113.20",),
    "eu.api.beta.test": ("198.51.100.21",),
    "gamma.test": ("198.51.100.30", "203.0.113.30"),
    "stranger.test": ("192.0.2.10",),
}
WILDCARDS = ("*.alpha.test", "*.beta.test", "*.api.beta.test", "*.test")
RANGES = ("198.51.100.0/24", "203.0.113.0/24", "203.0.113.8/29", "198.51.100.10/32", "198.51.0.0/16")
TARGETS = {f"target-{number}.test": (f"198.18.0.{number + 1}",) for number in range(6)}
PROTOCOLS = ("TCP", "TCP", "TCP", "TLS", "TLS", "HTTPS", "HTTP", "HTTP", "HTTP", "MONGO", "MYSQL", "HTTP2", "GRPC", "")


def _host(name: str, ips: tuple[str, ...]) -> Host:
    ports = {TARGET_PORT: "any"} if name in TARGETS else {p: KINDS.get(p, "any") for p in PORTS}
    # Any name is served: one host's endpoints may be another's, and a 404 is not the mesh's doing.
    return Host(name, ips, ports, names=("*.test",))


HOSTS = tuple(_host(name, ips) for name, ips in (ADDRESSES | TARGETS).items())


class Dice:
    """Choices by one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one(self, *values: Any) -> Any:
        """One of these."""
        return self._random.choice(values)

    def some(self, values: Any, least: int, most: int) -> list[Any]:
        """Several different ones."""
        return self._random.sample(list(values), self._random.randint(least, min(most, len(values))))

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return self._random.random() < share

    def number(self, least: int, most: int) -> int:
        """A number between these, both included."""
        return self._random.randint(least, most)


class Routed(Struct, frozen=True):
    """A VirtualService: which host it is for and where it alone sends it."""

    host: str
    target: str


def random_mesh(seed: int, probes: int = 40) -> Scenario:
    """The mesh of this seed, with connections to try."""
    dice = Dice(seed)
    objects: list[Object] = [_entry(dice, number) for number in range(dice.number(3, 8))]
    if dice.chance(0.3):
        objects.append(_duplicate(dice, dice.one(*objects)))
    named = sorted({host for o in objects for host in o["spec"]["hosts"]})
    routed = []
    for target in dice.some(TARGETS, 0, 3):
        host = dice.one(*named, *ADDRESSES)
        objects += [_target(target), *_virtual_services(dice, host, target)]
        routed.append(Routed(host, target))
    objects += [hard.rule(dice, number, dice.one(*named), PORTS) for number in range(dice.number(0, 3))]
    objects += [hard.service(dice, number, PORTS, dice.one(*ADDRESSES)) for number in range(dice.number(0, 3))]
    if dice.chance(0.3):
        host = dice.one(*(name for name in ADDRESSES if name != "stranger.test"))
        objects += hard.workload_entries(dice, 0, host, ADDRESSES[host])
    if dice.chance(0.2):
        objects.append(hard.envoy_filter(dice, 0))
    if dice.chance(0.45):
        objects += [hard.sidecar(dice, number, PORTS) for number in range(dice.number(1, 2))]
    mesh = {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}} if dice.chance(0.3) else {}
    batches: tuple[tuple[Object, ...], ...] = (tuple(objects),)
    if dice.chance(0.4):
        half = dice.number(1, len(objects) - 1)
        batches = (tuple(objects[:half]), tuple(objects[half:]))
    tried = tuple(_probe(dice, objects, routed) for _ in range(probes))
    return Scenario(f"random mesh {seed}", PODS, HOSTS, batches, tried, mesh)


def _object(kind: str, name: str, namespace: str, spec: Object) -> Object:
    return {"apiVersion": NETWORKING, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def _entry(dice: Dice, number: int) -> Object:
    wildcard = dice.chance(0.2)
    names = [name for name in ADDRESSES if name != "stranger.test"]
    hosts = [dice.one(*WILDCARDS)] if wildcard else dice.some(names, 1, 2 if dice.chance(0.2) else 1)
    resolution = "NONE" if wildcard else dice.one("DNS", "DNS", "NONE", "STATIC")
    spec: Object = {"hosts": hosts, "location": "MESH_EXTERNAL", "resolution": resolution}
    spec["ports"] = [_port(dice, port) for port in dice.some(PORTS, 1, 2)]
    own = [ip for host in hosts for ip in ADDRESSES.get(host, ())]
    if dice.chance(0.4):
        # Istio's kind refuses ranges for DNS.
        ranges = [dice.one(*RANGES)] if resolution != "DNS" else []
        spec["addresses"] = dice.some(own, 1, 2) if own and dice.chance(0.7) else ranges
        if resolution != "DNS" and dice.chance(0.15):
            spec["addresses"] = [*spec["addresses"], dice.one(*hard.V6)]
    if resolution == "STATIC":
        spec["endpoints"] = [{"address": ip} for ip in dice.some(own, 1, 2)]
    if dice.chance(0.25):
        spec["exportTo"] = dice.one(["."], ["shop"], ["partners"], ["shop", "partners"], ["*"])
    return _object("ServiceEntry", f"entry-{number}", dice.one("shop", *NAMESPACES), spec)


def _duplicate(dice: Dice, entry: Object) -> Object:
    """The same host declared again, elsewhere or otherwise."""
    spec = entry["spec"] | ({"ports": [_port(dice, dice.one(*PORTS))]} if dice.chance(0.5) else {})
    return _object("ServiceEntry", "again", dice.one(*NAMESPACES), spec)


def _port(dice: Dice, number: int) -> Object:
    protocol = dice.one("TLS", "HTTPS", "TCP", "TCP") if number == TLS_ONLY else dice.one(*PROTOCOLS)
    made: Object = {"number": number, "name": f"port-{number}"}
    return made | ({"protocol": protocol} if protocol else {})


def _target(target: str) -> Object:
    port = {"number": TARGET_PORT, "name": "port-7001", "protocol": "TCP"}
    # Addresses keep this entry's listener to itself.
    spec = {"hosts": [target], "addresses": list(TARGETS[target]), "ports": [port]}
    return _object(
        "ServiceEntry", target.split(".")[0], "shop", spec | {"location": "MESH_EXTERNAL", "resolution": "DNS"}
    )


def _virtual_services(dice: Dice, host: str, target: str) -> list[Object]:
    """The VirtualService that sends a host to a target, with the one it delegates to."""
    destination: Object = {"host": target, "port": {"number": TARGET_PORT}}
    if dice.chance(0.1):
        destination["subset"] = "v1"
    sent = [{"destination": destination}]
    name, namespace = f"to-{target.split('.')[0]}", dice.one("shop", "shop", "partners")
    spec: Object = {"hosts": [host]}
    further = []
    kind = dice.one("http", "http", "http", "tls", "tcp")
    if kind == "http":
        spec["http"] = hard.http_routes(dice, sent, target.split(".")[0], PORTS)
        if dice.chance(0.15):
            spec["http"] = [hard.weighted(sent, host, dice.one(*PORTS), name)]
        elif dice.chance(0.2):
            root, delegated = hard.delegate(namespace, name, spec["http"])
            spec["http"] = [root]
            further = [delegated]
    elif kind == "tls":
        spec["tls"] = [{"match": [{"port": dice.one(443, 443, 9000), "sniHosts": [host]}], "route": sent}]
    else:
        matched = {"port": dice.one(*PORTS)} | ({"destinationSubnets": [dice.one(*RANGES)]} if dice.chance(0.3) else {})
        spec["tcp"] = [{"match": [matched], "route": sent}]
    if dice.chance(0.2):
        spec["exportTo"] = dice.one(["."], ["shop"])
    return [_object("VirtualService", name, namespace, spec), *further]


def _probe(dice: Dice, objects: list[Object], routed: list[Routed]) -> Probe:
    """Mostly to something that is registered."""
    host, port = dice.one(*ADDRESSES), dice.one(*PORTS)
    entries = [
        o["spec"] for o in objects if o["kind"] == "ServiceEntry" and not o["spec"]["hosts"][0].startswith("target")
    ]
    if dice.chance(0.75):
        entry = dice.one(*entries)
        host = dice.one(*[name for name in ADDRESSES if any(covers(one, name) for one in entry["hosts"])])
        port = dice.one(*entry["ports"])["number"]
    fitting = ["tls"] if port == TLS_ONLY else ["tcp", "server-first", "http", "http"]
    protocol = dice.one(*fitting, *([] if port in KINDS else ["tls"]))
    own = tuple(sorted(one.target for one in routed if covers(one.host, host)))
    return Probe(
        dice.one(PLAIN.name, PLAIN.name, CAPTURING.name, EXCLUDING.name),
        host,
        port,
        protocol,
        ip=_dialled(dice, host),
        sni=dice.one("", dice.one(*ADDRESSES)) if protocol == "tls" and dice.chance(0.1) else None,
        own=own,
        **(_request(dice) if protocol == "http" else {}),
    )


def _dialled(dice: Dice, host: str) -> str | None:
    """The address: mostly the host's own, now and then another host's."""
    if dice.chance(0.1):
        return str(dice.one(*(ip for ips in ADDRESSES.values() for ip in ips)))
    return str(dice.one(*ADDRESSES[host])) if dice.chance(0.5) else None


def _request(dice: Dice) -> dict[str, Any]:
    """What an HTTP client says beside the host."""
    asked: dict[str, Any] = {}
    if dice.chance(0.5):
        asked["path"] = dice.one("/api/v1", "/api/v1?version=2", "/api", "/aPi", "/other")
    if dice.chance(0.3):
        asked["method"] = dice.one("POST", "PUT", "DELETE")
    if dice.chance(0.3):
        asked["headers"] = {hard.HEADER: dice.one("gold", "silver")}
    if dice.chance(0.1):
        asked["authority"] = dice.one(*ADDRESSES)
    return asked


def covers(pattern: str, host: str) -> bool:
    """A host or a `*.` wildcard covers this name."""
    return pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]))
