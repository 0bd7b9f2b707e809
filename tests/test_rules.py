"""Every rule against its case file, tests/rules/<id>.yaml.

A case gives lists of the sheet with the fields that matter (`given`) and the findings that must come out, exactly these
(`expect`); of a finding only the keys that stand there are compared, `fixes` as ids in their order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from meshdoctor import yamlio
from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import Finding
from meshdoctor.model.rule import Rule
from meshdoctor.model.sheet import SHEET
from meshdoctor.rules.evaluate import evaluate
from meshdoctor.rules.loader import load_rules
from tests.build import fact

HERE = Path(__file__).parent
RULES = {rule.id: rule for rule in load_rules([HERE.parent / "rules"])}


class Case(Struct, forbid_unknown_fields=True):
    """One case of a case file."""

    name: str
    given: dict[str, list[dict[str, Any]]]
    expect: list[dict[str, Any]]


class Cases(Struct, forbid_unknown_fields=True):
    """A case file."""

    cases: list[Case]


def read_cases(path: Path) -> list[Case]:
    return msgspec.convert(yamlio.load_documents(path.read_bytes(), path.name)[0], Cases).cases


FILES = {path.stem: read_cases(path) for path in sorted((HERE / "rules").glob("*.yaml"))}


def findings(rule: Rule, given: dict[str, list[dict[str, Any]]]) -> tuple[Finding, ...]:
    sheet: dict[str, list[Fact]] = {
        name: [fact(SHEET[name], **item) for item in items] for name, items in given.items()
    }
    return evaluate([rule], lambda name: sheet.get(name, []), lambda rule: ())[0]


@pytest.mark.parametrize(
    ("rule_id", "case"),
    [pytest.param(rule, case, id=f"{rule}: {case.name}") for rule, cases in FILES.items() for case in cases],
)
def test_case(rule_id: str, case: Case) -> None:
    found = findings(RULES[rule_id], case.given)
    plain = [msgspec.to_builtins(one) | {"fixes": [fix.id for fix in one.fixes]} for one in found]
    shown = [{key: one.get(key) for key in want} for one, want in zip(plain, case.expect, strict=False)]
    assert (len(plain), shown) == (len(case.expect), case.expect)


@pytest.mark.parametrize("rule_id", sorted(RULES.keys() | FILES.keys()))
def test_a_rule_has_cases_that_fire_and_that_do_not(rule_id: str) -> None:
    assert rule_id in RULES, "cases without a rule"
    cases = FILES.get(rule_id, [])
    names = [case.name for case in cases]
    assert len(set(names)) == len(names) >= 3
    assert any(case.expect for case in cases), "no case in which it fires"
    assert any(case.given and not case.expect and not case.name.startswith("after ") for case in cases), "no near miss"
    after = [name for name in names if name.startswith("after ")]
    assert after, "no case named `after ...`, its own fix applied"
    automatic = [fix.id for fix in RULES[rule_id].fixes if fix.manifests]
    assert [fix for fix in automatic if not any(fix in name for name in after)] == [], (
        "fixes without a case `after ...`"
    )
