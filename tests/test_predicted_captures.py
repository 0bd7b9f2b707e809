"""The model that predicts a sidecar's configuration, held against real dumps: it agrees with them or says unknown.

For every sidecar of every snapshot, and of the shared captures where they lie beside the checkout, each wanted and each
registered host:port, and a host that nobody registers, is traced twice: through the dump, and through what the objects
alone predict.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshdoctor.doctor import Source, open_case
from meshdoctor.facts.derived.connections import registered
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.fixes.impact.predicted_sidecar import (
    PredictedSidecar,
    PredictedVerdict,
    identity_of,
    seen_by,
    with_dump,
)
from meshdoctor.model.mesh import Mesh
from meshdoctor.predict.unknown import unknown_about
from meshdoctor.semantics.istio.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = sorted(
    path.parent
    for root in (ROOT / "snapshots", ROOT.parent / "shared" / "captures")
    for path in root.glob("*/dns.json")
    if path.parent.name != "envoy-v2"  # of Istio 1.1 the model says nothing
)
STRANGER, STRANGER_IP = "nobody.example", "203.0.113.77"
PROTOCOLS = (None, "tcp", "server-first", "tls", "http")


def pairs_of(case: ProxyContext, mesh: Mesh) -> list[tuple[str, int]]:
    """What this pod wants, what anyone wants or registers, and a stranger on each of those ports."""
    everywhere = [(h.lower(), p.number) for e in mesh.service_entries for h in e.hosts for p in e.ports]
    wanted = [(dependency.host, dependency.port) for dependency in mesh.dependencies if dependency.port is not None]
    found = [
        pair for pair in (*case.dependencies, *registered(case), *everywhere, *wanted) if not pair[0].startswith("*")
    ]
    return list(dict.fromkeys([*found, *((STRANGER, port) for _, port in found), (STRANGER, 81)]))


def both(mesh: Mesh, with_names: bool = True) -> Iterator[tuple[str, PredictedVerdict, PredictedVerdict]]:
    """(connection, as the dump has it, as it is predicted) of every sidecar."""
    registry = Registry(mesh)
    for key in mesh.proxies:
        case = ProxyContext(mesh, registry, key)
        if not case.viewer.is_sidecar:
            continue
        pairs = pairs_of(case, mesh)
        who = identity_of(mesh, registry, key)
        predicted_sidecar = PredictedSidecar(
            mesh, with_dump(who, case.proxy) if with_names else who, {port for _, port in pairs}
        )
        for host, port in pairs:
            ip = STRANGER_IP if host == STRANGER else None
            for protocol in PROTOCOLS:
                real = seen_by(case.tracer, host, port, ip=ip, protocol=protocol)
                predicted = predicted_sidecar.seen(host, port, ip=ip, protocol=protocol)
                yield f"{key} {protocol or 'its own protocol'} {host}:{port}", real, predicted


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_what_is_predicted_is_what_the_dump_shows(folder: Path) -> None:
    found = list(both(open_case(Source(path=folder)).mesh))
    known = [(name, real, predicted) for name, real, predicted in found if predicted.verdict != "unknown"]
    assert [
        (name, real.verdict, real.owner, predicted.verdict, predicted.owner)
        for name, real, predicted in known
        if (real.verdict, real.owner) != (predicted.verdict, predicted.owner)
    ] == []
    unknown = sum(predicted.verdict == "unknown" and real.verdict != "unknown" for _, real, predicted in found)
    assert unknown == 0, f"{unknown} of {len(found)} connections are not predicted"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_the_objects_alone_never_contradict_the_dump_without_its_endpoints(folder: Path) -> None:
    """Nothing of the dump but who the sidecar is: what pods and names come to is then left open."""
    found = list(both(open_case(Source(path=folder)).mesh, with_names=False))
    wrong = [
        (name, real, predicted)
        for name, real, predicted in found
        if predicted.verdict != "unknown" and (real.verdict, real.owner) != (predicted.verdict, predicted.owner)
    ]
    assert wrong == []
    assert any(predicted.verdict != "unknown" for _, _, predicted in found)


def test_a_kind_that_was_not_read_leaves_all_open() -> None:
    mesh = open_case(Source(snapshot="tcp-port-clash")).mesh
    mesh.kinds_read -= {"virtualservices"}
    (key,) = mesh.proxies
    registry = Registry(mesh)
    predicted_sidecar = PredictedSidecar(mesh, identity_of(mesh, registry, key), {443})
    assert unknown_about(predicted_sidecar.predicted.unknowns, "github.com", 443) == "virtualservices were not read"
    assert predicted_sidecar.seen("github.com", 443).verdict == "unknown"
