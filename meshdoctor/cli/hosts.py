"""`meshdoctor hosts`: the external hosts of the mesh."""

from __future__ import annotations

from meshdoctor.cli import options
from meshdoctor.cli.exits import ExitCode
from meshdoctor.cli.looking import Looking
from meshdoctor.cli.progress import Progress, ended
from meshdoctor.cli.streams import paper, put, say


def hosts(
    looking: Looking,
    json: options.Json = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> int:
    """List the external hosts, who wants them, and the verdicts.

    \b
      meshdoctor hosts -n bookinfo
      meshdoctor hosts --from capture/
      meshdoctor hosts --from capture/ -n bookinfo --json

    \b
    Exit codes: 0 listed, 2 wrong usage, 3 nothing to look at,
    4 something could not be read, 130 interrupted.
    """
    source, chosen = looking.source(), looking.chosen

    from meshdoctor import doctor

    with Progress() as progress:
        case = doctor.open_case(source, progress)
    result = doctor.hosts(case, chosen, looking.labels)
    if json:
        from meshdoctor.report import json_v1

        put(json_v1.hosts(result))
    else:
        from meshdoctor.report import hosts_text

        put(hosts_text.render(result, paper(no_color=no_color), verbose=verbose))
    interrupted = ended(case)
    if not interrupted and result.missing and not any(row.verdicts for row in result.hosts):
        say(f"no verdict was possible: not read were {', '.join(result.missing)}")
        return ExitCode.NO_VERDICT
    return interrupted
