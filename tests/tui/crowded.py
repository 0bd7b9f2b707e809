"""`python -m tests.tui.crowded PODS HOSTS PER_SECOND`: the session on a crowd that comes in as a live mesh does."""

from __future__ import annotations

import sys
import time
from threading import Thread

from meshdoctor.diagnosis.events import FindingsUpdated, Pair, PodChecked, Progress
from meshdoctor.diagnosis.refresh import FINDINGS_AT_MOST
from meshdoctor.doctor import Source
from meshdoctor.model.verdict import Severity
from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.session_state import SessionOpening
from tests.tui.crowd import crowd
from tests.unit.tui.events import finding


def tell(session: TuiSession, pods: int, hosts: int, per_second: int) -> None:
    """Tells the crowd, each pod in its turn, as the look at a cluster does."""
    put = session._feed.put
    first, *judged = crowd(pods, hosts)
    put(first)
    impact: dict[Pair, list[str]] = {}
    for done, event in enumerate(judged, 1):
        assert isinstance(event, PodChecked)
        put(event)
        for pair, verdict in event.verdicts.items():
            if verdict[0] in ("misrouted", "broken"):
                impact.setdefault(pair, []).append(event.pod)
        put(Progress(done, pods, "reading sidecars"))
        if done % max(1, pods // FINDINGS_AT_MOST) == 0:
            put(
                FindingsUpdated(
                    tuple(finding("tcp-port-clash", Severity.ERROR, pair, *found) for pair, found in impact.items())
                )
            )
        if per_second:
            time.sleep(1 / per_second)


if __name__ == "__main__":
    pods, hosts, per_second = map(int, sys.argv[1:])
    app = MeshdoctorApp(SessionOpening(Source, "crowd"))
    work = Thread(target=tell, args=(app.session, pods, hosts, per_second), daemon=True)
    app.session.begin = work.start  # type: ignore[method-assign]
    app.run()
