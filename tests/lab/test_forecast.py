"""Random meshes in real istiod: what the objects foretell of a sidecar is what it gets, also for objects to come.

No connection is made here: `test_differential` holds `trace` against those. What is held against each other is `trace`
through the real dump and through the foretold configuration, for every host, port and kind of client.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from meshdoctor.doctor import Source, open_case
from meshdoctor.facts.joined.proxy_case import ProxyCase
from meshdoctor.fixes.foreseen import Foreseen, Seen, seen_by, self_of, with_dump
from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.registry import Registry
from tests.lab.lab import Lab
from tests.lab.random_mesh import ADDRESSES, HOSTS, PODS, PORTS, random_mesh
from tests.lab.scenario import Object, Scenario

PROTOCOLS = (None, "tcp", "server-first", "tls", "http")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("--first-seed")
        metafunc.parametrize("seed", range(first, first + metafunc.config.getoption("--meshes")))


@pytest.fixture
def pods(lab: Lab) -> Lab:
    """The pods of all random meshes. They keep running from one to the next."""
    if [running.pod for running in lab.pods.values()] != list(PODS) or lab.hosts != HOSTS:
        lab.load(Scenario("the pods of random meshes", PODS, HOSTS))
    return lab


def test_random_parts_are_seeded() -> None:
    assert split(random_mesh(7)) == split(random_mesh(7))


def split(scenario: Scenario) -> tuple[Scenario, tuple[Object, ...]]:
    """The mesh without its last ServiceEntry, VirtualService, DestinationRule or Sidecar, and that object."""
    objects = [one for batch in scenario.objects for one in batch if one["kind"] != "Service"]
    late = objects[len(scenario.probes) % len(objects)] if len(objects) % 2 else objects[-1]
    batches = tuple(tuple(one for one in batch if one is not late) for batch in scenario.objects)
    return structs.replace(scenario, objects=tuple(batch for batch in batches if batch)), (late,)


def both(mesh: Mesh) -> Iterator[tuple[str, Seen, Seen]]:
    """(connection, through the dump, through what the objects foretell)."""
    registry = Registry(mesh)
    for key in sorted(mesh.proxies):
        case = ProxyCase(mesh, registry, key)
        foreseen = Foreseen(mesh, with_dump(self_of(mesh, registry, key), case.proxy), PORTS)
        for host in ADDRESSES:
            for port in PORTS:
                for protocol in PROTOCOLS:
                    # A route configuration that nobody asks for any more stays in a dump, and hints at a protocol.
                    protocol = protocol or foreseen.tracer.protocol_of(host, port)
                    for ip in (None, *ADDRESSES[host]):
                        real = seen_by(case.tracer, host, port, "", ip, protocol)
                        foretold = foreseen.seen(host, port, "", ip, protocol)
                        yield f"{key} {protocol} {host}:{port} at {ip}", real, foretold


@pytest.mark.lab
def test_what_is_foretold_is_what_istiod_makes(pods: Lab, seed: int, tmp_path: Path) -> None:
    scenario = random_mesh(seed)
    pods.exchange(scenario)
    mesh = open_case(Source(path=pods.capture(tmp_path))).mesh
    found = list(both(mesh))
    wrong = [
        f"{name}: {real.verdict} {real.owner}, foretold {foretold.verdict} {foretold.owner}: {foretold.because}"
        for name, real, foretold in found
        if "unknown" not in (real.verdict, foretold.verdict)
        and (real.verdict, real.owner) != (foretold.verdict, foretold.owner)
    ]
    told = Counter(foretold.because for _, real, foretold in found if foretold.verdict == "unknown" != real.verdict)
    print(f"{seed}: {len(found)} connections, {told.total()} left open: {told.most_common(3)}")
    objects = "\n".join(json.dumps(o) for batch in scenario.objects for o in batch)
    assert not wrong, "\n".join([*wrong[:12], f"{len(wrong)} of {len(found)}", objects])
