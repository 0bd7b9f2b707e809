"""`meshdoctor demo`: a bundled snapshot of a broken mesh, no cluster needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meshdoctor.cli import options
from meshdoctor.cli.check import FailOn, exit_code
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.interactive import is_interactive, open_session
from meshdoctor.cli.streams import put, writer
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.text.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshdoctor.doctor import SnapshotInfo
    from meshdoctor.model.finding import Diagnosis
    from meshdoctor.report.text_writer import TextWriter

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="Snapshot; --list lists them", autocompletion=options.complete_snapshot, show_default=False
    ),
]
List = Annotated[bool, typer.Option("--list", help="List the snapshots and their stories")]
Check = Annotated[bool, typer.Option("--check", help="Print only the result of `check`")]


def demo(
    name: Name = None,
    list_: List = False,
    check: Check = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
    theme: options.Theme = None,
    ascii_only: options.Ascii = False,
) -> int:
    """Open a bundled snapshot of a broken mesh.

    Where stdout is not a terminal, or with --check or -v, its findings are
    printed, and the exit code is that of `check`: 1 where the fault of the
    snapshot was found.

    Examples:
      # Open the first snapshot
      meshdoctor demo

      # List all of them, and open one
      meshdoctor demo --list
      meshdoctor demo mysql-blocked

      # Print the findings of the first one
      meshdoctor demo --check
    """
    if not (list_ or check or verbose) and is_interactive():
        from meshdoctor.tui.app_session import demo_source

        return open_session(
            lambda: demo_source(name or ""),
            f"demo:{name or ''}",
            read_only=True,
            no_color=no_color,
            theme=theme,
            ascii_only=ascii_only,
        )
    from meshdoctor import doctor

    snapshots = doctor.snapshots()
    page = writer(no_color=no_color)
    if list_:
        from meshdoctor.report import text
        from meshdoctor.view import demo as view

        put(text.render(view.listing([(s.name, s.title, s.story) for s in snapshots]), page))
        return ExitCode.CLEAN
    chosen = _choose(name, snapshots)
    diagnosis = doctor.diagnose(doctor.open_case(doctor.Source(snapshot=chosen.name)))
    put(_shown(chosen, diagnosis, page, verbose=verbose, bare=check))
    return exit_code(diagnosis, FailOn.ERROR, strict=False)


def _shown(snapshot: SnapshotInfo, diagnosis: Diagnosis, page: TextWriter, *, verbose: bool, bare: bool) -> str:
    from meshdoctor.report import text
    from meshdoctor.view import check
    from meshdoctor.view import demo as view

    report = list(check.report(diagnosis, verbose=verbose, source=f" --from demo:{snapshot.name}" if bare else None))
    if not bare:
        before = view.opening(snapshot.title, snapshot.story, snapshot.istio_version)
        report = [before, *report, view.next_steps(snapshot.name, diagnosis)]
    return text.render(report, page)


def _choose(name: str | None, snapshots: Sequence[SnapshotInfo]) -> SnapshotInfo:
    """The snapshot of that name; without a name the first with an error.

    Raises `UsageError` where there is none of that name, `Unreadable` where the installation has no snapshots.
    """
    if not snapshots:
        raise Unreadable("no snapshot is bundled with this installation: install meshdoctor again")
    if name is None:
        return next((s for s in snapshots if s.expected.get("errors")), snapshots[0])
    found = next((s for s in snapshots if s.name == name), None)
    if found is not None:
        return found
    raise UsageError(f"there is no snapshot {name!r}. {nearest(name, [snapshot.name for snapshot in snapshots])}")
