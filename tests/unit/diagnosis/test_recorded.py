"""A look that a verification rests on: judged and traced together, as each by itself; no dump is opened twice."""

from __future__ import annotations

import pytest

from meshdoctor import bundled, doctor
from meshdoctor.diagnosis.recorded import DiagnosisRequest
from meshdoctor.doctor import Source
from meshdoctor.facts.proxy_files import DumpProxies, OpenedDump


@pytest.mark.parametrize("name", bundled.snapshot_names())
def test_both_at_once_are_what_each_is_by_itself(name: str) -> None:
    together = DiagnosisRequest(Source(snapshot=name)).open(to_compare=True)
    apart = doctor.open_case(Source(snapshot=name))
    assert (together.diagnosis, together._hosts) == (doctor.diagnose(apart), doctor.hosts(apart))


def test_a_baseline_that_was_predicted_opens_no_dump(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = DumpProxies.opened

    def opened(self: DumpProxies, key: str) -> OpenedDump | None:
        asked.append(key)
        return real(self, key)

    monkeypatch.setattr(DumpProxies, "opened", opened)
    predicted_sidecar, alone = (
        DiagnosisRequest(Source(snapshot="http-ok")).open(to_compare=given) for given in (True, False)
    )
    asked.clear()
    one = predicted_sidecar.baseline()
    assert not asked
    assert one == alone.baseline()
    assert asked
