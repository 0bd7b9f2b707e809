"""How SIGINT and SIGTERM end the process: with 130 and 143, without a traceback, from the first line on.

This module imports next to nothing, so that it is in force before anything else is imported.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

INTERRUPTED = 130
_NUMBERS = (signal.SIGINT, signal.SIGTERM)
_ended_by = 0
"""The signal that ended the command; 0 where none did."""


def exit_on_signals() -> None:
    """Signals end the process where it stands: while modules are imported, and once the result is written."""
    for number in _NUMBERS:
        _handle(number, lambda number, frame: os._exit(128 + number))


def raise_on_signals() -> None:
    """Signals raise `KeyboardInterrupt` in the command, which rolls back what is half done and removes what is half
    written."""
    sys.unraisablehook = _unraisable
    # Not Python's own handler: asyncio would replace that one, and only cancel a task, which may go on.
    for number in _NUMBERS:
        _handle(number, _raise)


def end(code: int) -> NoReturn:
    """Ends the process with the exit code of its command, or that of the signal which interrupted it."""
    if code != INTERRUPTED:
        sys.exit(code)
    # Python itself would end by SIGINT once more where one struck inside of eval, or wait for threads.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # it is closed
            continue
    os._exit(_interrupted())


def _interrupted() -> int:
    return 128 + _ended_by if _ended_by else INTERRUPTED


def _handle(number: signal.Signals, handler: signal._HANDLER) -> None:
    # nohup, and a shell without job control for what runs in the background, want it ignored.
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, handler)


def _raise(number: int, frame: object) -> None:
    global _ended_by
    _ended_by = number
    raise KeyboardInterrupt


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """A `KeyboardInterrupt` that struck where none can be raised (a destructor, a weak reference) would be lost."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        os._exit(_interrupted())
    sys.__unraisablehook__(unraisable)
