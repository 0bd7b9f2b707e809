"""The console scripts. `meshdoctor` alone opens the session without the parser, which would double its start time.

All other commands, and errors, are handled by `cli.main`. Nothing is imported before signals are handled.
"""

from __future__ import annotations

import sys

from meshdoctor.cli.process_signals import INTERRUPTED, end, exit_on_signals, raise_on_signals

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes as long to import as all of this
    from collections.abc import Callable
    from typing import NoReturn

    from meshdoctor.doctor import Source


def main() -> NoReturn:
    """The console script."""
    end(_start("meshdoctor"))


def kubectl_main() -> NoReturn:
    """The console script `kubectl-meshdoctor`, which kubectl runs as `kubectl meshdoctor`."""
    end(_start("kubectl meshdoctor"))


def _start(program: str) -> int:
    exit_on_signals()
    run = _command(program)
    try:
        raise_on_signals()
        code = run()
    except KeyboardInterrupt:  # a second one, while the first is handled
        code = INTERRUPTED
    exit_on_signals()
    return code


def _command(program: str) -> Callable[[], int]:
    """What runs, with its modules imported."""
    from meshdoctor.cli.interactive import CURRENT, is_interactive, open_session

    if len(sys.argv) > 1 or not is_interactive():
        from meshdoctor.cli.main import run

        return lambda: int(run(program=program))

    def session() -> int:
        try:
            return open_session(current_cluster, CURRENT)
        except BaseException as problem:
            from meshdoctor.cli.main import report_failure

            return int(report_failure(problem))

    return session


def current_cluster() -> Source:
    """The cluster of the kubeconfig's current context, with default options."""
    from meshdoctor.cli.source_options import SourceOptions

    return SourceOptions().source()
