"""Who took a change: by versions that came after it, whatever else is pushed, and in bounded time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from meshdoctor.fixes.apply import acceptance
from meshdoctor.fixes.apply.acceptance import AcceptanceWatch
from meshdoctor.kube.deadline import Deadline, TimedOut
from meshdoctor.model.fix import Acceptance
from meshdoctor.sources.live import thread_pool

POD = "shop/web-1"
WRITTEN = datetime(2026, 11, 21, 10, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_pool, "_POLL", 0.02)
    for name in ("_PAUSE", "_SETTLE", "_STRAGGLE"):
        monkeypatch.setattr(acceptance, name, 0.0)


def page(version: int, pushed: str = "", rejected: int = 0) -> bytes:
    lines = []
    for service in ("cluster_manager.cds", "listener_manager.lds"):
        lines += [f"{service}.update_rejected: {rejected}", f"{service}.version: {version}"]
        lines += [f'{service}.version_text: "{pushed}/{version}"'] if pushed else []
    return "\n".join([*lines, ""]).encode()


class Told:
    """A reader whose one proxy answers with each of these in turn, and with the last one from then on."""

    def __init__(self, *pages: bytes) -> None:
        self.pages = [*pages]

    def page(self, *_: Any) -> bytes:
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


def waited(*pages: bytes, seconds: float) -> Acceptance:
    watch = AcceptanceWatch(Told(*pages), [POD], 4, 5.0)  # type: ignore[arg-type]
    return watch.wait([POD], seconds, WRITTEN)


EARLY, LATE = "2026-11-21T10:00:12Z", "2026-11-21T12:00:30+02:00"
CASES: list[tuple[str, Sequence[bytes], str]] = [
    ("a version that came after the write", (page(7), page(7), page(8)), "accepted"),
    ("at once, and as young as the write", (page(7, EARLY), page(8, LATE)), "accepted"),
    ("at once, and it does not say of when", (page(7), page(8)), "accepted"),
    ("at once, and pushed before the write", (page(7, EARLY), page(8, EARLY)), "pending"),
    ("another push first, then its own", (page(7, EARLY), page(8, EARLY), page(9, EARLY)), "accepted"),
    ("nothing new", (page(7, EARLY),), "pending"),
    ("refused", (page(7), page(7, rejected=1)), "rejected"),
    ("refused earlier, and not now", (page(7, rejected=2), page(7, rejected=2), page(8, rejected=2)), "accepted"),
    ("started anew, which counts refusals from 0", (page(7, rejected=2), page(0), page(8)), "accepted"),
    ("started anew, and refuses it", (page(7, rejected=3), page(8, rejected=1)), "rejected"),
    ("started anew, and has nothing yet", (page(7), page(0)), "pending"),
]


@pytest.mark.parametrize(("pages", "outcome"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_proxy_has_taken_what_came_after_the_write(pages: Sequence[bytes], outcome: str) -> None:
    found = waited(*pages, seconds=0.2 if outcome == "pending" else 60.0)
    assert {name for name in ("accepted", "pending", "rejected") if getattr(found, name) == (POD,)} == {outcome}


def test_proxies_that_all_hang_take_no_longer_than_they_are_waited_for() -> None:
    asked: list[str] = []

    class Hanging:
        def page(self, namespace: str, name: str, port: int, path: str, deadline: Deadline) -> bytes:
            asked.append(name)
            deadline.sleep(30.0)
            raise TimedOut(name)

    pods = [f"shop/web-{number:02}" for number in range(40)]
    watch = AcceptanceWatch(Hanging(), pods, 4, 0.2)  # type: ignore[arg-type]
    assert watch.before == {}
    assert sorted(watch.unread) == pods
    assert len(asked) < len(pods), "each round would take as long again"
    assert watch.wait(pods, 0.2) == Acceptance(unread=watch.unread)
