"""The page of `--help`, like kubectl's: what the command does, its usage, its options, and examples at the end.

The docstring of a command is the text of its page; its first line is the summary. `Exit codes:` and `Examples:`, each
on a line of its own, start sections that are shown as written, below the options.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

_SECTION = re.compile(r"^(?=(?:Exit codes|Examples):$)", re.MULTILINE)
_HELP = "Show this help"


def summary(command: Any) -> str:
    """What a command does, in one line."""
    return _text(command).partition("\n")[0]


def usage(command: Any) -> list[str]:
    """The words after a command's name: arguments, those that may be left out in brackets, and the rest."""
    below = ["COMMAND"] if hasattr(command, "commands") else []
    if below and command.invoke_without_command:
        below = ["[COMMAND]"]
    arguments = [one.metavar if one.required else f"[{one.metavar}]" for one in command.params if not is_option(one)]
    return [*below, *arguments, "[OPTIONS]"]


def is_option(parameter: Any) -> bool:
    """Whether a parameter is an option; else it is an argument."""
    return bool(parameter.param_type_name == "option")


def option_names(option: Any) -> str:
    """`-n, --namespace NAME`."""
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {option.metavar}"


def option_about(option: Any) -> str:
    """The help text of an option, with its default."""
    if option.name == "help":
        return _HELP
    default = getattr(option.default, "value", option.default)
    about = str(option.help or "").rstrip(".")
    return f"{about} (default {default})" if option.show_default and default else about


class _HelpFormat:
    """Format of the help of commands and groups, which are two classes in typer."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The parts of the usage line above an error."""
        return usage(self)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page."""
        about, *sections = _SECTION.split(_text(self))
        for number, paragraph in enumerate(about.strip().split("\n\n")):
            formatter.write("\n" * bool(number))
            formatter.write_text(" ".join(paragraph.split()))
        with formatter.section("Usage"):
            formatter.write(f"{' ' * formatter.current_indent}{' '.join([ctx.command_path, *usage(self)])}\n")
        arguments, options = [], []
        for one in self.get_params(ctx):  # type: ignore[attr-defined]
            if is_option(one):
                options.append((option_names(one), option_about(one)))
            else:
                arguments.append((one.metavar, one.help))
        commands = [(name, summary(below).rstrip(".")) for name, below in getattr(self, "commands", {}).items()]
        for title, rows in (("Commands", commands), ("Arguments", arguments), ("Options", options)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
        for section in sections:
            formatter.write(f"\n{section.rstrip()}\n")


class CliCommand(_HelpFormat, TyperCommand):
    """A command with such a page."""


class CliGroup(_HelpFormat, TyperGroup):
    """A group of commands with such a page."""


def _text(command: Any) -> str:
    return inspect.cleandoc(command.help or "")
