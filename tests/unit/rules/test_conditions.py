from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from meshdoctor.errors import UsageError
from meshdoctor.model.sheet import Claim, Connection, Duplicate
from meshdoctor.rules.cel_programs import BadCondition
from meshdoctor.rules.conditions import check_condition, compile_condition, mentions
from tests.build import fact

CLAIM: Any = fact(
    Claim,
    host="db.example",
    port=3306,
    outcome="shadowed",
    own_addresses=["198.51.100.1/32"],
    active={"kind": "ServiceEntry", "manifest": {"spec": {"hosts": ["a.example"]}}},
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("true", True),
        ("fact.outcome == 'shadowed'", True),
        ("fact.outcome == 'active' || fact.active.kind == 'Service'", False),
        ("fact.port in [80, 3306]", True),
        ("fact.own_addresses.exists(cidr, cidr.endsWith('/32'))", True),
        ("size(fact.own_addresses) == 1 && fact.own_addresses[0] == '198.51.100.1/32'", True),
        ("'x' in fact.own_addresses", False),
        ("fact.active.manifest.spec.hosts[0] == 'a.example'", True),
        ("has(fact.active.manifest.spec)", True),
        ("has(fact.active.manifest.spec.exportTo)", False),
        ("fact.active == fact.active", True),
        ("fact.host.matches('^db[.]') && fact.reason != 'fact.nonsense'", True),
    ],
)
def test_conditions_over_a_fact(text: str, answer: bool) -> None:
    condition = compile_condition(text)
    assert condition.holds(CLAIM) is answer
    assert condition.holds(CLAIM) is answer, "the remembered answer is the same"
    assert list(check_condition(text, Claim)) == []


def test_one_text_serves_facts_of_several_types() -> None:
    condition = compile_condition("fact.host == 'db.example' && fact.policy == ''")
    assert condition.holds(CLAIM)
    assert not condition.holds(fact(Connection, host="other.example"))


def test_a_condition_is_compiled_once() -> None:
    assert compile_condition("fact.used") is compile_condition("fact.used")


@pytest.mark.parametrize("text", ["fact.host", "size(fact.host)", "1"])
def test_an_answer_that_is_no_bool_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="not true or false"):
        compile_condition(text).holds(CLAIM)


def test_what_cannot_be_computed_is_an_error_that_shows_the_expression() -> None:
    with pytest.raises(UsageError, match=r"`fact.own_addresses\[7\] == ''` cannot be evaluated"):
        compile_condition("fact.own_addresses[7] == ''").holds(CLAIM)


@pytest.mark.parametrize("text", ["fact.host ==", "", "fact.host = 'x'", "((((", "fact.host == 'x"])
def test_what_is_no_cel_is_refused(text: str) -> None:
    with pytest.raises(BadCondition, match="is not valid CEL"):
        compile_condition(text)


def test_strings_functions_and_macros_mention_no_field() -> None:
    text = "size(fact.shadowed) > 0 && fact.shadowed.exists(one, one.name == 'fact.nothing') && \"x.y\" != fact.because"
    assert {(m.root, m.path) for m in mentions(text)} == {
        ("fact", ("shadowed",)),
        ("one", ()),
        ("one", ("name",)),
        ("fact", ("because",)),
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "fact.shadowed.exists(one, one.nam == 'x')",
            "`one.nam` does not exist: EntryView has no such field; did you mean",
        ),
        ("fact.shadowed[0].nam == 'x'", "EntryView has no such field; did you mean `name`?"),
        ("fact.shadowed.name == 'x'", "`fact.shadowed` is a list; name an item, `fact.shadowed[0].name`"),
        ("fact.host.name == 'x'", "`fact.host` has type str, which has no field `name`"),
        ("fact.host[0] == 'x'", "`fact.host` is not a list"),
        ("facts.host == 'x'", "`facts` is unknown here; a condition reads `fact.<field>`; did you mean `fact`?"),
        ("fact == fact", "`fact` alone is not a condition"),
        ("fact['host'] == 'x'", "`fact` alone is not a condition"),
    ],
)
def test_fields_that_do_not_exist_are_told(text: str, problem: str) -> None:
    assert any(problem in said for said in check_condition(text, Duplicate)), list(check_condition(text, Duplicate))


def test_the_result_of_a_macro_is_not_judged() -> None:
    text = "fact.shadowed.filter(a, a.name != '').exists(b, b.anything == 'x')"
    assert list(check_condition(text, Duplicate)) == []


def test_no_answer_is_forgotten_wrongly() -> None:
    condition = compile_condition("fact.port == 4242")
    facts = [fact(Connection, port=port) for port in range(4200, 4300)] * 2
    assert [one.port for one in facts if condition.holds(one)] == [4242, 4242]


def test_cel_comes_without_its_command_line() -> None:
    program = (
        "import sys; from meshdoctor.rules.conditions import compile_condition; compile_condition('1 == 1');"
        "print([m for m in ('typer', 'prompt_toolkit', 'rich', 'cel.cli') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
