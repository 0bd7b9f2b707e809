"""Random meshes in real istiod: what the objects predict of a sidecar is what it gets, also for objects to come.

No connection is made here: `test_differential` holds `trace` against those. What is held against each other is `trace`
through the real dump and through the predicted configuration, for every host, port and kind of client.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from meshdoctor.doctor import Source, open_case
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.fixes.impact.comparison import registered, words
from meshdoctor.fixes.impact.impact import impact_of
from meshdoctor.fixes.impact.predicted_sidecar import (
    PredictedSidecar,
    PredictedVerdict,
    identity_of,
    seen_by,
    with_dump,
)
from meshdoctor.model.fix import Change, Impact
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.registry import Registry
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


def both(mesh: Mesh) -> Iterator[tuple[str, PredictedVerdict, PredictedVerdict]]:
    """(connection, through the dump, through what the objects predict)."""
    registry = Registry(mesh)
    for key in sorted(mesh.proxies):
        case = ProxyContext(mesh, registry, key)
        predicted_sidecar = PredictedSidecar(mesh, with_dump(identity_of(mesh, registry, key), case.proxy), PORTS)
        for host in ADDRESSES:
            for port in PORTS:
                for protocol in PROTOCOLS:
                    # A route configuration that nobody asks for any more stays in a dump, and hints at a protocol.
                    protocol = protocol or predicted_sidecar.tracer.protocol_of(host, port)
                    for ip in (None, *ADDRESSES[host]):
                        real = seen_by(case.tracer, host, port, ip=ip, protocol=protocol)
                        predicted = predicted_sidecar.seen(host, port, ip=ip, protocol=protocol)
                        yield f"{key} {protocol} {host}:{port} at {ip}", real, predicted


def wrong_in(mesh: Mesh) -> tuple[list[str], int]:
    """Connections that are predicted and end elsewhere, and how many were looked at."""
    found = list(both(mesh))
    wrong = [
        f"{name}: {real.verdict} {real.owner}, predicted {predicted.verdict} {predicted.owner}: {predicted.because}"
        for name, real, predicted in found
        if "unknown" not in (real.verdict, predicted.verdict)
        and (real.verdict, real.owner) != (predicted.verdict, predicted.owner)
    ]
    return wrong, len(found)


def told_of(mesh: Mesh, key: str) -> dict[tuple[str, int], tuple[str, PredictedVerdict]]:
    """What the sidecar really does, by host and port, with a client that speaks as the objects declare, and how that
    is."""
    registry = Registry(mesh)
    case = ProxyContext(mesh, registry, key)
    predicted_sidecar = PredictedSidecar(mesh, identity_of(mesh, registry, key), PORTS)
    pairs = dict.fromkeys(registered(predicted_sidecar, PORTS))
    found = {}
    for host, port in pairs:
        protocol = predicted_sidecar.tracer.protocol_of(host, port)
        found[host, port] = (protocol, seen_by(case.tracer, host, port, protocol=protocol))
    return found


def left_out(impact: Impact) -> set[str]:
    """Connections whose end is not predicted, or for the client of before."""
    effects = {f"{e.host}:{e.port}" for e in impact.connections if e.because.startswith("for a client")}
    return effects | {
        f"{h}:{p}" for h in ADDRESSES for p in PORTS if any(h in u or "more" in u for u in impact.unknown)
    }


def objects_of(scenario: Scenario) -> str:
    return "\n".join(json.dumps(one) for batch in scenario.objects for one in batch)


@pytest.mark.lab
def test_what_is_predicted_is_what_istiod_makes(pods: Lab, seed: int, tmp_path: Path) -> None:
    scenario = random_mesh(seed)
    pods.exchange(scenario)
    wrong, count = wrong_in(open_case(Source(path=pods.capture(tmp_path))).mesh)
    assert not wrong, "\n".join([*wrong[:12], f"{len(wrong)} of {count}", objects_of(scenario)])


@pytest.mark.lab
def test_one_more_object_turns_what_the_prediction_says(pods: Lab, seed: int, tmp_path: Path) -> None:
    scenario, (late,) = split(random_mesh(seed))
    pods.exchange(scenario)
    before = open_case(Source(path=pods.capture(tmp_path / "before"))).mesh
    metadata = late["metadata"]
    key = ObjectRef(late["kind"], metadata["namespace"], metadata["name"], api_version=late["apiVersion"])
    impact = impact_of(before, [Change(key=key, after=late)])
    pods.next_second()
    pods.apply(late)
    after = open_case(Source(path=pods.capture(tmp_path / "after"))).mesh
    wrong = [
        f"{name} {host}:{port}: {words(was, host)} became {words(becomes, host)}: {becomes.because}; {said}"
        for name in before.proxies
        for (host, port), (was, becomes, said) in turned(before, after, impact, name).items()
        if f"{host}:{port}" not in left_out(impact)
        and not lags(late, becomes)
        # what trace itself cannot say, as of a filter in the way, is not compared
        and "unknown" not in (was.verdict, becomes.verdict)
        and said != (words(was, host), words(becomes, host))
    ]
    assert not wrong, "\n".join([*wrong, json.dumps(late), objects_of(scenario)])


Turn = tuple[PredictedVerdict, PredictedVerdict, tuple[str, str]]


def turned(before: Mesh, after: Mesh, impact: Impact, key: str) -> dict[tuple[str, int], Turn]:
    """Each registered connection of a pod: before, after, and what the prediction says of both.

    Where a declaration changes, no one client is predicted: those are left to the prediction's own tests.
    """
    effects = {(e.host, e.port): (e.before, e.after) for e in impact.connections if key in e.pods}
    was, becomes = told_of(before, key), told_of(after, key)
    found: dict[tuple[str, int], Turn] = {}
    for host, port in was.keys() & becomes.keys():
        (before_by, first), (after_by, second) = was[host, port], becomes[host, port]
        if before_by == after_by:
            stays = (words(first, host),) * 2
            found[host, port] = (first, second, effects.get((host, port), stays))
    return found


def lags(late: Object, becomes: PredictedVerdict) -> bool:
    """istiod (1.32-dev) does not send the clusters of a host that a Sidecar makes come from another namespace."""
    return bool(late["kind"] == "Sidecar") and "does not exist in this proxy" in becomes.because
