"""`needs` and `reads` of a rule name all that it rests on.

Each kind of object is taken out of each bundled snapshot: a rule that then loses a finding names that kind, so that it
is listed as not evaluated, or as evaluated over less. A loss without a word would look like health.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from meshdoctor import doctor
from meshdoctor.diagnosis.scope import load_catalogue
from meshdoctor.model.evidence import Capture
from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.rule import NEEDS

SNAPSHOTS = sorted(path.parent for path in (Path(__file__).parent.parent / "snapshots").glob("*/resources"))
RULES = {rule.id: rule for rule in load_catalogue()}
KINDS = [kind for kind in NEEDS if kind not in ("config_dump", "clusters", "dns")]

Found = set[tuple[str, str | None, int | None, str]]


@cache
def case_of(folder: Path) -> doctor.Case:
    return doctor.open_case(doctor.Source(path=folder))


def without(capture: Capture, kind: str) -> doctor.Case:
    documents = {path: one for path, one in capture.documents.items() if path != f"resources/{kind}.yaml"}
    return doctor.Case(Capture(capture.kind, capture.location, documents))


def found(diagnosis: Diagnosis) -> Found:
    return {(one.rule, one.host, one.port, pod) for one in diagnosis.findings for pod in one.pods}


@pytest.mark.parametrize("folder", [pytest.param(path, id=path.name) for path in SNAPSHOTS])
def test_a_rule_names_what_it_rests_on(folder: Path) -> None:
    capture = case_of(folder).capture
    whole = found(doctor.diagnose(doctor.Case(capture)))
    for kind in KINDS:
        lost = whole - found(doctor.diagnose(without(capture, kind)))
        silent = {rule for rule, *_ in lost if kind not in (*RULES[rule].needs, *RULES[rule].reads)}
        assert silent == set(), f"without {kind}"
