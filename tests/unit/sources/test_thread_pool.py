"""Work on many things at once: bounded, one outcome each, and nobody waits for what hangs."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Cancelled, Deadline, TimedOut
from meshdoctor.sources.live import thread_pool
from meshdoctor.sources.live.thread_pool import ThreadPool


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set at the end, so that no thread outlives its test."""
    monkeypatch.setattr(thread_pool, "_GRACE", 0.0)
    monkeypatch.setattr(thread_pool, "_POLL", 0.02)
    event = threading.Event()
    yield event
    event.set()


def test_each_item_has_one_outcome() -> None:
    def work(item: int, deadline: Deadline) -> int:
        if item % 10 == 3:
            raise Unreadable(f"not {item}")
        return item * item

    done = {outcome.item: outcome for outcome in ThreadPool(work, concurrency=4, seconds=30.0).run(range(50))}
    assert sorted(done) == [*range(50)]
    assert {item: outcome.result for item, outcome in done.items() if not outcome.problem} == {
        item: item * item for item in range(50) if item % 10 != 3
    }
    assert str(done[13].problem) == "not 13"


def test_what_is_left_when_the_time_for_all_is_up_has_an_outcome_too() -> None:
    def work(item: int, deadline: Deadline) -> int:
        if item:
            deadline.sleep(30.0)
            deadline.left("it")
        return item

    done = {
        outcome.item: outcome for outcome in ThreadPool(work, concurrency=2, seconds=30.0, within=1.5).run(range(8))
    }
    assert (sorted(done), done[0].result) == ([*range(8)], 0)
    assert all(isinstance(done[item].problem, TimedOut) for item in range(1, 8))


def test_nothing_to_do() -> None:
    assert list(ThreadPool(lambda item, deadline: item, concurrency=4, seconds=1.0).run([])) == []


def test_no_more_at_once_than_allowed() -> None:
    inside = threading.Semaphore(3)
    crowded: list[int] = []

    def work(item: int, deadline: Deadline) -> None:
        if not inside.acquire(blocking=False):
            crowded.append(item)
            return
        deadline.sleep(0.005)
        inside.release()

    assert len(list(ThreadPool(work, concurrency=3, seconds=30.0).run(range(30)))) == 30
    assert crowded == []


def test_what_hangs_in_a_call_without_deadline_is_given_up_and_the_rest_goes_on(release: threading.Event) -> None:
    def work(item: int, deadline: Deadline) -> int:
        if item < 2:
            release.wait()
        return item

    done = {outcome.item: outcome for outcome in ThreadPool(work, concurrency=2, seconds=0.2).run(range(8))}
    assert sorted(done) == [*range(8)]
    assert isinstance(done[0].problem, TimedOut)
    assert isinstance(done[1].problem, TimedOut)
    assert [done[item].result for item in range(2, 8)] == [*range(2, 8)]


def test_a_result_that_comes_after_its_thread_was_abandoned_is_discarded(release: threading.Event) -> None:
    discarded: list[int] = []
    late = threading.Event()

    def work(item: int, deadline: Deadline) -> int:
        release.wait()
        return item

    def discard(result: int) -> None:
        discarded.append(result)
        late.set()

    (done,) = ThreadPool(work, concurrency=1, seconds=0.1, discard=discard).run([7])
    assert isinstance(done.problem, TimedOut)
    release.set()
    assert late.wait(10.0)
    assert discarded == [7]


def test_nobody_works_ahead_of_whoever_takes_the_outcomes() -> None:
    begun: list[int] = []

    def work(item: int, deadline: Deadline) -> int:
        begun.append(item)
        return item

    for number, outcome in enumerate(ThreadPool(work, concurrency=3, seconds=30.0).run(range(60))):
        threading.Event().wait(0.002)
        assert outcome.problem is None
        # Taken, ready to be taken, and in the threads.
        assert len(begun) <= number + 1 + 3 + 3


def test_time_that_is_suspended_does_not_count(release: threading.Event) -> None:
    def work(item: int, deadline: Deadline) -> int:
        with deadline.suspended():
            release.wait(0.3)
        return item

    (done,) = ThreadPool(work, concurrency=1, seconds=0.1).run([1])
    assert done.result == 1


def test_whoever_stops_taking_outcomes_ends_the_work(release: threading.Event) -> None:
    ended = threading.Event()

    def work(item: int, deadline: Deadline) -> int:
        if item == 0:
            return item
        if not deadline.sleep(20.0):
            ended.set()
        deadline.left("it")
        return item

    outcomes = ThreadPool(work, concurrency=2, seconds=30.0).run(range(2))
    assert next(outcomes).item == 0
    outcomes.close()  # type: ignore[attr-defined] # it is a generator: what an interrupted `for` does with it
    assert ended.wait(10.0)


def test_a_deadline_that_is_over_or_stopped() -> None:
    stop = threading.Event()
    deadline = Deadline(30.0, stop)
    assert 0 < deadline.within(5.0).left("it") <= 5.0
    assert Deadline(1.0).within(50.0).left("it") <= 1.0
    stop.set()
    assert not deadline.within(5.0).sleep(10.0)
    with pytest.raises(Cancelled):
        deadline.left("it")
    with pytest.raises(TimedOut, match="it took longer than 0 s"):
        Deadline(0.0).left("it")
