"""Errors with a message for the user, and the exit code of each.

    MeshdoctorError            shown without a traceback
    ├── UsageError             2  an error in the command line or a rule file
    ├── NothingToJudge         3  there is no evidence, or no verdict was possible
    ├── Unreadable             4  a file or a cluster could not be read
    └── NotApplied             4  a fix was not applied; nothing was changed
        └── NotEditable        4  a file that the fix would change cannot be edited safely

A message says what was read, where, what was expected and what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class MeshdoctorError(Exception):
    """Base class. `exit_code` is the exit code of the process where the error ends it."""

    exit_code: ClassVar[int] = 4

    @property
    def message(self) -> str:
        """The message as it was given, which may be `text.printable.TextLines`; `str` makes one line of those."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


class UsageError(MeshdoctorError):
    """Wrong usage: an unknown pod, a malformed HOST:PORT, a rule file that does not load."""

    exit_code = 2


class NothingToJudge(MeshdoctorError):
    """The source was read, but contains no evidence for a rule or a trace."""

    exit_code = 3


class Unreadable(MeshdoctorError):
    """A file, an archive or a cluster could not be read, or is not of the expected kind."""

    exit_code = 4


class NotApplied(MeshdoctorError):
    """A fix was stopped before it changed anything: a right is missing, or an object is managed or has changed."""

    exit_code = 4


class PartlyApplied(NotApplied):
    """Fix `number` of the journal was stopped, and some of it may be written."""

    def __init__(self, problem: str, number: int) -> None:
        super().__init__(f"{problem}. Fix {number} may be applied in part")
        self.number = number


class NotEditable(NotApplied):
    """A file cannot be edited safely. Nothing was written."""


def fault(error: Exception) -> str:
    """The message for an exception that is a bug of meshdoctor."""
    what = str(error).partition("\n")[0]
    return f"a bug in meshdoctor: {type(error).__name__}{': ' if what else ''}{what}"
