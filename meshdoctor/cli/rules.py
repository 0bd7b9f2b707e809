"""`meshdoctor rules`: the catalogue, and one rule's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meshdoctor.cli import options
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.help_page import CliCommand, CliGroup
from meshdoctor.cli.streams import put, writer
from meshdoctor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshdoctor.model.rule import Rule

_HELP = """List or explain the rules.

Examples:
  # List the rules
  meshdoctor rules list

  # Explain one
  meshdoctor rules explain tcp-port-clash
"""

app = typer.Typer(cls=CliGroup, no_args_is_help=True, rich_markup_mode=None, help=_HELP)

RuleId = Annotated[
    str, typer.Argument(metavar="ID", help="Rule, such as tcp-port-clash", autocompletion=options.complete_rule)
]


@app.command("list", cls=CliCommand)
def list_rules(rules: options.RuleDirs = None, json: options.Json = False, no_color: options.NoColor = False) -> int:
    """List the rules with their severities.

    Examples:
      # List the rules
      meshdoctor rules list

      # List them together with your own, as JSON
      meshdoctor rules list --rules our-rules/ --json
    """
    from meshdoctor import doctor

    catalogue = doctor.load_catalogue(rules or ())
    if json:
        from meshdoctor.report import json_v1

        put(json_v1.rules(catalogue))
    else:
        from meshdoctor.report import text
        from meshdoctor.view import rule as view

        put(text.render(view.listing(catalogue), writer(no_color=no_color)))
    return ExitCode.CLEAN


@app.command(cls=CliCommand)
def explain(rule: RuleId, rules: options.RuleDirs = None) -> int:
    """Explain a rule: description, diagnosis and remediation.

    Examples:
      # Explain why two TCP entries on one port conflict
      meshdoctor rules explain tcp-port-clash
    """
    from meshdoctor import doctor
    from meshdoctor.report import text
    from meshdoctor.view import rule as view

    found = find_rule(rule, doctor.load_catalogue(rules or ()))
    put(text.render(view.page(found), writer(no_color=True)))
    return ExitCode.CLEAN


def find_rule(name: str, catalogue: Sequence[Rule]) -> Rule:
    """The rule of that id. Raises `UsageError` where there is none; suggests similar ids."""
    by_id = {rule.id: rule for rule in catalogue}
    if name in by_id:
        return by_id[name]
    from difflib import get_close_matches

    near = [rule for rule in by_id if name and name in rule][:3] or get_close_matches(name, by_id, n=3)
    meant = f"did you mean {' or '.join(near)}?" if near else "`meshdoctor rules list` shows all of them"
    raise UsageError(f"there is no rule {name!r}: {meant}")
