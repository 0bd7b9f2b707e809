"""DestinationRules with one port's TLS changed: everything else stays in force."""

from __future__ import annotations

from typing import Any

from meshdoctor.facts.derived import destination_rule_edits
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.mesh import DestinationRule
from meshdoctor.model.object_ref import ObjectRef
from tests.meshes import Mesh, destination_rule

POOL = {"tcp": {"maxConnections": 10}}
SIMPLE = {"mode": "SIMPLE"}


def read(host: str = "a.example", **policy: Any) -> DestinationRule:
    [found] = read_mesh(Mesh(None, destination_rule("a", host, **policy)).capture).destination_rules
    return found


def settings(made: Any) -> Any:
    return made["spec"]["trafficPolicy"]["portLevelSettings"]


def test_a_new_port_setting_takes_along_what_it_would_not_inherit() -> None:
    found = read(tls=SIMPLE, connectionPool=POOL, outlierDetection={"consecutive5xxErrors": 3})
    made = destination_rule_edits.with_tls(found, "a.example", 443, destination_rule_edits.OFF)
    [setting] = settings(made)
    assert setting == {
        "port": {"number": 443},
        "connectionPool": POOL,
        "outlierDetection": {"consecutive5xxErrors": 3},
        "tls": {"mode": "DISABLE"},
    }
    assert made["spec"]["trafficPolicy"]["tls"] == SIMPLE
    assert "portLevelSettings" not in found.manifest["spec"]["trafficPolicy"]


def test_a_port_setting_that_is_there_changes_in_its_tls_alone() -> None:
    own = {"port": {"number": 443}, "connectionPool": POOL, "tls": SIMPLE}
    other = {"port": {"number": 80}, "tls": SIMPLE}
    made = destination_rule_edits.with_tls(
        read(portLevelSettings=[other, own]), "a.example", 443, destination_rule_edits.OFF
    )
    assert settings(made) == [other, own | {"tls": {"mode": "DISABLE"}}]


def test_a_rule_of_many_hosts_stays_and_one_for_this_host_says_the_rest_of_it() -> None:
    made = destination_rule_edits.with_tls(
        read("*.example", tls=SIMPLE, connectionPool=POOL), "a.example", 443, destination_rule_edits.OFF
    )
    assert made["metadata"] == {"name": "a-a-example", "namespace": "shop"}
    assert (made["spec"]["host"], made["spec"]["trafficPolicy"]["tls"]) == ("a.example", SIMPLE)
    assert settings(made)[0]["connectionPool"] == POOL
    again = destination_rule_edits.with_tls(
        read("*.example", tls=SIMPLE), "a.example", 443, destination_rule_edits.OFF, {"a-a-example"}
    )
    assert again["metadata"]["name"] == "a-a-example-2"


def test_subsets_with_tls_of_their_own_go_along() -> None:
    found = read(tls=SIMPLE)
    found.manifest["spec"]["subsets"] = [
        {"name": "v1", "trafficPolicy": {"tls": SIMPLE}},
        {"name": "v2", "labels": {"v": "2"}},
    ]
    first, second = destination_rule_edits.with_tls(found, "a.example", 443, destination_rule_edits.OFF)["spec"][
        "subsets"
    ]
    assert first["trafficPolicy"]["portLevelSettings"] == [{"port": {"number": 443}, "tls": {"mode": "DISABLE"}}]
    assert second == {"name": "v2", "labels": {"v": "2"}}


def test_settings_move_to_a_port_that_has_none() -> None:
    found = read(portLevelSettings=[{"port": {"number": 443}, "tls": SIMPLE}])
    assert settings(destination_rule_edits.moved_tls(found, 443, 80)) == [{"port": {"number": 80}, "tls": SIMPLE}]
    taken = read(portLevelSettings=[{"port": {"number": 443}, "tls": SIMPLE}, {"port": {"number": 80}}])
    assert destination_rule_edits.moved_tls(taken, 443, 80) == {}


def test_a_rule_that_was_not_read_is_not_made_up() -> None:
    unread = DestinationRule(ObjectRef("DestinationRule", "shop", "a"), "")
    assert destination_rule_edits.with_tls(unread, "a.example", 443, destination_rule_edits.OFF) == {}
    assert destination_rule_edits.moved_tls(unread, 443, 80) == {}


def test_a_policy_that_is_null_is_set() -> None:
    rule = read()
    rule.manifest["spec"]["trafficPolicy"] = None
    made = destination_rule_edits.with_tls(rule, "a.example", 443, destination_rule_edits.OFF, set())
    assert made["spec"]["trafficPolicy"]["portLevelSettings"][0]["port"] == {"number": 443}
