"""Findings that a change causes: the built-in rules, run over the predicted configuration."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache

from msgspec import structs

from meshdoctor import bundled
from meshdoctor.facts.derived.fact_lists import ProxyFacts
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.fixes.impact.affected_sidecars import SidecarGroup
from meshdoctor.fixes.impact.predicted_sidecar import PredictedSidecar
from meshdoctor.model.finding import Finding
from meshdoctor.model.fix import Regression
from meshdoctor.model.mesh import Dependency, Mesh
from meshdoctor.model.rule import Rule
from meshdoctor.predict.unknown import unknown_about
from meshdoctor.rules.evaluate import evaluate
from meshdoctor.rules.loader import load_rules
from meshdoctor.semantics.istio.registry import Registry

PREDICTABLE = (
    "double-tls",
    "duplicate-host",
    "incomplete-address-list",
    "missing-service-entry",
    "mtls-to-external",
    "port-hijacked",
    "protocol-mismatch",
    "resolution-none-leak",
    "route-to-unknown-cluster",
    "service-entry-not-visible",
    "tcp-hosts-ignored",
    "tcp-port-clash",
    "tls-origination-mismatch",
    "upstream-identity-unverified",
    "virtual-service-without-entry",
)
"""Rules whose facts can be predicted from the objects alone."""

OF_DEPENDENCIES = ("missing-service-entry", "service-entry-not-visible")
"""Rules about dependencies, which affect only the pods that have them."""

HARMFUL = ("error", "warning")

Fault = tuple[str, str, int]
"""Rule, host and port."""


def regressions_of(
    before: PredictedSidecar, after: PredictedSidecar, group: SidecarGroup, ports: Collection[int]
) -> Iterator[Regression]:
    """New errors and warnings for the pods of one group, except for hosts whose connections cannot be predicted."""
    dependencies = [d for d in before.mesh.dependencies if d.pod in group.pods and d.port in ports]
    known = faults_of(before, dependencies, ports)
    for fault, finding in faults_of(after, dependencies, ports).items():
        rule, host, port = fault
        if fault not in known and not unknown_about(after.predicted.unknowns, host, port):
            depending = tuple(dict.fromkeys(d.pod for d in dependencies if (d.host, d.port) == (host, port)))
            yield Regression(rule, host, port, depending if rule in OF_DEPENDENCIES else group.pods, finding.message)


def faults_of(
    predicted_sidecar: PredictedSidecar, dependencies: Iterable[Dependency], ports: Collection[int]
) -> dict[Fault, Finding]:
    """The findings in one predicted configuration on these ports, as if its pod had all the dependencies."""
    key = predicted_sidecar.tracer.key
    own = {(dependency.host, dependency.port): structs.replace(dependency, pod=key) for dependency in dependencies}
    part = _part_of(predicted_sidecar.mesh, tuple(own.values()), ports)
    case = ProxyContext(part, Registry(part), key)
    case.tracer = predicted_sidecar.tracer
    findings, _ = evaluate(_rules(), ProxyFacts(case).facts, lambda rule: ())
    harmful = [f for f in findings if f.severity in HARMFUL and (f.port or 0) in ports]
    return {(f.rule, f.host or "", f.port or 0): f for f in harmful}


@cache
def _rules() -> list[Rule]:
    """The rules without their fixes, which a prediction does not need."""
    rules = load_rules([bundled.rules_dir() / f"{name}.yaml" for name in PREDICTABLE])
    return [structs.replace(rule, fixes=()) for rule in rules]


def _part_of(mesh: Mesh, dependencies: tuple[Dependency, ...], ports: Collection[int]) -> Mesh:
    """The mesh with only the objects on these ports, and these dependencies."""
    return structs.replace(
        mesh,
        service_entries=tuple(e for e in mesh.service_entries if any(p.number in ports for p in e.ports)),
        services=tuple(s for s in mesh.services if any(p.number in ports for p in s.ports)),
        dependencies=dependencies,
    )
