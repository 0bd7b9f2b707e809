"""Work shared out over processes: the same results, errors where they belong, nothing lost with a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Sequence
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.diagnosis.workers import WORTH_IT, split, spread, workers_for
from meshdoctor.errors import UsageError

NAMES = [f"shop/web-{n:02d}" for n in range(10)]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here: this process does all of it")


@given(st.dictionaries(st.text(max_size=4), st.integers(0, 100), max_size=30), st.integers(1, 5))
def test_shares_are_neighbours_and_nothing_is_left_out(sizes: dict[str, int], parts: int) -> None:
    names = sorted(sizes)
    shares = split(names, sizes.__getitem__, parts)
    assert [name for share in shares for name in share] == names
    assert 1 <= len(shares) <= parts
    assert all(shares[1:])


def test_shares_are_about_as_large() -> None:
    assert [len(share) for share in split(NAMES, lambda name: 5, 2)] == [5, 5]
    assert [len(share) for share in split(NAMES, lambda name: 91 if name == NAMES[0] else 1, 2)] == [1, 9]


@forks
@pytest.mark.parametrize("count", [1, 2, 4])
def test_results_come_in_the_order_of_names(count: int) -> None:
    everybody = get_context("fork").Barrier(count)

    def work(names: Collection[str]) -> list[tuple[str, int]]:
        everybody.wait(30)  # no process does two shares
        return [(name, os.getpid()) for name in names]

    found = spread(reversed_names(), lambda name: 1, work, count)
    assert [name for share in found for name, _ in share] == NAMES
    assert len({pid for share in found for _, pid in share}) == count


def reversed_names() -> list[str]:
    return NAMES[::-1]


@forks
def test_an_error_of_another_process_is_raised_in_this_one() -> None:
    def work(names: Collection[str]) -> int:
        if NAMES[-1] in names:
            raise UsageError("rule r: no")
        return len(names)

    with pytest.raises(UsageError, match="rule r: no"):
        spread(NAMES, lambda name: 1, work, 2)


@forks
def test_the_share_of_a_process_that_dies_is_done_by_this_one() -> None:
    here = os.getpid()

    def work(names: Collection[str]) -> Sequence[str]:
        if os.getpid() != here:
            os._exit(9)
        return list(names)

    assert [name for share in spread(NAMES, lambda name: 1, work, 3) for name in share] == NAMES


@forks
def test_where_no_process_is_to_be_had_this_one_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", fail)
    assert [name for share in spread(NAMES, lambda name: 1, list, 3) for name in share] == NAMES


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that are started."""
    pids: list[int] = []
    fork = os.fork

    def recorded() -> int:
        pid = fork()
        pids.append(pid)
        return pid

    monkeypatch.setattr(os, "fork", recorded)
    return pids


def assert_ended(pids: list[int]) -> None:
    assert pids
    for pid in pids:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


@forks
def test_no_process_is_left_behind(forked: list[int]) -> None:
    spread(NAMES, lambda name: 1, len, 3)
    assert_ended(forked)


@forks
def test_ctrl_c_ends_the_other_processes_which_do_not_hear_it(forked: list[int]) -> None:
    here, masks = os.getpid(), get_context("fork").SimpleQueue()

    def work(names: Collection[str]) -> None:
        if os.getpid() == here:
            assert signal.SIGINT in masks.get()
            raise KeyboardInterrupt
        masks.put(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        time.sleep(60)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        spread(NAMES, lambda name: 1, work, 2)
    assert time.monotonic() - began < 30
    assert_ended(forked)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


KILLED = """
import os, time
from multiprocessing import get_context
from meshdoctor.diagnosis.workers import spread
here, both = os.getpid(), get_context("fork").Barrier(2)
def work(names):
    if os.getpid() == here:
        time.sleep(60)
    both.wait()
    os.write(1, b"%d\\n" % os.getpid())  # whole lines, from two processes at once
spread(["a", "b", "c"], lambda name: 1, work, 3)
"""


@forks
def test_the_other_processes_do_not_outlive_one_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout
        try:
            others = [int(killed.stdout.readline()) for _ in range(2)]
        finally:
            killed.kill()
    deadline = time.monotonic() + 30
    while any(map(is_alive, others)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, others))


def is_alive(pid: int) -> bool:
    """Whether it runs: one that ended may wait for whoever takes over orphans."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_ordinary_captures_stay_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert workers_for(WORTH_IT - 1) == 1
    monkeypatch.setattr(sys, "platform", "darwin")
    assert workers_for(WORTH_IT) == 1


def test_a_large_one_takes_the_processors_there_are_unless_a_thread_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert workers_for(WORTH_IT) == 2
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert workers_for(WORTH_IT) == 1
