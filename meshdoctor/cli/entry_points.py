"""The console scripts. A bare `meshdoctor` opens the session with nothing parsed: that would double its start.

Everything else, and whatever goes wrong, is `cli.main`'s.
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
        from meshdoctor.cli.main import told

        return int(told(problem))


def current_cluster() -> Source:
    """The cluster of the kubeconfig's current context, asked as `meshdoctor` without options asks it."""
    from meshdoctor.cli.source_options import SourceOptions

    return SourceOptions().source()
