"""Runs tasks in a bounded number of threads; results come as they are ready, and a thread that hangs is abandoned."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from msgspec import Struct

from meshdoctor.kube.deadline import Deadline, TimedOut

Item = TypeVar("Item")
Result = TypeVar("Result")

_GRACE = 3.0
"""Seconds past its deadline after which a thread is abandoned: it waits in a call without a time limit."""
_POLL = 0.5


class TaskResult(Struct, Generic[Item, Result], frozen=True):
    """One item's outcome: a result, or the problem that took its place."""

    item: Item
    result: Result | None
    problem: Exception | None


class ThreadPool(Generic[Item, Result]):
    """Works on items in daemon threads. Where the caller stops taking results, as on Ctrl-C, the work is stopped.

    `seconds` is the time limit of one item, `within` that of all. `discard` is given the result that a thread had after
    it was abandoned.
    """

    def __init__(
        self,
        work: Callable[[Item, Deadline], Result],
        *,
        concurrency: int,
        seconds: float,
        within: float = math.inf,
        discard: Callable[[Result], None] = lambda result: None,
    ) -> None:
        self._work = work
        self._discard = discard
        self._concurrency = concurrency
        self._seconds = seconds
        self._end = time.monotonic() + within
        self._stop = threading.Event()
        self._waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        # As many results as there are threads: they wait for whoever takes them.
        self._done: queue.Queue[tuple[int, Result | None, Exception | None]] = queue.Queue(concurrency)
        self._started: dict[int, Deadline] = {}

    def run(self, items: Sequence[Item]) -> Iterator[TaskResult[Item, Result]]:
        """The result of each item as it is ready, exactly one for every item; `problem` is what `work` raised."""
        for index in range(len(items)):
            self._waiting.put(index)
        for _ in range(min(self._concurrency, len(items))):
            self._start(items)
        left = set(range(len(items)))
        try:
            while left:
                for index, result, problem in self._next(items):
                    if index in left:
                        left.remove(index)
                        yield TaskResult(items[index], result, problem)
                if self._left() <= 0:
                    break
            for index in sorted(left):
                yield TaskResult(items[index], None, TimedOut("the time limit for all was reached before it was read"))
        finally:
            self._stop.set()

    def _left(self) -> float:
        return self._end - time.monotonic()

    def _start(self, items: Sequence[Item]) -> None:
        threading.Thread(target=self._serve, args=(items,), daemon=True, name="meshdoctor fetch").start()

    def _serve(self, items: Sequence[Item]) -> None:
        while not self._stop.is_set() and self._left() > 0:
            try:
                index = self._waiting.get_nowait()
            except queue.Empty:
                return
            deadline = self._started[index] = Deadline(min(self._seconds, self._left()), self._stop)
            result, problem = None, None
            try:
                result = self._work(items[index], deadline)
            except Exception as error:
                problem = error
            if self._started.pop(index, None) is None:
                # Abandoned: another thread has replaced this one.
                if result is not None:
                    self._discard(result)
                return
            self._put((index, result, problem))

    def _put(self, outcome: tuple[int, Result | None, Exception | None]) -> None:
        while not self._stop.is_set():
            with suppress(queue.Full):
                self._done.put(outcome, timeout=_POLL)
                return

    def _next(self, items: Sequence[Item]) -> Iterator[tuple[int, Result | None, Exception | None]]:
        with suppress(queue.Empty):
            yield self._done.get(timeout=max(0.0, min(_POLL, self._left())))
        for index, deadline in self._started.copy().items():
            if deadline.remaining < -_GRACE and self._started.pop(index, None) is not None:
                self._start(items)
                yield index, None, TimedOut(f"it took longer than {self._seconds:.3g} s")
