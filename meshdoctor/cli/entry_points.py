"""The console scripts. `meshdoctor` alone opens the session without the parser, which would double its start time.

All other commands, and errors, are handled by `cli.main`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from meshdoctor.cli.interactive import CURRENT, is_interactive, open_session

if TYPE_CHECKING:
    from meshdoctor.doctor import Source


def main() -> NoReturn:
    """The console script."""
    sys.exit(_start("meshdoctor"))


def kubectl_main() -> NoReturn:
    """The console script `kubectl-meshdoctor`, which kubectl runs as `kubectl meshdoctor`."""
    sys.exit(_start("kubectl meshdoctor"))


def _start(program: str) -> int:
    if len(sys.argv) > 1 or not is_interactive():
        from meshdoctor.cli.main import run

        return int(run(program=program))
    try:
        return open_session(current_cluster, CURRENT)
    except BaseException as problem:
        from meshdoctor.cli.main import report_failure

        return int(report_failure(problem))


def current_cluster() -> Source:
    """The cluster of the kubeconfig's current context, with default options."""
    from meshdoctor.cli.source_options import SourceOptions

    return SourceOptions().source()
