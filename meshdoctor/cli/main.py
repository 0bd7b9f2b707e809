"""The `meshdoctor` command: parses the command line, runs one command, and returns its exit code.

A traceback is shown only with --debug or MESHDOCTOR_DEBUG=1.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from meshdoctor import __version__
from meshdoctor.cli import options, rules
from meshdoctor.cli.capture import capture
from meshdoctor.cli.check import check
from meshdoctor.cli.demo import demo
from meshdoctor.cli.docs import docs
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.fix import ReadOnly, fix, undo
from meshdoctor.cli.help_page import CliCommand, CliGroup
from meshdoctor.cli.hosts import hosts
from meshdoctor.cli.interactive import CURRENT, is_interactive, no_terminals, open_session
from meshdoctor.cli.rbac import rbac
from meshdoctor.cli.serve import serve
from meshdoctor.cli.source_options import SourceOptions, spread
from meshdoctor.cli.streams import put, say
from meshdoctor.cli.trace import trace
from meshdoctor.errors import MeshdoctorError, fault
from meshdoctor.text.printable import TextLines, in_lines, printable_lines

_DEBUG = "MESHDOCTOR_DEBUG"

_WHAT_TO_TRY = """\
the session needs a terminal (no terminal: {}). Try one of
  meshdoctor demo                   check a snapshot of a broken mesh; no cluster is needed
  meshdoctor check                  check the cluster of the current context
  meshdoctor check --from PATH      check a capture
  meshdoctor trace POD HOST:PORT    trace one connection
  meshdoctor fix                    list the findings that have a fix
  meshdoctor docs                   list the guides
  meshdoctor --help                 list all commands and options"""

app = typer.Typer(
    name="meshdoctor",
    cls=CliGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=CliCommand)(spread(check))
app.command(cls=CliCommand)(spread(trace, "all_namespaces", "selector", "logs_since", "concurrency"))
app.command(cls=CliCommand)(spread(hosts))
app.command(cls=CliCommand)(spread(fix))
app.command(cls=CliCommand)(
    spread(undo, "from_", "filenames", "namespaces", "all_namespaces", "selector", "logs_since")
)
app.command(cls=CliCommand)(spread(capture, "filenames"))
app.command(cls=CliCommand)(rbac)
app.add_typer(rules.app, name="rules")
app.command(cls=CliCommand)(demo)
app.command(cls=CliCommand)(docs)
app.command(cls=CliCommand)(spread(serve))


def root(
    command: typer.Context,
    source_options: SourceOptions,
    read_only: ReadOnly = False,
    no_color: options.NoColor = False,
    theme: options.Theme = None,
    ascii_only: options.Ascii = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an internal error")] = False,
) -> int:
    """Find out why a pod in an Istio mesh cannot reach an external host, and fix it.

    Without a command, the interactive session opens: on the current context, or on what --from names.

    Examples:
      # Open the session on the current context
      meshdoctor

      # Open it on a bundled snapshot of a broken mesh
      meshdoctor demo

      # Check a cluster or a capture for problems
      meshdoctor check
      meshdoctor check --from capture.tar.gz

      # Trace one connection
      meshdoctor trace shop/web github.com:443

      # Read the guides
      meshdoctor docs
    """
    if debug:
        os.environ[_DEBUG] = "1"
    if version:
        put(f"meshdoctor {__version__}\n")
        raise typer.Exit(ExitCode.CLEAN)
    if command.invoked_subcommand is not None:
        return ExitCode.CLEAN
    if not is_interactive():
        say(TextLines(_WHAT_TO_TRY.format(", ".join(no_terminals()))))
        return ExitCode.USAGE
    place = " ".join(source_options.from_ or ()) or source_options.context or CURRENT
    return open_session(
        source_options.source,
        place,
        namespaces=source_options.chosen,
        labels=source_options.labels,
        read_only=read_only,
        no_color=no_color,
        theme=theme,
        ascii_only=ascii_only,
    )


app.callback(invoke_without_command=True)(spread(root))


def run(arguments: Sequence[str] | None = None, *, program: str = "meshdoctor") -> int:
    """Run one command line (default: the process's own) and return its exit code; never raises.

    `program` is the command name in usage lines.
    """
    try:
        result = app(args=None if arguments is None else list(arguments), prog_name=program, standalone_mode=False)
    except BaseException as problem:
        return report_failure(problem)
    return result if isinstance(result, int) else ExitCode.CLEAN


def report_failure(problem: BaseException) -> int:
    """Show the error that ended a command, and return the exit code."""
    if isinstance(problem, SystemExit):  # shell completion leaves this way
        return problem.code if isinstance(problem.code, int) else ExitCode.CLEAN
    if isinstance(problem, KeyboardInterrupt | typer.Abort):
        return ExitCode.INTERRUPTED
    if isinstance(problem, MeshdoctorError):
        _show_traceback()
        say(problem.message)
        return problem.exit_code
    if isinstance(problem, Exception):
        return _usage_error(problem) or _internal_error(problem)
    raise problem


def _usage_error(error: Exception) -> int:
    """Show an error of the command-line parser and return its exit code; 0 for other errors.

    Recognised by its method `show`, because typer has its own parser since 0.26 and used click's before.
    """
    show = getattr(error, "show", None)
    if show is None:
        return 0
    if isinstance(message := getattr(error, "message", None), str):  # typer passes on how pydantic words it
        said = message.removeprefix("Value error, ").replace("Input should be", "must be")
        vars(error)["message"] = printable_lines(said)
    show()
    return ExitCode.USAGE


def _internal_error(error: Exception) -> int:
    _show_traceback()
    lines = [fault(error)]
    if not os.environ.get(_DEBUG):
        lines.append("  Please report it, with the output of the same command with `meshdoctor --debug`.")
    say(in_lines(lines))
    return ExitCode.FAILED


def _show_traceback() -> None:
    if os.environ.get(_DEBUG):
        import sys
        import traceback

        sys.stderr.write(printable_lines(traceback.format_exc()))
