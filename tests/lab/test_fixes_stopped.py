"""Ctrl-C while a mend is proved, and a mend gone on with from another command line than it was begun with."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdoctor import doctor
from meshdoctor.mending.journal import Journal
from tests.lab.lab import Lab
from tests.lab.test_fixes_interrupted import clash, planned_by


@pytest.mark.lab
def test_ctrl_c_while_it_is_judged_again_stops_and_proves_nothing(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clash(lab)
    mender, look, planned = planned_by(lab, "use-tls", tmp_path)
    seen = look.open()
    tried = mender.try_out(planned.changes)
    read = doctor.open_case
    looks = []

    def halfway(source: doctor.Source, *given: object) -> doctor.Case:
        looks.append(source)
        return doctor.Case(read(source).capture, interrupted=True)

    monkeypatch.setattr(doctor, "open_case", halfway)
    with pytest.raises(KeyboardInterrupt):
        mender.apply(seen, planned, tried)
    monkeypatch.undo()
    (entry,) = Journal(tmp_path).entries()
    assert (entry.state, len(looks)) == ("applied", 1)
    mender.undo(entry, mender.undo_plan(entry), look)
