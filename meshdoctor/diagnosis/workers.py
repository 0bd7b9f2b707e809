"""Spreads work on many dumps over processes, with the same result as one process.

The processes are forks of this one, so that only results are sent between them. Where a fork is not safe (another
thread runs; macOS) or does not exist (Windows), this process does all of the work.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # ordinary captures need one process only
    from concurrent.futures import Future

Result = TypeVar("Result")

WORTH_IT = 256 * 1024 * 1024
"""Bytes of dumps, as stored, from which a second process saves more than it costs."""

MOST = 4
"""Processes at most: each holds a dump or two."""

_jobs: Sequence[Callable[[], Any]] = ()
"""The work of the forks. They inherit it here, as a closure cannot be sent to them."""


def workers_for(size: int) -> int:
    """How many processes should share work over so many bytes of dumps."""
    if size < WORTH_IT or not sys.platform.startswith("linux") or threading.active_count() > 1:
        return 1
    return max(1, min(MOST, len(os.sched_getaffinity(0))))


def spread(
    names: Collection[str], size: Callable[[str], int], work: Callable[[Collection[str]], Result], workers: int = 0
) -> list[Result]:
    """The results of `work` for shares of `names` of about the same size, in order. `workers` 0: as many as pay off.

    An error in one of the shares is raised here. A process that dies leaves its share to this one.
    """
    shares = split(sorted(names), size, workers or workers_for(sum(map(size, names))))
    jobs = [partial(work, share) for share in shares]
    if len(jobs) == 1:
        return [jobs[0]()]
    from concurrent.futures import BrokenExecutor

    with _started(jobs[1:]) as started:
        results = [jobs[0]()]
        for number, job in enumerate(jobs[1:]):
            try:
                results.append(started[number].result() if number < len(started) else job())
            except BrokenExecutor:
                results.append(job())
        return results


def split(names: Sequence[str], size: Callable[[str], int], parts: int) -> list[Sequence[str]]:
    """The names in parts of neighbours, which are likely to be replicas; at least one part, no other is empty."""
    total, done = sum(max(1, size(name)) for name in names), 0
    shares: list[list[str]] = [[] for _ in range(max(1, parts))]
    for name in names:
        shares[min(len(shares) - 1, done * len(shares) // total)].append(name)
        done += max(1, size(name))
    return [shares[0], *(share for share in shares[1:] if share)]


@contextmanager
def _started(jobs: Sequence[Callable[[], Result]]) -> Iterator[list[Future[Result]]]:
    """Starts a process for each job, as far as the system allows; they end with the block."""
    global _jobs
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    _jobs = jobs
    started: list[Future[Result]] = []
    pool = None
    # Only this process gets Ctrl-C and SIGTERM, and ends the others, which inherit the mask.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        with suppress(OSError, NotImplementedError, BrokenExecutor), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about threads, of which there are none
            pool = ProcessPoolExecutor(len(jobs), get_context("fork"), initializer=_end_with_parent)
            for number in range(len(jobs)):
                started.append(pool.submit(_run, number))
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        yield started
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for child in active_children():
            child.kill()
        if pool is not None:
            pool.shutdown()
        _jobs = ()


def _run(number: int) -> Any:
    return _jobs[number]()


def _end_with_parent() -> None:
    """Ends this fork when its parent is killed: it would wait for work for ever."""
    from multiprocessing import parent_process

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
