from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.errors import UsageError
from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import NotEvaluated
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.rule import Rule
from meshdoctor.model.sheet import Claim
from meshdoctor.rules.evaluate import evaluate
from tests.build import fact
from tests.unit.rules.rules import rule, run


def test_a_fix_names_what_it_deletes() -> None:
    fix = {"id": "m", "title": "M", "disposition": "review", "tradeoff": "It costs.", "deletes": "fact.active"}
    active = {"kind": "ServiceEntry", "namespace": "shop", "name": "b"}
    (found,) = run([rule("a", fixes=[fix])], [fact(Claim, reason="a", active=active)])
    assert found.fixes[0].deletes == (ObjectRef("ServiceEntry", "shop", "b"),)
    (none,) = run([rule("a", fixes=[fix])], [fact(Claim, reason="a")])
    assert none.fixes[0].deletes == ()


@pytest.mark.parametrize(("resolution", "offered"), [("NONE", True), ("DNS", False)])
def test_a_fix_that_admission_refuses_is_not_offered(resolution: str, offered: bool) -> None:
    change = {"base": "fact.entry.manifest", "set": {"spec.addresses": "{fact.own_addresses}"}}
    fix = {"id": "m", "title": "M", "disposition": "review", "tradeoff": "It costs.", "manifests": [change]}
    entry = {"manifest": {"kind": "ServiceEntry", "spec": {"hosts": ["a.example"], "resolution": resolution}}}
    (found,) = run([rule("a", fixes=[fix])], [fact(Claim, reason="a", entry=entry, own_addresses=["203.0.113.0/24"])])
    assert [fix.id for fix in found.fixes] == (["m"] if offered else [])


def test_a_fix_of_an_entry_that_is_refused_as_it_stands_is_offered() -> None:
    change = {"base": "fact.entry.manifest", "set": {"spec.location": "MESH_EXTERNAL"}}
    fix = {"id": "m", "title": "M", "disposition": "review", "tradeoff": "It costs.", "manifests": [change]}
    entry = {"manifest": {"kind": "ServiceEntry", "spec": {"hosts": ["my_db.example"]}}}
    (found,) = run([rule("a", fixes=[fix])], [fact(Claim, reason="a", entry=entry)])
    assert [fix.id for fix in found.fixes] == ["m"]


def claim(pod: str, **given: Any) -> Any:
    return fact(Claim, **{"pod": pod, "host": "db.example", "port": 3306, "reason": "r"} | given)


def test_the_same_fault_in_many_pods_is_one_finding() -> None:
    pods = [f"ns/app-{n}" for n in range(400)]
    (found,) = run([rule("r")], [claim(pod) for pod in reversed(pods)])
    assert found.pods == tuple(sorted(pods))
    assert (found.host, found.port, found.severity, found.confidence) == ("db.example", 3306, "error", "certain")
    assert found.message == "r for ns/app-0."
    assert found.docs == "meshdoctor rules explain r"


def test_hosts_and_ports_are_findings_of_their_own() -> None:
    found = run([rule("r")], [claim("a"), claim("a", host="other.example"), claim("a", port=3307)])
    assert [(one.host, one.port) for one in found] == [
        ("db.example", 3306),
        ("db.example", 3307),
        ("other.example", 3306),
    ]
    assert len({one.fingerprint for one in found}) == 3


def test_pods_of_different_severity_are_in_different_findings() -> None:
    graded = rule("r", grades=[{"when": "fact.policy == 'ALLOW_ANY'", "severity": "info", "confidence": "likely"}])
    failing, fine = run([graded], [claim("a", policy="ALLOW_ANY"), claim("b", policy="REGISTRY_ONLY")])
    assert (failing.severity, failing.confidence, failing.message, failing.pods) == (
        "error",
        "certain",
        "r for b.",
        ("b",),
    )
    assert (fine.severity, fine.confidence, fine.pods) == ("info", "likely", ("a",))
    assert failing.fingerprint != fine.fingerprint


def test_the_first_grade_that_holds_is_taken() -> None:
    grades = [{"when": "fact.port == 3306", "severity": "warning"}, {"when": "true", "severity": "info"}]
    found = run([rule("r", grades=grades)], [claim("a"), claim("a", port=1)])
    assert [one.severity for one in found] == ["warning", "info"]


def test_resources_and_evidence_are_joined_and_evidence_is_bounded() -> None:
    facts = [
        claim(
            f"ns/app-{n}",
            resources=[{"kind": "ServiceEntry", "namespace": "ns", "name": "db", "role": "loser"}],
            evidence=[{"document": "proxies/common"}, {"document": f"proxies/{n}"}],
        )
        for n in range(9)
    ]
    (found,) = run([rule("r")], facts)
    assert [one.name for one in found.resources] == ["db"]
    assert [one.document for one in found.evidence] == ["proxies/common", *(f"proxies/{n}" for n in range(4))]
    assert found.evidence_left_out == 5


def test_fixes_are_those_whose_condition_holds() -> None:
    fixes = [
        {
            "id": "one",
            "title": "Fix {fact.host}",
            "disposition": "safe",
            "tradeoff": "T.",
            "manifests": ["kind: {fact.host}"],
        },
        {"id": "two", "title": "Two", "disposition": "safe", "tradeoff": "T.", "when": "fact.port == 1"},
        {
            "id": "three",
            "title": "Three",
            "disposition": "safe",
            "tradeoff": "T.",
            "manifests": [{"base": "fact.entry.manifest"}],
        },
    ]
    (found,) = run([rule("r", fixes=fixes)], [claim("a")])
    assert [(fix.id, fix.title, fix.manifests) for fix in found.fixes] == [
        ("one", "Fix db.example", ("kind: db.example\n",)),
        ("three", "Three", ()),
    ]


HOSTLESS = {"host": "", "port": 0}
DEPLOYMENT = {"kind": "Deployment", "namespace": "ns", "name": "ratings"}


def test_without_a_host_the_objects_tell_findings_apart() -> None:
    facts = [
        claim("ns/a-1", **HOSTLESS, resources=[DEPLOYMENT, {"kind": "Pod", "namespace": "ns", "name": "a-1"}]),
        claim("ns/a-2", **HOSTLESS, resources=[DEPLOYMENT, {"kind": "Pod", "namespace": "ns", "name": "a-2"}]),
        claim("ns/b-1", **HOSTLESS, resources=[DEPLOYMENT | {"name": "reviews"}]),
    ]
    found = run([rule("r")], facts)
    assert sorted(one.pods for one in found) == [("ns/a-1", "ns/a-2"), ("ns/b-1",)]
    assert {(one.host, one.port) for one in found} == {(None, None)}


def test_without_a_host_and_an_object_the_whole_mesh_is_one_finding() -> None:
    (found,) = run([rule("r")], [claim("ns/a", **HOSTLESS), claim("ns/b", **HOSTLESS)])
    assert found.pods == ("ns/a", "ns/b")


def test_what_the_subject_is_about_goes_before_the_objects() -> None:
    about = rule("r", subject={"about": "{fact.listener}"})
    facts = [claim(f"ns/{n}", **HOSTLESS, listener=f"0.0.0.0_{n % 2}", resources=[DEPLOYMENT]) for n in range(4)]
    assert sorted(one.pods for one in run([about], facts)) == [("ns/0", "ns/2"), ("ns/1", "ns/3")]


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("Pod", "ratings-v2-mysql-6c8d9f7b5-x2x4q", "ratings-v2-mysql-5f7d8c9b6d-bbbbb"),
        ("Pod", "backup-28934560-x2x4q", "backup-28934620-zz9zz"),
        ("Pod", "agent-x2x4q", "agent-bbbbb"),
        ("Pod", "db-0", "db-11"),
        ("ReplicaSet", "ratings-v2-6c8d9f7b5", "ratings-v2-5f7d8c9b6d"),
    ],
)
def test_fingerprints_survive_a_rollout(kind: str, one: str, other: str) -> None:
    named = [{"kind": kind, "namespace": "ns", "name": name} for name in (one, other)]
    first, second = (run([rule("r")], [claim("p", **HOSTLESS, resources=[item])])[0] for item in named)
    assert first.fingerprint == second.fingerprint


def test_pods_of_different_workloads_differ() -> None:
    named = [{"kind": "Pod", "namespace": "ns", "name": name} for name in ("ratings-v2", "reviews-v2", "a")]
    assert len(run([rule("r")], [claim("p", **HOSTLESS, resources=[item]) for item in named])) == 3


@given(st.permutations(range(6)))
def test_the_order_of_facts_does_not_matter(order: Sequence[int]) -> None:
    facts = [claim(f"ns/{n}", host=f"h{n % 2}.example", evidence=[{"document": f"d{n}"}]) for n in range(6)]
    assert run([rule("r")], [facts[n] for n in order]) == run([rule("r")], facts)


def test_each_list_is_asked_for_once_and_only_if_selected() -> None:
    asked: list[str] = []

    def facts(name: str) -> Sequence[Fact]:
        asked.append(name)
        return []

    evaluate([rule("a"), rule("b"), rule("c", select="$.leaks[*]", when="true")], facts, lambda rule: ())
    assert asked == ["claims", "leaks"]


def test_what_could_not_be_evaluated_is_passed_on() -> None:
    def gaps(one: Rule) -> list[NotEvaluated]:
        return [NotEvaluated(one.id, ("ns/a",), ("config_dump.json",), "it is not there")]

    found, missing = evaluate([rule("a"), rule("b")], lambda name: [], gaps)
    assert found == ()
    assert [one.rule for one in missing] == ["a", "b"]


def test_an_error_in_an_expression_names_rule_and_expression() -> None:
    with pytest.raises(UsageError, match=r"rule r \(r.yaml\): `fact.own_addresses\[0\] == ''` cannot be evaluated"):
        run([rule("r", when="fact.own_addresses[0] == ''")], [claim("a")])


def test_an_error_in_the_condition_of_a_fix_names_the_rule() -> None:
    fixes = [{"id": "f", "title": "T", "disposition": "safe", "tradeoff": "T.", "when": "fact.host"}]
    with pytest.raises(UsageError, match=r"rule r \(r.yaml\): `fact.host` gives 'db.example', not true or false"):
        run([rule("r", fixes=fixes)], [claim("a")])


def test_a_pod_whose_evidence_is_missing_is_never_judged() -> None:
    gap = NotEvaluated("r", ("ns/blind",), ("proxies/ns/blind/config_dump.json",), "not read")
    facts = [claim("ns/blind"), claim("ns/seen")]
    found, missing = evaluate([rule("r")], lambda name: facts, lambda rule: [gap])
    assert [one.pods for one in found] == [("ns/seen",)]
    assert missing == (gap,)


def test_without_a_kind_it_needs_a_rule_says_nothing() -> None:
    gap = NotEvaluated("r", (), ("resources/serviceentries.yaml",), "not read")
    found, missing = evaluate([rule("r")], lambda name: [claim("ns/seen")], lambda rule: [gap])
    assert (found, missing) == ((), (gap,))
