"""A fix new_files a capture, as new files."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from meshdoctor.diagnosis.recorded import DiagnosisRequest
from meshdoctor.doctor import Source
from meshdoctor.errors import NotApplied
from meshdoctor.fixes.apply import file_applier
from meshdoctor.fixes.plan.fix_plan import FixPlan, choose, plan
from meshdoctor.text.marks import REDACTED


def some_plan() -> FixPlan:
    seen = DiagnosisRequest(Source(snapshot="tcp-port-clash")).open()
    finding = next(one for one in seen.diagnosis.findings if one.rule == "tcp-port-clash")
    return plan(seen, finding, choose(finding))


def test_what_was_redacted_is_not_written_as_if_it_were_the_secret(tmp_path: Path) -> None:
    made = some_plan()
    assert file_applier.new_files(made, tmp_path)
    change = made.changes[0]
    metadata = {**(change.after or {})["metadata"], "annotations": {"token": REDACTED}}
    spoilt = structs.replace(change, after={**(change.after or {}), "metadata": metadata})
    with pytest.raises(NotApplied, match="redacted"):
        file_applier.new_files(structs.replace(made, changes=(spoilt, *made.changes[1:])), tmp_path)
    assert list(tmp_path.iterdir()) == []
