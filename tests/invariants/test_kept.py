"""What a capture keeps is enough: the diagnosis and the host table are those of the whole capture, on every one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.errors import MeshdoctorError
from meshdoctor.model.evidence import Capture
from meshdoctor.report import json_v1
from meshdoctor.sources.read_source import read_capture
from meshdoctor.sources.redact import Removals
from meshdoctor.sources.redact_capture import redacted
from meshdoctor.sources.redaction import Redaction
from tests.invariants.captures import HeldCapture, beside, bundled


def told(capture: Capture) -> Any:
    """What check and hosts say, without places in documents, which a capture of one List per kind has elsewhere."""
    try:
        case = doctor.Case(capture)
        report = json.loads(json_v1.check(doctor.diagnose(case)))
        hosts = json.loads(json_v1.hosts(doctor.hosts(case)))
    except MeshdoctorError as problem:
        return type(problem)
    for finding in report["findings"]:
        for piece in finding["evidence"]:
            del piece["document"], piece["path"]
            piece.pop("line", None)
    for entry in report["not_evaluated"]:
        # that a list was refused is known of the kind, or of its document
        entry["because"] = entry["because"].rpartition("resources/")[2].partition(".yaml: ")[2] or entry["because"]
    return report, hosts


@pytest.mark.parametrize("held", [pytest.param(one, id=one.name) for one in [*bundled(), *beside()]])
def test_the_diagnosis_of_what_is_kept_is_that_of_the_whole(held: HeldCapture, tmp_path: Path) -> None:
    try:
        capture = read_capture(held.write(tmp_path / "capture"))
    except MeshdoctorError:
        pytest.skip("no capture")
    removals = Removals()
    kept = redacted(capture, removals, Redaction())
    assert told(kept) == told(capture)
    assert removals.texts.total() > 0 or not any(p.startswith("proxies/") for p in capture.documents)
