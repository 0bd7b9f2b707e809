"""Room for pages: never more than the limit, unless nobody else gets on; and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from meshdoctor.kube.deadline import Cancelled, Deadline
from meshdoctor.sources.live import bytes_in_flight
from meshdoctor.sources.live.bytes_in_flight import BytesInFlight, SidecarBytes

LONG = 3600.0


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody counts as stalled, however slow the machine is."""
    monkeypatch.setattr(bytes_in_flight, "_STALLED", LONG)


class Reader:
    """A sidecar whose pages come when the test says so, in a thread, because that may have to wait."""

    def __init__(self, room: BytesInFlight) -> None:
        self.bytes: SidecarBytes = room.share()
        self.stop = threading.Event()
        self.deadline = Deadline(LONG, self.stop)
        self.cancelled = False
        self._thread = threading.Thread()

    def gets(self, size: int) -> Reader:
        self._thread = threading.Thread(target=self._get, args=(size,), daemon=True)
        self._thread.start()
        return self

    def _get(self, size: int) -> None:
        try:
            self.bytes.received(size, self.deadline)
        except Cancelled:
            self.cancelled = True
            self.bytes.dropped()

    def goes_on(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()

    def waits(self) -> None:
        until(lambda: self.bytes.is_waiting)


def until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(2000):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it never came")


@pytest.mark.usefixtures("patient")
def test_what_does_not_fit_waits_until_something_is_released() -> None:
    room = BytesInFlight(100, expected=40)
    first, second, third = Reader(room), Reader(room), Reader(room)
    first.gets(10).goes_on()
    second.gets(10).goes_on()
    third.gets(10).waits()
    second.bytes.complete()
    third.goes_on()
    assert [one.bytes.reserved for one in (first, second, third)] == [40, 10, 10]


@pytest.mark.usefixtures("patient")
def test_one_larger_than_the_limit_is_read_alone() -> None:
    room = BytesInFlight(100, expected=10)
    large, other = Reader(room), Reader(room)
    large.gets(500).goes_on()
    other.gets(1).waits()
    large.bytes.complete()
    large.bytes.release(500)
    other.goes_on()


@pytest.mark.usefixtures("patient")
def test_where_all_need_more_one_goes_beyond_the_limit_and_then_the_next() -> None:
    room = BytesInFlight(100, expected=50)
    both = [Reader(room).gets(50), Reader(room).gets(50)]
    for one in both:
        one.goes_on()
        one.gets(20)
    until(lambda: sum(one.bytes.is_waiting for one in both) == 1)
    ahead, behind = sorted(both, key=lambda one: one.bytes.is_waiting)
    ahead.goes_on()
    ahead.bytes.complete()
    behind.waits()
    ahead.bytes.release(70)
    behind.goes_on()
    assert room.peak == 140


def test_one_that_has_stalled_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytes_in_flight, "_STALLED", 0.0)
    room = BytesInFlight(100, expected=80)
    Reader(room).gets(1).goes_on()
    Reader(room).gets(60).goes_on()


@pytest.mark.usefixtures("patient")
def test_those_that_have_begun_come_before_others() -> None:
    room = BytesInFlight(100, expected=50)
    done, begun, new = Reader(room), Reader(room), Reader(room)
    done.gets(50).goes_on()
    begun.gets(50).goes_on()
    begun.gets(10).waits()
    new.gets(1).waits()
    done.bytes.complete()
    done.bytes.release(40)
    begun.goes_on()
    new.waits()


@pytest.mark.usefixtures("patient")
def test_waiting_for_room_costs_no_time_and_can_be_stopped() -> None:
    room = BytesInFlight(10, expected=10)
    Reader(room).gets(10).goes_on()
    late = Reader(room)
    late.deadline = Deadline(0.0, late.stop)
    late.gets(1).waits()
    before = late.deadline.remaining
    threading.Event().wait(0.05)
    assert late.deadline.remaining == before
    late.stop.set()
    late.goes_on()
    assert (late.cancelled, late.bytes.held) == (True, 0)


def test_what_is_dropped_is_free_again() -> None:
    room = BytesInFlight(100, expected=10)
    reader = Reader(room)
    reader.gets(90).goes_on()
    reader.bytes.dropped()
    assert (reader.bytes.held, reader.bytes.reserved) == (0, 0)
    other = Reader(room)
    other.gets(90).goes_on()
    assert room.peak == 90


def test_the_next_ones_are_expected_to_be_like_those_before() -> None:
    room = BytesInFlight(10_000, expected=10)
    for size in (100, 300):
        done = Reader(room).gets(size)
        done.goes_on()
        done.bytes.complete()
    new = Reader(room)
    new.gets(1).goes_on()
    assert new.bytes.reserved == 200
