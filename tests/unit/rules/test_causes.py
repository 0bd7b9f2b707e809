from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.model.finding import Finding
from meshdoctor.model.rule import CAUSES
from meshdoctor.model.sheet import Claim
from meshdoctor.model.verdict import Severity
from tests.build import fact
from tests.unit.rules.rules import rule, run

HIDDEN, CLASH, MISSING, HIJACKED = (
    "service-entry-not-visible",
    "tcp-port-clash",
    "missing-service-entry",
    "port-hijacked",
)
GRADED = {"grades": [{"when": "fact.policy == 'ALLOW_ANY'", "severity": "info"}]}


def hit(rules: str, pod: str = "ns/a", host: str = "db.example", port: int = 3306, **given: Any) -> Any:
    """A fact for which the named rules hold."""
    return fact(Claim, **{"pod": pod, "host": host, "port": port, "reason": rules} | given)


def by_rule(found: tuple[Finding, ...]) -> dict[str, Finding]:
    assert len({one.rule for one in found}) == len(found)
    return {one.rule: one for one in found}


def test_the_first_cause_explains_every_later_one() -> None:
    found = by_rule(run([rule(HIJACKED), rule(MISSING), rule(HIDDEN)], [hit(f"{HIJACKED} {MISSING} {HIDDEN}")]))
    assert (found[HIDDEN].severity, found[HIDDEN].caused_by) == ("error", ())
    for consequence in (MISSING, HIJACKED):
        assert found[consequence].severity == "info"
        assert found[consequence].caused_by == (found[HIDDEN].fingerprint,)


def test_other_rules_are_explained_only_where_they_say_so() -> None:
    rules = [rule(CLASH), rule("tcp-hosts-ignored"), rule("resolution-none-leak", explained_by=[CLASH])]
    found = by_rule(run(rules, [hit("tcp-port-clash tcp-hosts-ignored resolution-none-leak")]))
    assert found["tcp-hosts-ignored"].severity == "error"
    assert found["resolution-none-leak"].caused_by == (found[CLASH].fingerprint,)


def test_a_consequence_names_the_root() -> None:
    rules = [rule("a", explained_by=["b"]), rule("b", explained_by=["c"]), rule("c")]
    found = by_rule(run(rules, [hit("a b c")]))
    assert found["a"].caused_by == found["b"].caused_by == (found["c"].fingerprint,)


def test_another_pod_port_or_host_explains_nothing() -> None:
    elsewhere = [hit(HIDDEN, pod="ns/b"), hit(HIDDEN, port=3307), hit(HIDDEN, host="other.example")]
    found = run([rule(HIDDEN), rule(MISSING)], [hit(MISSING), *elsewhere])
    assert [one.severity for one in found] == ["error"] * 4


def test_what_has_no_port_or_no_host_explains_nothing_and_is_not_explained() -> None:
    rules = [rule(HIDDEN), rule(MISSING)]
    assert {one.severity for one in run(rules, [hit(f"{HIDDEN} {MISSING}", port=0)])} == {"error"}
    assert {one.severity for one in run(rules, [hit(f"{HIDDEN} {MISSING}", host="")])} == {"error"}


def test_a_wildcard_explains_its_hosts_and_not_the_reverse() -> None:
    rules = [rule(HIDDEN), rule(MISSING)]
    found = by_rule(run(rules, [hit(HIDDEN, host="*.example"), hit(MISSING, host="db.example")]))
    assert found[MISSING].caused_by == (found[HIDDEN].fingerprint,)
    found = by_rule(run(rules, [hit(HIDDEN, host="db.example"), hit(MISSING, host="*.example")]))
    assert found[MISSING].caused_by == ()


def test_information_explains_no_error() -> None:
    rules = [rule(MISSING, **GRADED), rule(HIJACKED)]
    found = by_rule(run(rules, [hit(f"{MISSING} {HIJACKED}", policy="ALLOW_ANY")]))
    assert (found[HIJACKED].severity, found[HIJACKED].caused_by) == ("error", ())


def test_information_explains_information() -> None:
    rules = [rule(HIDDEN, **GRADED), rule(MISSING, **GRADED)]
    found = by_rule(run(rules, [hit(f"{HIDDEN} {MISSING}", policy="ALLOW_ANY")]))
    assert found[MISSING].caused_by == (found[HIDDEN].fingerprint,)


FALLBACK = rule("fallback", backstop=True, when="true")


def test_a_failing_dependency_makes_the_rule_that_names_its_cause_an_error() -> None:
    found = by_rule(run([rule("fault-injected", severity="info"), FALLBACK], [hit("fault-injected")]))
    assert found.keys() == {"fault-injected"}
    assert found["fault-injected"].severity == "error"


def test_no_hit_below_an_error_stands_for_a_failing_dependency() -> None:
    told = rule("tcp-hosts-ignored", severity="warning", when="true")
    fallback = rule("fallback", backstop=True, when="fact.reason == 'no-route'")
    for other in ({"host": "db.example"}, {"host": "*.example"}, {"pod": "ns/b"}, {"port": 1}):
        found = run([told, fallback], [hit("no-route"), hit("x", **other)])
        (failing,) = (one for one in found if one.rule == "fallback")
        assert (failing.severity, failing.pods, failing.caused_by) == ("error", ("ns/a",), ())


def test_an_error_about_the_host_or_a_wildcard_over_it_stands_for_it() -> None:
    for host in ("db.example", "*.example"):
        facts = [hit("no-route"), hit(CLASH, host=host)]
        found = run([rule(CLASH), rule("fallback", backstop=True, when="fact.host == 'db.example'")], facts)
        assert {one.rule for one in found} == {CLASH}


def test_a_warning_never_hides_an_error() -> None:
    rules = [rule("sidecar-bypassed", severity="warning"), rule(CLASH)]
    found = by_rule(run(rules, [hit(f"sidecar-bypassed {CLASH}")]))
    assert (found[CLASH].severity, found[CLASH].caused_by) == ("error", ())


def test_a_finding_explained_for_some_pods_is_told_twice() -> None:
    found = run([rule(HIDDEN), rule(MISSING)], [hit(f"{HIDDEN} {MISSING}", pod="ns/a"), hit(MISSING, pod="ns/b")])
    told = {(one.rule, one.severity): one for one in found}
    assert told[MISSING, Severity.ERROR].pods == ("ns/b",)
    assert told[MISSING, Severity.ERROR].caused_by == ()
    assert told[MISSING, Severity.INFO].pods == ("ns/a",)
    assert told[MISSING, Severity.INFO].caused_by == (told[HIDDEN, Severity.ERROR].fingerprint,)
    assert len({one.fingerprint for one in found}) == 3


def test_a_pod_with_a_fault_of_its_own_is_not_among_the_explained() -> None:
    rules = [rule(HIDDEN, **GRADED), rule(HIJACKED, grades=[{"when": "fact.bind == 'info'", "severity": "info"}])]
    facts = [hit(f"{HIDDEN} {HIJACKED}", policy="ALLOW_ANY", bind="info"), hit(HIJACKED)]
    (hijacked,) = (one for one in run(rules, facts) if one.rule == HIJACKED)
    assert (hijacked.severity, hijacked.caused_by) == ("error", ())


places = st.tuples(
    st.sampled_from(["ns/a", "ns/b"]),
    st.sampled_from(["x.example", "y.example", "*.example"]),
    st.sampled_from([0, 80, 443]),
)


@given(st.lists(st.tuples(st.sampled_from(CAUSES), places), min_size=1, max_size=12))
def test_every_consequence_has_a_cause_that_is_none(wanted: list[tuple[str, tuple[str, str, int]]]) -> None:
    facts = [hit(name, pod, host, port) for name, (pod, host, port) in wanted]
    found = run([rule(name) for name in CAUSES], facts)
    roots = {one.fingerprint: one for one in found if not one.caused_by}
    assert roots, "something always stays a cause"
    for one in found:
        assert (one.severity == "info") == bool(one.caused_by)
        for fingerprint in one.caused_by:
            assert CAUSES.index(roots[fingerprint].rule) < CAUSES.index(one.rule)
            assert set(roots[fingerprint].pods) & set(one.pods)
    lost = {(name, pod, host, port) for name, (pod, host, port) in wanted}
    told = {(one.rule, pod, one.host, one.port or 0) for one in found for pod in one.pods}
    assert lost == told, "no pod is lost on the way and none is told twice"
