"""A rule of the user's own cannot hang the program: what may be expensive is bounded in time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdoctor.errors import UsageError
from meshdoctor.model.sheet import Claim
from meshdoctor.rules import conditions
from meshdoctor.rules.cel_programs import BadCondition
from meshdoctor.rules.condition_cost import CHEAP, cost
from meshdoctor.rules.condition_process import ConditionProcess, Exhausted, Question
from meshdoctor.rules.conditions import Condition, check_condition
from meshdoctor.rules.loader import load_rules
from tests.build import fact

ADDRESSES = [f"198.51.100.{n}/32" for n in range(200)]
CLAIM: Any = fact(Claim, host="db.example", port=3306, own_addresses=ADDRESSES)
TEN = "[1,2,3,4,5,6,7,8,9,10]"


def nested(depth: int, inner: str = "true", macro: str = "all") -> str:
    """Loops inside loops, each over ten items."""
    text = inner
    for level in range(depth):
        text = f"{TEN}.{macro}(v{level}, {text})"
    return text


ENDLESS = {
    "all": nested(9, "v0 + v1 + v8 > 0"),
    "exists": nested(9, "v0 > 10", "exists"),
    "exists_one": nested(9, "v0 > 10", "exists_one"),
    "map": nested(9, "v0", "map") + ".size() > 0",
    "filter": f"{TEN}.filter(x, {nested(8)}).size() > 0",
    "over a field": "fact.own_addresses.all(a, fact.own_addresses.all(b, fact.own_addresses.all(c, "
    "fact.own_addresses.all(d, a + b + c + d != ''))))",
    "lists in lists": "fact.own_addresses.map(a, fact.own_addresses.map(b, fact.own_addresses.map(c, "
    "fact.own_addresses))).size() > 0",
    "a loop over what a loop made": "fact.own_addresses.map(a, fact.own_addresses).all(l, l.all(a, "
    "fact.own_addresses.map(b, fact.own_addresses).all(m, m.all(b, a != b + 'x'))))",
    "patterns": "fact.own_addresses.all(a, fact.own_addresses.all(b, (a + b).matches('(x{1,90}){1,90}|.')))",
}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience, so that the tests are quick."""
    monkeypatch.setattr(conditions, "_SECONDS", 0.3)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_loops_in_loops_are_stopped_and_the_expression_is_shown(text: str) -> None:
    condition = Condition(text)
    for _ in range(2):  # the second time without trying
        with pytest.raises(UsageError, match=r"was stopped: it takes more than 0\.3 s of CPU time") as stopped:
            condition.holds(CLAIM)
    assert text[:60] in str(stopped.value)


def test_strings_that_double_are_stopped() -> None:
    text = "['abcdefgh']" + ".map(x, x + x)" * 60 + ".size() > 0"
    with pytest.raises(UsageError, match=r"it takes more than (1024 MiB of memory|5 s of CPU time)"):
        Condition(text).holds(CLAIM)


@pytest.mark.usefixtures("short")
def test_many_facts_together_have_a_bound_as_well() -> None:
    text = nested(5, "true") + " && fact.port > 0"
    condition = Condition(text)
    facts = [fact(Claim, port=port) for port in range(1, 2000)]
    with pytest.raises(UsageError, match="was stopped"):
        [condition.holds(one) for one in facts]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (nested(3), True),
        ("fact.own_addresses.all(a, fact.own_addresses.exists(b, a == b))", True),
        ("fact.own_addresses.map(a, a + a).exists(b, b == fact.host)", False),
        ("fact.host.matches('^(d{1,3}|b)+[.]example$')", True),
        ("fact.own_addresses.all(a, fact.own_addresses.all(b, a < b || fact.port == 3306))", True),
    ],
)
def test_what_is_only_costly_gets_its_answer(text: str, answer: bool) -> None:
    assert cost(text, (ADDRESSES,)) > CHEAP
    assert Condition(text).holds(CLAIM) is answer


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{nested(3)} && fact.own_addresses[999] == ''", "cannot be evaluated: index out of bounds: 999"),
        (f"{nested(3)} ? fact.host : ''", "gives 'db.example', not true or false"),
    ],
)
def test_problems_are_told_as_those_of_other_expressions(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as told:
        Condition(text).holds(CLAIM)
    assert problem in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        "fact.host == 'db.example'",
        "fact.port in [80, 443] && !fact.host.startsWith('*')",
        "fact.own_addresses.exists(a, a in ['', 'TCP']) && fact.own_addresses.all(a, !(a in fact.own_addresses))",
        "fact.own_addresses.exists(a, a.endsWith('/32')) && fact.host.matches('(?i)^(tls|https|grpc)$')",
    ],
)
def test_ordinary_conditions_need_no_process(text: str) -> None:
    assert cost(text, ("db.example", 3306, ADDRESSES[:20])) < CHEAP


@pytest.mark.parametrize(
    "text",
    [
        f"fact.own_addresses.map(a, {' + '.join(['fact.own_addresses'] * 4)}).size() > 0",
        "fact.own_addresses.map(a, [fact.own_addresses, fact.own_addresses]).size() > 0",
        f"{' + '.join(['fact.own_addresses'] * 128)} == []",
        "r'\\' == '' || fact.own_addresses.map(a, fact.own_addresses + fact.own_addresses).size() > 0 || '' == ''",
        "'['+fact.own_addresses[0]+fact.own_addresses[0]+'].map(x,x)' == '' "
        "|| fact.own_addresses.map(a, fact.own_addresses + fact.own_addresses).size() > 0",
    ],
)
def test_lists_that_are_joined_or_built_again_and_again_are_costly(text: str) -> None:
    """cel copies a list for each item that it adds: hundreds of items take seconds, whatever a text hides in quotes."""
    assert cost(text, (ADDRESSES,)) > CHEAP


@pytest.mark.parametrize("text", ["!" * 5000 + "true", "1" + "+1" * 3000 + " > 0", "[" + "1," * 100_000 + "1] == []"])
def test_an_expression_that_is_far_too_long_is_refused(text: str) -> None:
    (problem,) = check_condition(text, Claim)
    assert f"has {len(text)} characters; 4000 are the most" in problem
    assert len(problem) < 200


FORMS = ["(", "[", "{1:", "!", "-", "size(", "a?b:", "a?", "[1].all(a,", "a.", "a[", "'", "has(a.", "a.f(", "//", "??"]


@pytest.mark.parametrize("form", FORMS)
def test_depth_ends_neither_the_parser_nor_the_process(form: str) -> None:
    """An overflow of the stack would end this process."""
    closing = {"(": ")", "[": "]", "{": "}"}
    ends = "".join(closing.get(sign, "") for sign in form)
    for count in (50, 300, 4000):
        text = (form * count + "1" + ends * count)[:4000]
        with suppress(BadCondition, UsageError):
            Condition(text).holds(CLAIM)


NAMES = st.sampled_from(["fact.own_addresses", "fact.port", "fact.host", "'ab'", "1", "[1,2,3]", "v0", "v1"])
MACROS = st.sampled_from(["all", "exists", "exists_one", "map", "filter"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, inner, st.sampled_from(["+", "==", "in", "&&", "||", "<"])).map(
            lambda t: f"({t[0]} {t[2]} {t[1]})"
        ),
        st.tuples(inner, MACROS, st.sampled_from(["v0", "v1"]), inner).map(lambda t: f"{t[0]}.{t[1]}({t[2]}, {t[3]})"),
        st.tuples(inner, inner).map(lambda t: f"[{t[0]}, {t[1]}]"),
        inner.map(lambda text: f"string({text}).matches('^(a|b)*$')"),
        inner.map(lambda text: f"size({text})"),
    )


@settings(max_examples=300, deadline=None)
@given(text=st.recursive(NAMES, _grown, max_leaves=14).filter(lambda text: len(text) < 1000), count=st.integers(0, 400))
def test_what_is_taken_for_cheap_is_far_below_the_bound(text: str, count: int) -> None:
    """A process that is given ten times what cheap expressions take is never ended by its limit."""
    fields = {"own_addresses": ADDRESSES[:count], "port": 1, "host": "h" * count}
    if cost(text, tuple(fields.values())) > CHEAP:
        return
    try:
        PROCESS.ask(Question(text, fields, 5.0))
    except Exhausted as limit:
        pytest.fail(f"{text} with {count} items took more {limit} than it may")


PROCESS = ConditionProcess()


def test_a_fork_does_not_share_the_process() -> None:
    assert PROCESS.ask(Question("1 == 1", {}, 5.0)).value is True
    child = os.fork()
    if child == 0:
        answer = ConditionProcess.ask(PROCESS, Question("1 == 2", {}, 5.0))
        PROCESS.close()
        os._exit(0 if answer.value is False else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert PROCESS.ask(Question("2 == 2", {}, 5.0)).value is True


def test_ctrl_c_ends_a_condition_at_once() -> None:
    program = (
        "import os, signal, threading, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from meshdoctor.rules import condition_process as it\n"
        "threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        f"    it.PROCESS.ask(it.Question({ENDLESS['all']!r}, {{}}, 3600.0))\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(77 if it.PROCESS._process is None else 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (77, b"")


RULE = """\
id: slow
title: T
severity: warning
confidence: certain
select: $.claims[*]
when: {when!r}
message: M.
why: W.
page: {{description: D., diagnosis: D., remediation: R.}}
"""


@pytest.mark.usefixtures("short")
def test_a_rule_that_never_ends_is_refused_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text(RULE.format(when=ENDLESS["all"]), encoding="utf-8")
    with pytest.raises(UsageError, match=r"slow\.yaml:6: .*was stopped: it takes more than"):
        load_rules([tmp_path])


def test_a_pipe_and_a_huge_file_are_no_rules(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(UsageError) as refused:
        load_rules([tmp_path])
    assert "huge.yaml: is larger than 1024 KiB" in str(refused.value)
    assert "pipe.yaml: is not a regular file" in str(refused.value)
