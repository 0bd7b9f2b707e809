"""Whom a mend touches: pods, claims, connections and rules, of objects that come, change and go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from meshdoctor.fixes.applied import applied
from meshdoctor.fixes.dispositions import honest
from meshdoctor.fixes.forecast import forecast
from meshdoctor.model.finding import Fix
from meshdoctor.model.mend import Change, ClaimMove, Effect, ObjectKey, Touched
from meshdoctor.model.mesh import Mesh, Pod, Ref
from meshdoctor.semantics.forecast.scope import members
from meshdoctor.semantics.registry import Registry, Viewer
from tests.unit.fixes.small_mesh import MID, NEW, NOW, OLD, Tree, change, entry, foreseen, item, mesh, pod, wish

WEB = ("shop/web",)
DNS = {f"{name}.example": (f"198.51.100.{number}",) for number, name in enumerate("abcdefgh", 1)}


def told(made: Mesh, *changes: Change) -> Touched:
    return forecast(made, changes, NOW)


def turns(touched: Touched) -> list[tuple[str, int, str, str, bool]]:
    return [(e.host, e.port, e.was, e.becomes, e.worse) for e in touched.effects]


def broken(touched: Touched) -> list[tuple[str, str, int]]:
    return [(fault.rule, fault.host, fault.port) for fault in touched.faults]


def test_a_missing_entry_that_is_created() -> None:
    made = mesh(dns=DNS, wanted=(wish("a.example", 443),))
    touched = told(made, change(None, entry("a", 443, "TLS")))
    assert touched == Touched(
        pods=WEB,
        claims=(ClaimMove("enters", "a.example", 443, "0.0.0.0, server name a.example", WEB),),
        effects=(Effect("a.example", 443, WEB, "blocked", "delivered", False, "it reaches its own cluster"),),
    )
    assert not touched.harms


def test_a_deleted_entry_takes_the_connection_away() -> None:
    there = entry("a", 443, "TLS")
    touched = told(mesh(there, dns=DNS, wanted=(wish("a.example", 443),)), change(there, None))
    assert turns(touched) == [("a.example", 443, "delivered", "blocked", True)]
    assert broken(touched) == [("missing-service-entry", "a.example", 443)]
    assert [c.move for c in touched.claims] == ["leaves"]


def test_one_fault_traded_for_another() -> None:
    """Two TCP entries without addresses on one port."""
    made = mesh(entry("a", 9000, "TCP"), dns=DNS, wanted=(wish("b.example", 9000),))
    touched = told(made, change(None, entry("b", 9000, "TCP")))
    assert ("tcp-port-clash", "b.example", 9000) in broken(touched)
    assert touched.harms


def test_private_takes_the_port_from_what_is_there() -> None:
    made = mesh(entry("a", 9000, "TCP"), dns=DNS)
    touched = told(made, change(None, entry("b", 9000, "TCP", exportTo=["."])))
    assert ("a.example", 9000, "delivered", "misrouted to b.example", True) in turns(touched)
    assert ("tcp-port-clash", "a.example", 9000) in broken(touched)
    assert {(c.move, c.host) for c in touched.claims} == {("leaves", "a.example"), ("enters", "b.example")}


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
    touched = told(made, change(None, created))
    assert rule in {fault.rule for fault in touched.faults}


def test_a_narrow_range_breaks_nothing() -> None:
    created = entry("b", 9000, "TCP", resolution="NONE", addresses=["198.51.100.2/32"])
    touched = told(mesh(dns=DNS, wanted=(wish("b.example", 9000),)), change(None, created))
    assert (turns(touched), touched.faults) == ([("b.example", 9000, "blocked", "delivered", False)], ())


def test_only_pods_that_see_the_object_are_touched() -> None:
    pods = (pod("web"), pod("till", "bank"), structs.replace(pod("bare"), containers=()))
    touched = told(mesh(*pods, dns=DNS), change(None, entry("a", 443, "TLS", exportTo=["."])))
    assert touched.pods == WEB
    assert {p for e in touched.effects for p in e.pods} == set(WEB)


def test_an_export_narrowed_is_felt_where_it_was_seen() -> None:
    there = entry("a", 443, "TLS", namespace="bank")
    after = there | {"spec": there["spec"] | {"exportTo": ["."]}}
    touched = told(mesh(pod("web"), pod("till", "bank"), there, dns=DNS), change(there, after))
    assert touched.pods == ("bank/till", "shop/web")
    assert [(e.pods, e.becomes, e.worse) for e in touched.effects] == [(WEB, "blocked", True)]


def test_a_sidecar_turns_what_its_pods_get_and_no_others() -> None:
    made = mesh(pod("web"), pod("till", "bank"), entry("a", 443, "TLS", namespace="bank"), dns=DNS)
    touched = told(made, change(None, item("Sidecar", "default", egress=[{"hosts": ["./*"]}])))
    assert (touched.pods, [(e.pods, e.becomes) for e in touched.effects]) == (WEB, [(WEB, "blocked")])


def test_pods_that_see_alike_are_told_together() -> None:
    pods = [structs.replace(pod(f"web-{n}", f"team-{n % 3}"), ip=f"10.1.0.{n}") for n in range(9)]
    touched = told(mesh(*pods, dns=DNS), change(None, entry("a", 443, "TLS")))
    assert [len(e.pods) for e in touched.effects] == [9]


def test_what_pods_want_is_told_for_those_alone() -> None:
    there = entry("a", 9000, "TCP", resolution="NONE")
    wanted = (wish("stranger.example", 9000, "shop/web"),)
    made = mesh(pod("web"), pod("other"), there, dns=DNS | {"stranger.example": ("192.0.2.1",)}, wanted=wanted)
    narrowed = there | {"spec": there["spec"] | {"addresses": ["198.51.100.1"]}}
    touched = told(made, change(there, narrowed))
    assert [(e.host, e.pods, e.was, e.becomes) for e in touched.effects] == [
        ("stranger.example", WEB, "leaked to a.example", "blocked")
    ]


def test_a_client_does_not_change_because_a_declaration_does() -> None:
    there = entry("a", 5432, "TCP")
    after = entry("a", 5432, "TLS")
    touched = told(mesh(there, dns=DNS), change(there, after))
    (effect,) = touched.effects
    assert (effect.was, effect.becomes, effect.worse) == ("delivered", "blocked", True)
    assert effect.because.startswith("for a client that speaks tcp")


def test_the_declaration_a_port_is_known_for_is_believed() -> None:
    there, after = entry("a", 443, "HTTP"), entry("a", 443, "TLS")
    assert [e.worse for e in told(mesh(there, dns=DNS), change(there, after)).effects] in ([], [False])


def test_a_virtual_address_is_foretold_where_istio_gives_them() -> None:
    other = entry("b", 9000, "TCP")
    other["status"] = {"addresses": [{"host": "b.example", "value": "240.240.0.1"}]}
    made = applied(mesh(other), (change(None, entry("a", 9000, "TCP")),), NOW).mesh
    (created,) = (one for one in made.service_entries if one.ref.name == "a")
    assert created.status_addresses["a.example"][0].startswith("240.")
    there = next(one for one in made.service_entries if one.ref.name == "b")
    assert there.status_addresses == {"b.example": ("240.240.0.1",)}


def test_what_cannot_be_foretold_is_named() -> None:
    key = ObjectKey("apps/v1", "Deployment", "shop", "web")
    touched = told(mesh(), Change(key=key, before={}, after={"metadata": {}}))
    assert touched == Touched(unknown=("what Deployment shop/web does to connections is not foretold",))
    bad = change(None, item("ServiceEntry", "a", hosts=5))
    assert "cannot be read" in told(mesh(), bad).unknown[0]


def test_a_kind_that_was_not_read_is_named() -> None:
    made = structs.replace(mesh(dns=DNS), kinds_read=frozenset({"serviceentries", "services"}))
    touched = told(made, change(None, entry("a", 443, "TLS")))
    assert any("virtualservices were not read" in one for one in touched.unknown)
    assert any("EnvoyFilters were not read" in one for one in touched.unknown)
    assert touched.effects == ()


def test_no_change_touches_nobody() -> None:
    there = entry("a", 443, "TLS")
    assert told(mesh(there, dns=DNS)) == Touched()
    assert told(mesh(there, dns=DNS), change(there, there)).effects == ()


def test_the_mesh_itself_is_left_alone() -> None:
    there = entry("a", 443, "TLS")
    made = mesh(there, dns=DNS)
    kept = made.service_entries
    told(made, change(there, None))
    assert made.service_entries is kept


# Dispositions

SAFE = Fix("id", "title", "safe", "Its price.")
CHANGES = (change(None, entry("a", 443, "TLS")),)


def test_a_harmful_mend_is_not_safe_and_says_why() -> None:
    made = mesh(entry("a", 9000, "TCP"), dns=DNS)
    changes = (change(None, entry("b", 9000, "TCP", exportTo=["."])),)
    fix = honest(made, SAFE, changes, forecast(made, changes, NOW))
    assert fix.disposition == "review"
    assert fix.tradeoff == ("Its price. It turns a.example:9000 from delivered to misrouted to b.example for shop/web.")


def test_harm_names_the_workload_and_counts_the_rest() -> None:
    owner = Ref("Deployment", "shop", "web")
    pods: list[Pod] = [structs.replace(pod(f"web-{n}"), workload=owner) for n in range(3)]
    keys = tuple(one.key for one in pods)
    effect = Effect("a.example", 443, keys, "delivered", "blocked", True, "gone")
    other = structs.replace(effect, host="b.example")
    fix = honest(mesh(*pods), SAFE, CHANGES, Touched(effects=(effect, other)))
    assert fix.tradeoff.endswith("for 3 pods of Deployment shop/web, and 1 more change for the worse.")


@pytest.mark.parametrize("disposition", ["review", "manual"])
def test_others_stay_as_they_are(disposition: str) -> None:
    fix = structs.replace(SAFE, disposition=disposition)
    worse = Effect("a.example", 443, WEB, "delivered", "blocked", True, "gone")
    assert honest(mesh(), fix, CHANGES, Touched(effects=(worse,))) is fix


def test_a_harmless_mend_stays_safe() -> None:
    better = Effect("a.example", 443, WEB, "blocked", "delivered", False, "there")
    assert honest(mesh(), SAFE, CHANGES, Touched(effects=(better,))) is SAFE
    assert honest(mesh(), SAFE, (), Touched()) is SAFE


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
    before, after = foreseen(made, port), foreseen(later, port)
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
    same_client = {(e.host, e.port, e.was, e.becomes) for e in forth.effects if "for a client" not in e.because}
    mirrored = {(e.host, e.port, e.becomes, e.was) for e in back.effects if "for a client" not in e.because}
    others = {e.host for t in (forth, back) for e in t.effects if "for a client" in e.because}
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
