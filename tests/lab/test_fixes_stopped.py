"""Ctrl-C while a fix is verified, and a fix gone on with from another command line than it was begun with."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdoctor import doctor
from meshdoctor.fixes.apply.journal import Journal
from tests.lab.lab import Lab
from tests.lab.test_fixes_interrupted import clash, planned_by


@pytest.mark.lab
def test_ctrl_c_while_it_is_judged_again_stops_and_verifies_nothing(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clash(lab)
    applier, look, planned = planned_by(lab, "use-tls", tmp_path)
    seen = look.open()
    tried = applier.try_out(planned.changes)
    read = doctor.open_case
    looks = []

    def halfway(source: doctor.Source, *given: object) -> doctor.Case:
        looks.append(source)
        return doctor.Case(read(source).capture, interrupted=True)

    monkeypatch.setattr("meshdoctor.diagnosis.recorded.open_case", halfway)
    with pytest.raises(KeyboardInterrupt):
        applier.apply(seen, planned, tried)
    monkeypatch.undo()
    (entry,) = Journal(tmp_path).entries()
    assert (entry.state, len(looks)) == ("applied", 1)
    applier.undo(entry, applier.undo_plan(entry))
