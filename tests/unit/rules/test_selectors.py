from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from meshdoctor.model.sheet import Claim
from meshdoctor.rules.selectors import BadSelector, compile_selector
from tests.build import fact

CLAIMS: list[Any] = [
    fact(Claim, host=f"h{n}", port=n, bind="0.0.0.0" if n % 2 else "198.51.100.1", active={"kind": "Service"})
    for n in range(5)
]


@pytest.mark.parametrize(
    ("expression", "hosts"),
    [
        ("$.claims[*]", ["h0", "h1", "h2", "h3", "h4"]),
        (" $.claims[*] ", ["h0", "h1", "h2", "h3", "h4"]),
        ("$.claims[1]", ["h1"]),
        ("$.claims[1:3]", ["h1", "h2"]),
        ("$.claims[?(@.bind == '0.0.0.0')]", ["h1", "h3"]),
        ("$.claims[?(@.port > 3)]", ["h4"]),
        ("$.claims[?(@.bind == 'nowhere')]", []),
        ("$.claims[?(@.bind == '0.0.0.0' && (@.port == 3 || @.active.kind == 'ServiceEntry'))]", ["h3"]),
        ("$['claims'][*]", ["h0", "h1", "h2", "h3", "h4"]),
    ],
)
def test_selects_the_facts_themselves(expression: str, hosts: list[str]) -> None:
    selector = compile_selector(expression)
    assert selector.list_name == "claims"
    found = selector.select(CLAIMS)
    assert [one.host for one in found] == hosts
    assert all(any(one is claim for claim in CLAIMS) for one in found)


@pytest.mark.parametrize("expression", ["$.claims[*]", "$.claims[0]"])
def test_nothing_comes_of_nothing(expression: str) -> None:
    assert list(compile_selector(expression).select([])) == []


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("$..claims[*]", "searches the whole sheet"),
        ("$.claims..host", "searches the whole sheet"),
        ("$.clams[*]", "no list `clams`; did you mean `claims`?"),
        ("$.clams[0]", "no list `clams`; did you mean `claims`?"),
        ("$.claims", "its facts are `$.claims[*]`"),
        ("$.claims[*].host", "does not select facts"),
        ("$.*", "does not select facts"),
        ("$", "does not select facts"),
        ("claims[*]", "does not select facts"),
        ("$.claims[", "is not valid JSONPath"),
        ("", "is not valid JSONPath"),
        ("$.claims,leaks[*]", "does not select facts"),
    ],
)
def test_refuses_what_does_not_take_facts_from_one_list(expression: str, problem: str) -> None:
    with pytest.raises(BadSelector) as refused:
        compile_selector(expression)
    assert problem in str(refused.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jsonpath-ng warns of its `|`
@pytest.mark.parametrize(
    "filter_",
    [
        "@.host =~ '(a+)+$'",
        "@.active[?@.kind == 'Service']",
        "@.active.(kind|kind).(x|x) == 1",
        "@.active['kind','kind'] == 1",
        "@.addresses[0,0] == 1",
        "@.host.`sub(/(a+)+$/, b)` == 'b'",
        "@.active.kind.`parent`.kind == 'x'",
        "@.addresses[/host] == 'x'",
        "@.port + @.port == 2",
    ],
)
def test_refuses_filters_that_may_take_for_ever(filter_: str) -> None:
    with pytest.raises(BadSelector, match="a filter compares fields with values"):
        compile_selector(f"$.claims[?({filter_})]")


def test_refuses_a_selector_that_is_far_too_long() -> None:
    with pytest.raises(BadSelector, match="it has 1010 characters; 1000 are the most"):
        compile_selector(f"$.claims[{'0' * 1000}]")


def test_a_whole_list_needs_no_jsonpath_parser() -> None:
    program = (
        "import sys; from meshdoctor.rules.selectors import compile_selector; compile_selector('$.claims[*]');"
        "print('jsonpath_ng' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
