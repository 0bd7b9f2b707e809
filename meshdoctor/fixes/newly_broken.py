"""Rules that a changed set of objects breaks anew: the built-in rules, run over the foretold configuration."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache

from msgspec import structs

from meshdoctor import bundled
from meshdoctor.engine.evaluate import evaluate
from meshdoctor.engine.loader import load_rules
from meshdoctor.facts.joined.proxy_case import ProxyCase
from meshdoctor.facts.joined.sheet import CaseSheet
from meshdoctor.fixes.foreseen import Foreseen
from meshdoctor.fixes.onlookers import Group
from meshdoctor.model.finding import Finding
from meshdoctor.model.mend import NewFault
from meshdoctor.model.mesh import Mesh, WantedHost
from meshdoctor.model.rule import Rule
from meshdoctor.semantics.forecast.doubt import doubt_about
from meshdoctor.semantics.registry import Registry

FORESEEABLE = (
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
"""Rules whose facts rest on objects alone: what a pod runs, what is refused and what resolves is not foretold."""

OF_WISHES = ("missing-service-entry", "service-entry-not-visible")
"""Rules that speak of what a pod wants, so that only pods that want it are touched."""

HARMFUL = ("error", "warning")

Fault = tuple[str, str, int]
"""Rule, host and port."""


def newly_broken(before: Foreseen, after: Foreseen, group: Group, ports: Collection[int]) -> Iterator[NewFault]:
    """Faults that are there after and were not before, as errors or warnings, for the pods of one group.

    Where the objects leave a connection open, nothing is said of its host.
    """
    wishes = [w for w in before.mesh.wanted if w.pod in group.pods and w.port in ports]
    known = faults_of(before, wishes, ports)
    for fault, finding in faults_of(after, wishes, ports).items():
        rule, host, port = fault
        if fault not in known and not doubt_about(after.foretold.doubts, host, port):
            wishing = tuple(dict.fromkeys(w.pod for w in wishes if (w.host, w.port) == (host, port)))
            yield NewFault(rule, host, port, wishing if rule in OF_WISHES else group.pods, finding.message)


def faults_of(foreseen: Foreseen, wishes: Iterable[WantedHost], ports: Collection[int]) -> dict[Fault, Finding]:
    """What the rules find in one foretold configuration on these ports, told as of its pod, which has all wishes."""
    key = foreseen.tracer.key
    own = {(wish.host, wish.port): structs.replace(wish, pod=key) for wish in wishes}
    part = _part_of(foreseen.mesh, tuple(own.values()), ports)
    case = ProxyCase(part, Registry(part), key)
    case.tracer = foreseen.tracer
    findings, _ = evaluate(_rules(), CaseSheet(case).facts, lambda rule: ())
    return {_fault(f): f for f in findings if f.severity in HARMFUL and (f.port or 0) in ports}


def _fault(finding: Finding) -> Fault:
    return finding.rule, finding.host or "", finding.port or 0


@cache
def _rules() -> list[Rule]:
    """The rules without their mends: what is foretold is not mended."""
    rules = load_rules([bundled.rules_dir() / f"{name}.yaml" for name in FORESEEABLE])
    return [structs.replace(rule, fixes=()) for rule in rules]


def _part_of(mesh: Mesh, wishes: tuple[WantedHost, ...], ports: Collection[int]) -> Mesh:
    """The mesh as far as these ports and wishes go."""
    return structs.replace(
        mesh,
        service_entries=tuple(e for e in mesh.service_entries if any(p.number in ports for p in e.ports)),
        services=tuple(s for s in mesh.services if any(p.number in ports for p in s.ports)),
        wanted=wishes,
    )
