"""What a fix's steps look like on stderr while it goes on, and the question before it."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from meshdoctor.cli.streams import say
from meshdoctor.errors import UsageError
from meshdoctor.text.printable import printable

if TYPE_CHECKING:
    from meshdoctor.model.fix import FixEvent


class StepPrinter:
    """A line a step; on a terminal what is counted is counted on one line. Use it with `with`.

    Where Ctrl-C ends it after the fix was journaled, it says what to do next.
    """

    def __init__(self, journaled: str = "") -> None:
        self._is_counting = False
        self.journaled = journaled
        """Says under which number the fix is in the journal; empty where it is not yet."""

    def __enter__(self) -> StepPrinter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_line()
        if kind is KeyboardInterrupt and self.journaled:
            say(f"interrupted. {self.journaled}: `meshdoctor fix --history` shows how far it got and how to continue")

    def tell(self, event: FixEvent) -> None:
        """One step was done, or goes on."""
        if event.step == "journaled":
            self.journaled = event.text
        if event.step == "waiting":
            if sys.stderr.isatty():
                self._is_counting = True
                sys.stderr.write(f"\r  {event.text}")
                sys.stderr.flush()
            return
        self._end_line()
        sys.stderr.write(f"  {printable(event.text)}\n")
        sys.stderr.flush()

    def _end_line(self) -> None:
        if self._is_counting:
            sys.stderr.write("\n")
            self._is_counting = False


def refuse_unconfirmed(what: str) -> None:
    """Raise `UsageError` where nobody can be asked: a script has to say --yes."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"{what} asks before it writes, and stdin is no terminal: give --yes. Nothing was changed")


def confirmed(question: str) -> bool:
    """Whether the user says yes; anything else is no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    say("nothing was changed")
    return False
