"""Whoever looks into the newest evidence meanwhile sees it as it is: no dump comes in under their hands."""

from __future__ import annotations

import threading
import time

from meshdoctor.diagnosis.events import DiagnosisFinished, Event, Progress
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.doctor import Case, Source
from tests.cluster.apiserver import FakeApi
from tests.cluster.conftest import MakeSource
from tests.cluster.meshes import copy_pod


def test_no_dump_is_added_while_somebody_has_the_turn(api: FakeApi, source: MakeSource) -> None:
    for number in range(3):
        copy_pod(api, f"web-{number}")
    events: list[Event] = []
    began, seen = threading.Event(), list[tuple[int, int]]()

    def work(case: Case) -> None:
        before = len(case.mesh.proxy_names)
        began.set()
        time.sleep(0.5)
        seen.append((before, len(case.mesh.proxy_names)))

    asker = threading.Thread(target=lambda: diagnosis_session.using(work), daemon=True)

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, Progress) and event.done == 1 and not asker.ident:
            asker.start()
            assert began.wait(10)

    diagnosis_session = DiagnosisSession(Source(cluster=source()), tell)
    diagnosis_session.refresh_now()
    asker.join(10)
    assert isinstance(events[-1], DiagnosisFinished), events[-1]
    assert seen == [(1, 1)]
