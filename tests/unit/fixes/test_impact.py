"""Whom a fix touches: pods, claims, connections and rules, of objects that come, change and go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from meshdoctor.fixes.impact.changed_mesh import applied
from meshdoctor.fixes.impact.fix_safety import downgrade_if_harmful
from meshdoctor.fixes.impact.impact import impact_of
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.finding import Disposition, Fix
from meshdoctor.model.fix import Change, ClaimChange, Impact, PredictedChange
from meshdoctor.model.forward_proxy import ForwardProxy, ProxiedRequest
from meshdoctor.model.mesh import Mesh, Pod
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.predict.sidecar_services import members
from meshdoctor.semantics.istio.registry import Registry, Viewer
from tests.unit.fixes.small_mesh import (
    MID,
    NEW,
    NOW,
    OLD,
    Tree,
    change,
    dependency,
    entry,
    item,
    mesh,
    pod,
    predicted_sidecar,
)

WEB = ("shop/web",)
DNS = {f"{name}.example": (f"198.51.100.{number}",) for number, name in enumerate("abcdefgh", 1)}


def told(made: Mesh, *changes: Change) -> Impact:
    return impact_of(made, changes, NOW)


def turns(impact: Impact) -> list[tuple[str, int, str, str, bool]]:
    return [(e.host, e.port, e.before, e.after, e.is_worse) for e in impact.connections]


def broken(impact: Impact) -> list[tuple[str, str, int]]:
    return [(fault.rule, fault.host, fault.port) for fault in impact.regressions]


def test_a_missing_entry_that_is_created() -> None:
    made = mesh(dns=DNS, dependencies=(dependency("a.example", 443),))
    impact = told(made, change(None, entry("a", 443, "TLS")))
    because = "the connection is sent to the right cluster, outbound|443||a.example"
    assert impact == Impact(
        pods=WEB,
        claims=(ClaimChange("enters", "a.example", 443, "0.0.0.0, server name a.example", WEB),),
        connections=(PredictedChange("a.example", 443, WEB, "blocked", "delivered", False, because),),
    )


def test_a_deleted_entry_takes_the_connection_away() -> None:
    there = entry("a", 443, "TLS")
    impact = told(mesh(there, dns=DNS, dependencies=(dependency("a.example", 443),)), change(there, None))
    assert turns(impact) == [("a.example", 443, "delivered", "blocked", True)]
    assert broken(impact) == [("missing-service-entry", "a.example", 443)]
    assert [c.move for c in impact.claims] == ["leaves"]


def test_one_fault_traded_for_another() -> None:
    """Two TCP entries without addresses on one port."""
    made = mesh(entry("a", 9000, "TCP"), dns=DNS, dependencies=(dependency("b.example", 9000),))
    impact = told(made, change(None, entry("b", 9000, "TCP")))
    assert ("tcp-port-clash", "b.example", 9000) in broken(impact)


def test_private_takes_the_port_from_what_is_there() -> None:
    made = mesh(entry("a", 9000, "TCP"), dns=DNS)
    impact = told(made, change(None, entry("b", 9000, "TCP", exportTo=["."])))
    assert ("a.example", 9000, "delivered", "misrouted to b.example", True) in turns(impact)
    assert ("tcp-port-clash", "a.example", 9000) in broken(impact)
    assert {(c.move, c.host) for c in impact.claims} == {("leaves", "a.example"), ("enters", "b.example")}


@pytest.mark.parametrize(
    ("created", "rule"),
    [
        (entry("b", 9000, "TCP", resolution="NONE"), "resolution-none-leak"),
        (entry("b", 9000, "TCP", resolution="NONE", addresses=["0.0.0.0/0"]), "resolution-none-leak"),
        (entry("b", 9000, "TCP", resolution="NONE", addresses=["198.51.0.0/16"]), "resolution-none-leak"),
        (entry("b", 9000, "TCP"), "tcp-hosts-ignored"),
        (entry("again", 8443, "TLS", host="a.example", resolution="NONE"), "duplicate-host"),
        (item("DestinationRule", "r", host="a.example", trafficPolicy={"tls": {"mode": "SIMPLE"}}), "double-tls"),
        (
            item("DestinationRule", "r", host="plain.example", trafficPolicy={"tls": {"mode": "ISTIO_MUTUAL"}}),
            "mtls-to-external",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rules_newly_broken(created: Tree, rule: str) -> None:
    made = mesh(entry("a", 443, "TLS"), entry("plain", 8080, "HTTP"), dns=DNS | {"plain.example": ("198.51.100.77",)})
    impact = told(made, change(None, created))
    assert rule in {fault.rule for fault in impact.regressions}


def test_a_narrow_range_breaks_nothing() -> None:
    created = entry("b", 9000, "TCP", resolution="NONE", addresses=["198.51.100.2/32"])
    impact = told(mesh(dns=DNS, dependencies=(dependency("b.example", 9000),)), change(None, created))
    assert (turns(impact), impact.regressions) == ([("b.example", 9000, "blocked", "delivered", False)], ())


def test_only_pods_that_see_the_object_are_touched() -> None:
    pods = (pod("web"), pod("till", "bank"), structs.replace(pod("bare"), containers=()))
    impact = told(mesh(*pods, dns=DNS), change(None, entry("a", 443, "TLS", exportTo=["."])))
    assert impact.pods == WEB
    assert {p for e in impact.connections for p in e.pods} == set(WEB)


def test_an_export_narrowed_is_felt_where_it_was_seen() -> None:
    there = entry("a", 443, "TLS", namespace="bank")
    after = there | {"spec": there["spec"] | {"exportTo": ["."]}}
    impact = told(mesh(pod("web"), pod("till", "bank"), there, dns=DNS), change(there, after))
    assert impact.pods == ("bank/till", "shop/web")
    assert [(e.pods, e.after, e.is_worse) for e in impact.connections] == [(WEB, "blocked", True)]


def test_a_sidecar_turns_what_its_pods_get_and_no_others() -> None:
    made = mesh(pod("web"), pod("till", "bank"), entry("a", 443, "TLS", namespace="bank"), dns=DNS)
    impact = told(made, change(None, item("Sidecar", "default", egress=[{"hosts": ["./*"]}])))
    assert (impact.pods, [(e.pods, e.after) for e in impact.connections]) == (WEB, [(WEB, "blocked")])


def test_pods_that_see_alike_are_told_together() -> None:
    pods = [structs.replace(pod(f"web-{n}", f"team-{n % 3}"), ip=f"10.1.0.{n}") for n in range(9)]
    impact = told(mesh(*pods, dns=DNS), change(None, entry("a", 443, "TLS")))
    assert [len(e.pods) for e in impact.connections] == [9]


def test_what_pods_want_is_told_for_those_alone() -> None:
    there = entry("a", 9000, "TCP", resolution="NONE")
    wanted = (dependency("stranger.example", 9000, "shop/web"),)
    made = mesh(pod("web"), pod("other"), there, dns=DNS | {"stranger.example": ("192.0.2.1",)}, dependencies=wanted)
    narrowed = there | {"spec": there["spec"] | {"addresses": ["198.51.100.1"]}}
    impact = told(made, change(there, narrowed))
    assert [(e.host, e.pods, e.before, e.after) for e in impact.connections] == [
        ("stranger.example", WEB, "leaked to a.example", "blocked")
    ]


def test_a_client_does_not_change_because_a_declaration_does() -> None:
    there = entry("a", 5432, "TCP")
    after = entry("a", 5432, "TLS")
    impact = told(mesh(there, dns=DNS), change(there, after))
    (effect,) = impact.connections
    assert (effect.before, effect.after, effect.is_worse) == ("delivered", "blocked", True)
    assert effect.because.startswith("for a client that speaks tcp")


def test_the_declaration_a_port_is_known_for_is_believed() -> None:
    there, after = entry("a", 443, "HTTP"), entry("a", 443, "TLS")
    assert [e.is_worse for e in told(mesh(there, dns=DNS), change(there, after)).connections] in ([], [False])


def test_a_virtual_address_is_predicted_where_istio_gives_them() -> None:
    other = entry("b", 9000, "TCP")
    other["status"] = {"addresses": [{"host": "b.example", "value": "240.240.0.1"}]}
    made = applied(mesh(other), (change(None, entry("a", 9000, "TCP")),), NOW).mesh
    (created,) = (one for one in made.service_entries if one.ref.name == "a")
    assert created.status_addresses["a.example"][0].startswith("240.")
    there = next(one for one in made.service_entries if one.ref.name == "b")
    assert there.status_addresses == {"b.example": ("240.240.0.1",)}


def test_what_cannot_be_predicted_is_named() -> None:
    key = ObjectRef("Deployment", "shop", "web", api_version="apps/v1")
    impact = told(mesh(), Change(key=key, before={}, after={"metadata": {}}))
    assert impact == Impact(unknown=("the impact of Deployment shop/web is not predicted",))
    bad = change(None, item("ServiceEntry", "a", hosts=5))
    assert "cannot be read" in told(mesh(), bad).unknown[0]


def test_a_kind_that_was_not_read_is_named() -> None:
    made = structs.replace(mesh(dns=DNS), kinds_read=frozenset({"serviceentries", "services"}))
    impact = told(made, change(None, entry("a", 443, "TLS")))
    assert any("virtualservices were not read" in one for one in impact.unknown)
    assert any("EnvoyFilters were not read" in one for one in impact.unknown)
    assert impact.connections == ()


def test_no_change_touches_nobody() -> None:
    there = entry("a", 443, "TLS")
    assert told(mesh(there, dns=DNS)) == Impact()
    assert told(mesh(there, dns=DNS), change(there, there)).connections == ()


def test_the_mesh_itself_is_left_alone() -> None:
    there = entry("a", 443, "TLS")
    made = mesh(there, dns=DNS)
    kept = made.service_entries
    told(made, change(there, None))
    assert made.service_entries is kept


# Dispositions

SAFE = Fix("id", "title", Disposition.SAFE, "Its price.", ("kind: ServiceEntry",))
CHANGES = (change(None, entry("a", 443, "TLS")),)


def test_a_harmful_fix_is_not_safe_and_says_why() -> None:
    made = mesh(entry("a", 9000, "TCP"), dns=DNS)
    changes = (change(None, entry("b", 9000, "TCP", exportTo=["."])),)
    fix = downgrade_if_harmful(made, SAFE, changes, impact_of(made, changes, NOW))
    assert fix.disposition == "review"
    assert fix.cost == ("Its price. It changes a.example:9000 from delivered to misrouted to b.example for shop/web.")


def test_harm_names_the_workload_and_counts_the_rest() -> None:
    owner = ObjectRef("Deployment", "shop", "web")
    pods: list[Pod] = [structs.replace(pod(f"web-{n}"), workload=owner) for n in range(3)]
    keys = tuple(one.key for one in pods)
    effect = PredictedChange("a.example", 443, keys, "delivered", "blocked", True, "gone")
    other = structs.replace(effect, host="b.example")
    fix = downgrade_if_harmful(mesh(*pods), SAFE, CHANGES, Impact(connections=(effect, other)))
    assert fix.caution.endswith("for 3 pods of Deployment shop/web, and 1 more regression.")


@pytest.mark.parametrize("declared", [Disposition.REVIEW, Disposition.MANUAL])
def test_others_stay_as_they_are(declared: Disposition) -> None:
    fix = structs.replace(SAFE, declared=declared)
    worse = PredictedChange("a.example", 443, WEB, "delivered", "blocked", True, "gone")
    assert downgrade_if_harmful(mesh(), fix, CHANGES, Impact(connections=(worse,))) == fix


def test_a_harmless_fix_stays_safe() -> None:
    better = PredictedChange("a.example", 443, WEB, "blocked", "delivered", False, "there")
    assert downgrade_if_harmful(mesh(), SAFE, CHANGES, Impact(connections=(better,))) == SAFE
    assert downgrade_if_harmful(mesh(), SAFE, (), Impact()) == SAFE


# Properties

NAMES = st.sampled_from("abcdef")
PORTS = st.sampled_from((80, 443, 9000))


@st.composite
def entries(draw: st.DrawFn, name: str, protocols: tuple[str, ...] = ("HTTP", "TLS", "TCP", "MONGO")) -> Tree:
    spec: dict[str, Any] = {"resolution": draw(st.sampled_from(("DNS", "NONE")))}
    if draw(st.booleans()):
        spec["addresses"] = [DNS[f"{name}.example"][0]]
    if draw(st.booleans()):
        spec["exportTo"] = draw(st.sampled_from((["."], ["*"], ["shop"])))
    created = draw(st.sampled_from((OLD, MID, NEW)))
    namespace = draw(st.sampled_from(("shop", "bank")))
    return entry(name, draw(PORTS), draw(st.sampled_from(protocols)), created=created, namespace=namespace, **spec)


ANY = ("HTTP", "TLS", "TCP", "MONGO")


@st.composite
def meshes(draw: st.DrawFn, protocols: tuple[str, ...] = ANY) -> list[Tree]:
    return [draw(entries(name, protocols)) for name in sorted(draw(st.sets(NAMES, max_size=4)))]


def is_matched_by_name(tree: Tree) -> bool:
    return "addresses" not in tree["spec"]


@settings(max_examples=80, deadline=None)
@given(meshes(("HTTP", "TLS", "TCP")), entries("g", ("HTTP", "TLS")).filter(is_matched_by_name), st.booleans())
def test_an_entry_matched_by_name_takes_no_other_name_from_a_tls_client(
    there: list[Tree], created: Tree, is_open: bool
) -> None:
    """It may bring inspectors to the port, which a client that says a server name never waits for."""
    made = mesh(*there, policy="ALLOW_ANY" if is_open else "REGISTRY_ONLY", dns=DNS)
    later = applied(made, (change(None, created),), NOW).mesh
    port = created["spec"]["ports"][0]["number"]
    before, after = predicted_sidecar(made, port), predicted_sidecar(later, port)
    for host in DNS.keys() - {"g.example"}:
        was, becomes = (one.seen(host, port, protocol="tls") for one in (before, after))
        assert (was.verdict, was.owner) == (becomes.verdict, becomes.owner)


@settings(max_examples=60, deadline=None)
@given(meshes(), entries("h"))
def test_the_way_back_mirrors_the_way_there(there: list[Tree], created: Tree) -> None:
    made = mesh(*there, dns=DNS)
    forth = told(made, change(None, created))
    back = told(applied(made, (change(None, created),), NOW).mesh, change(created, None))
    assert back.pods == forth.pods
    turned = {"enters": "leaves", "leaves": "enters"}
    assert {(turned[c.move], c.host, c.port, c.bind) for c in back.claims} == {
        (c.move, c.host, c.port, c.bind) for c in forth.claims
    }
    same_client = {(e.host, e.port, e.before, e.after) for e in forth.connections if "for a client" not in e.because}
    mirrored = {(e.host, e.port, e.after, e.before) for e in back.connections if "for a client" not in e.because}
    others = {e.host for t in (forth, back) for e in t.connections if "for a client" in e.because}
    assert {e for e in same_client if e[0] not in others} == {e for e in mirrored if e[0] not in others}


@settings(max_examples=60, deadline=None)
@given(meshes())
def test_claims_have_one_order_whatever_the_order_of_the_list(there: list[Tree]) -> None:
    places = []
    for listed in (there, there[::-1]):
        made = mesh(*listed, dns=DNS)
        found = members(Registry(made), Viewer("shop"), (80, 443, 9000))
        assert [m.order for m in found] == sorted(m.order for m in found)
        assert len({m.order for m in found}) == len(found)
        places.append([m.host for m in found])
    assert places[0] == places[1]


def test_an_entry_for_a_forward_proxy_serves_what_is_behind_it() -> None:
    at = Pointer("pods", "$.items[0]")
    proxy = ForwardProxy("a.example", 3128, "http", "env HTTPS_PROXY of container app", at)
    request = ProxiedRequest(proxy, "b.example", 443, "https")
    made = mesh(
        dns=DNS,
        dependencies=(
            structs.replace(dependency("a.example", 3128), asked=(request,)),
            structs.replace(dependency("b.example", 443), proxied=(request,), is_dialled=False),
        ),
    )
    tcp = told(made, change(None, entry("a", 3128, "TCP", addresses=["198.51.100.1"], resolution="NONE")))
    assert sorted(turns(tcp)) == [
        ("a.example", 3128, "blocked", "delivered", False),
        ("b.example", 443, "blocked", "delivered to a.example", False),
    ]
    # Envoy answers CONNECT on an HTTP port with 404
    assert turns(told(made, change(None, entry("a", 3128, "HTTP")))) == []
