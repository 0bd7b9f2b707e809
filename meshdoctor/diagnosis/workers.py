"""Work over many dumps, shared out over the machine's processors. What comes out is the same with one.

The other processes are copies of this one (`fork`), so that they have everything that was read and nothing needs to be
sent to them; only results come back. Where that is not safe (another thread runs) or not there (Windows; macOS, whose
libraries do not stand it), this process does all of it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import IO, TypeVar

from meshdoctor.errors import MeshdoctorError

Result = TypeVar("Result")

WORTH_IT = 256 * 1024 * 1024
"""Bytes of dumps, as stored, from which on a second process saves more than it costs."""

MOST = 4
"""Processes at most: each holds a dump or two."""


def workers_for(size: int) -> int:
    """How many processes should share work over so many bytes of dumps."""
    if size < WORTH_IT or not sys.platform.startswith("linux") or threading.active_count() > 1:
        return 1
    return max(1, min(MOST, len(os.sched_getaffinity(0))))


def spread(
    names: Collection[str], size: Callable[[str], int], work: Callable[[Collection[str]], Result], workers: int = 0
) -> list[Result]:
    """What `work` gives for shares of `names` that are about as large, in order. `workers` 0: as many as are worth it.

    An error in one of the shares is raised here. A process that dies leaves its share to this one.
    """
    shares = split(sorted(names), size, workers or workers_for(sum(map(size, names))))
    others: list[_Worker] = []
    try:
        with suppress(OSError):  # no process to be had: this one does what is left
            for share in shares[1:]:
                others.append(_Worker(share, work))
        done = [work(shares[0]), *(other.result(work) for other in others)]
        return done + [work(share) for share in shares[1 + len(others) :]]
    finally:
        for other in others:
            other.stop()


def split(names: Sequence[str], size: Callable[[str], int], parts: int) -> list[Sequence[str]]:
    """Neighbours stay together: they are likely to be replicas. Always one part at least, none of the others empty."""
    total, done = sum(max(1, size(name)) for name in names), 0
    shares: list[list[str]] = [[] for _ in range(max(1, parts))]
    for name in names:
        shares[min(len(shares) - 1, done * len(shares) // total)].append(name)
        done += max(1, size(name))
    return [shares[0], *(share for share in shares[1:] if share)]


class _Worker:
    """A copy of this process that does one share and tells what came out."""

    def __init__(self, share: Sequence[str], work: Callable[[Collection[str]], Result]) -> None:
        self._share = share
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about threads, of which there are none
            try:
                self._pid = os.fork()
            except OSError:
                os.close(reader)
                os.close(writer)
                raise
        if self._pid == 0:
            os.close(reader)
            _serve(share, work, writer)
        os.close(writer)
        self._stream: IO[bytes] = os.fdopen(reader, "rb")

    def result(self, work: Callable[[Collection[str]], Result]) -> Result:
        """What came out of the share."""
        try:
            made, raised = pickle.load(self._stream)
        except (EOFError, pickle.UnpicklingError):
            return work(self._share)
        if raised is not None:
            raise raised
        result: Result = made
        return result

    def stop(self) -> None:
        """Ends the process, done or not."""
        self._stream.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _serve(share: Sequence[str], work: Callable[[Collection[str]], Result], writer: int) -> None:
    """The copy's life. It leaves without cleaning up: files and streams are the original's."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the original hears it, and ends this one
        with os.fdopen(writer, "wb") as stream:
            told: tuple[Result | None, MeshdoctorError | None]
            try:
                told = (work(share), None)
            except MeshdoctorError as error:
                told = (None, error)
            pickle.dump(told, stream, protocol=pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)
