"""A progress bar on stderr while sidecars are read; nothing where stderr is not a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.streams import say
from meshdoctor.text.printable import printable

if TYPE_CHECKING:
    from meshdoctor.doctor import Case


class ProgressBar:
    """A `FetchObserver` that draws. Use it with `with`, so that the bar is removed before the result is printed."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._failed = 0

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def listed(self, pods: int, sidecars: int) -> None:
        """The pods are listed; `sidecars` of them will be read."""
        if not sys.stderr.isatty() or not sidecars:
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("reading sidecars", total=sidecars)
        self._bar.start()

    def fetched(self, pod: str, because: str) -> None:
        """One sidecar is read, or could not be read for the reason `because`."""
        if self._bar is None:
            return
        if because:
            self._failed += 1
            self._bar.update(self._task, description=f"reading sidecars ({self._failed} could not be read)")
            self._bar.console.print(f"  {printable(pod)}: {printable(because)}", markup=False, highlight=False)
        self._bar.advance(self._task)


def ended(case: Case) -> ExitCode:
    """INTERRUPTED, with a message on stderr, where Ctrl-C ended the reading; else CLEAN."""
    if not case.interrupted:
        return ExitCode.CLEAN
    say("interrupted: the result covers what was read so far; `not evaluated` lists the rest")
    return ExitCode.INTERRUPTED
