"""Every error meshdoctor raises on purpose, and the exit code each one ends in.

    MeshdoctorError            a message for the user; never shown with a traceback
    ├── UsageError             2  the command line or a rule file asks for something that cannot be
    ├── NothingToJudge         3  nothing to look at, or no verdict was possible
    ├── Unreadable             4  a file or a cluster could not be read
    └── NotApplied             4  a fix that was stopped before it changed anything
        └── NotEditable        4  a file that it would change, and that is better left to its owner

A message says what was read, where, what was expected and what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class MeshdoctorError(Exception):
    """Root of the tree. `exit_code` is the process's exit code when the error reaches the top."""

    exit_code: ClassVar[int] = 4


class UsageError(MeshdoctorError):
    """Wrong usage: an unknown pod, a malformed HOST:PORT, a rule file that does not load."""

    exit_code = 2


class NothingToJudge(MeshdoctorError):
    """The source was read and holds nothing that a rule or a trace could judge."""

    exit_code = 3


class Unreadable(MeshdoctorError):
    """A file, an archive or a cluster that could not be read, or is not what it should be."""

    exit_code = 4


class NotApplied(MeshdoctorError):
    """A fix that was stopped before it changed anything: a right, an owner, or the object has moved on."""

    exit_code = 4


class PartlyApplied(NotApplied):
    """Fix `number` of the journal was stopped, and some of it may be written."""

    def __init__(self, problem: str, number: int) -> None:
        super().__init__(f"{problem}. Fix {number} may be applied in part")
        self.number = number


class NotEditable(NotApplied):
    """A file that cannot be changed safely. Nothing was written."""
