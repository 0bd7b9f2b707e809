"""`meshdoctor hosts`: the external hosts of the mesh."""

from __future__ import annotations

from meshdoctor.cli import options
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.progress import ProgressBar, ended
from meshdoctor.cli.source_options import SourceOptions
from meshdoctor.cli.streams import put, say, writer


def hosts(
    source_options: SourceOptions,
    json: options.Json = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> int:
    """List the external hosts and whether each pod reaches them.

    Exit codes:
      0    listed
      2    wrong usage
      3    nothing to look at
      4    a cluster or file could not be read
      130  interrupted

    Examples:
      # List the hosts that the pods of one namespace use
      meshdoctor hosts -n bookinfo

      # List the hosts of a capture, as JSON
      meshdoctor hosts --from capture/ --json
    """
    source, chosen = source_options.source(), source_options.chosen

    from meshdoctor import doctor

    with ProgressBar() as progress:
        case = doctor.open_case(source, progress)
    result = doctor.hosts(case, chosen, source_options.labels)
    if json:
        from meshdoctor.report import json_v1

        put(json_v1.hosts(result))
    else:
        from meshdoctor.report import text
        from meshdoctor.view import hosts as view

        put(text.render(view.report(result, verbose=verbose), writer(no_color=no_color)))
    interrupted = ended(case)
    if not interrupted and result.missing and not any(row.verdicts for row in result.hosts):
        say(f"no verdict was possible: {', '.join(result.missing)} could not be read")
        return ExitCode.NO_VERDICT
    return interrupted
