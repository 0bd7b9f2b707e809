"""The parts of README.md and of the guides that the program writes: output blocks and tables.

`python -m tests.documents` brings all of them up to date; tests/test_documents.py fails when they are not.

A `console` block holds commands, each as `$ meshdoctor ARGUMENTS [| FILTER]  # exit CODE`, with their output below.
The commands of a block run one after the other, in a folder and with a journal of their own.
FILTER is `head -n N`, `sed -n '/FROM/,/TO/p'`, `sed -n '/FROM/,$p'` or `sed '/FROM/,$d'`: the line can be pasted.
A part between `<!-- NAME: written by python -m tests.documents -->` and `<!-- end -->` is a table.
"""

from __future__ import annotations

import ast
import io
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import typer

from meshdoctor.cli import exit_codes, help_page
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.main import app, run
from meshdoctor.model.rule import Rule
from meshdoctor.model.verdict import Severity
from meshdoctor.rules.loader import load_rules
from tests.golden.outputs import FILES

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "meshdoctor" / "docs").glob("*.md"))
DOCUMENTS = (README, *GUIDES)

_CONSOLE = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(
    r"(?<=<!-- )(?P<name>[a-z ]+)(?P<mark>: written by [^>]*-->\n)(?P<table>.*?)(?=<!-- end -->)", re.DOTALL
)
_EXIT = re.compile(r"  # exit (\d+)$")


class Shown(NamedTuple):
    """One command line of a document: the arguments of `meshdoctor`, the filter, the exit code claimed."""

    line: str
    arguments: tuple[str, ...]
    shorten: Callable[[list[str]], list[str]]
    exit_code: int | None


class Finished(NamedTuple):
    """What a command did."""

    exit_code: int
    out: str


def parse(line: str) -> Shown:
    """A command line. Raises ValueError where its filter is none that is known here."""
    claimed = _EXIT.search(line)
    command, _, pipe = _EXIT.sub("", line).partition(" | ")
    arguments = tuple(shlex.split(command)[1:])
    return Shown(line, arguments, _filter(shlex.split(pipe)), int(claimed[1]) if claimed else None)


def _filter(words: list[str]) -> Callable[[list[str]], list[str]]:
    match words:
        case []:
            return lambda lines: lines
        case ["head", "-n", count]:
            return lambda lines: lines[: int(count)]
        case ["sed", *options, script] if options in ([], ["-n"]):
            found = re.fullmatch(r"/(?P<first>[^/]+)/,(?:/(?P<last>[^/]+)/|\$)(?P<does>[pd])", script)
            if found and (found["does"] == "p") == bool(options):
                first, last = re.compile(found["first"]), re.compile(found["last"] or r"\A(?!)")
                return lambda lines: _select(lines, first, last, keep=found["does"] == "p")
    raise ValueError(f"no filter of these documents: {shlex.join(words)}")


def _select(lines: list[str], first: re.Pattern[str], last: re.Pattern[str], *, keep: bool) -> list[str]:
    """The lines of every range from one that `first` matches to the next that `last` does, or the others."""
    selected, inside = [], False
    for line in lines:
        begins = not inside and first.search(line) is not None
        if (inside or begins) == keep:
            selected.append(line)
        inside = begins or (inside and last.search(line) is None)
    return selected


def ran(shown: Shown) -> Finished:
    """The command's exit code and what the filter leaves of its stdout, as 80 columns without colour."""
    buffer = io.BytesIO()
    with io.TextIOWrapper(buffer, encoding="utf-8") as stream:
        with redirect_stdout(stream), redirect_stderr(io.StringIO()):
            code = run(shown.arguments)
        stream.flush()
        lines = buffer.getvalue().decode().splitlines(keepends=True)
    return Finished(int(code), "".join(shown.shorten(lines)))


def console_blocks(text: str) -> list[str]:
    """The content of every `console` block."""
    return [match[0] for match in _CONSOLE.finditer(text)]


def commands(text: str) -> Iterator[Shown]:
    """Every `meshdoctor` command line in the `console` and `sh` blocks of a document."""
    for block in re.findall(r"^```(?:console|sh)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if re.match(r"(?:\$ )?meshdoctor ", line):
                yield parse(line.removeprefix("$ "))


def console(block: str) -> str:
    """A `console` block with the output its commands have now, one after the other in an empty folder of their own."""
    lines = [line for line in block.splitlines() if line.startswith("$ ")]
    with TemporaryDirectory() as folder, chdir(folder), _journal_in(folder):
        return "\n".join(f"{line}\n{ran(parse(line.removeprefix('$ '))).out}" for line in lines)


@contextmanager
def _journal_in(folder: str) -> Iterator[None]:
    known = os.environ.get("MESHDOCTOR_STATE")
    os.environ["MESHDOCTOR_STATE"] = folder
    try:
        yield
    finally:
        os.environ.pop("MESHDOCTOR_STATE")
        if known is not None:
            os.environ["MESHDOCTOR_STATE"] = known


def command_tree(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its words, the program itself as `meshdoctor`."""
    yield path or "meshdoctor", command
    for name, below in getattr(command, "commands", {}).items():
        yield from command_tree(below, f"{path} {name}".strip())


COMMANDS = dict(command_tree(typer.main.get_command(app)))


def does_something(command: Any) -> bool:
    """A command of its own, or a group that can be called without one."""
    return not hasattr(command, "commands") or bool(command.invoke_without_command)


def options(command: Any) -> set[str]:
    """Every spelling of a command's options."""
    return {"-h", "--help"} | {name for one in command.params for name in one.opts if name.startswith("-")}


def command_table() -> str:
    """Every command with the first line of its help."""
    rows = ["| command | does |\n|---|---|\n"]
    for name, command in COMMANDS.items():
        if does_something(command):
            words = [] if name == "meshdoctor" else [name]
            arguments = [word for word in help_page.usage(command) if word not in ("[COMMAND]", "[OPTIONS]")]
            about = help_page.summary(command).rstrip(".")
            rows.append(f"| `{' '.join(['meshdoctor', *words, *arguments])}` | {_cell(about)} |\n")
    return "".join(rows)


def option_table() -> str:
    """Every option with the commands that take it, those of most commands first."""
    found: dict[tuple[str, str], list[str]] = {("-h, --help", "Show the help of a command"): []}
    for name, command in COMMANDS.items():
        for option in filter(help_page.is_option, command.params):
            found.setdefault((help_page.option_names(option), help_page.option_about(option)), []).append(name)
    rows = ["| option | does | commands |\n|---|---|---|\n"]
    for (names, about), commands in sorted(found.items(), key=lambda item: -len(item[1])):
        spelled = ", ".join(f"`{_cell(name)}`" for name in names.split(", "))
        of = " ".join(f"`{name}`" for name in commands) or "all"
        rows.append(f"| {spelled} | {_cell(about)} | {of} |\n")
    return "".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def exit_table() -> str:
    """The exit codes with what their own docstrings in cli/exit_codes.py say."""
    source = ast.parse(Path(exit_codes.__file__).read_text(encoding="utf-8"))
    members = next(node.body for node in source.body if isinstance(node, ast.ClassDef) and node.name == "ExitCode")
    said: dict[str, str] = {}
    for name, doc in pairwise(members):
        if isinstance(name, ast.Assign) and isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant):
            said[ast.unparse(name.targets[0])] = " ".join(str(doc.value.value).split())
    rows = [f"| {code.value} | {said[code.name]} |\n" for code in ExitCode]
    return "".join(["| code | meaning |\n|---|---|\n", *rows])


def rule_table() -> str:
    """The built-in rules, errors first."""
    rules = sorted(load_rules([ROOT / "rules"]), key=lambda rule: (rule.severity.rank, rule.id))
    rows = [f"| `{rule.id}` | {_severities(rule)} | {rule.title} |\n" for rule in rules]
    return "".join(["| rule | severity | problem |\n|---|---|---|\n", *rows])


def _severities(rule: Rule) -> str:
    found = {rule.severity, *(grade.severity for grade in rule.grades)}
    return ", ".join(severity for severity in Severity if severity in found)


def verified_fix() -> str:
    """What `fix --apply` prints on a cluster: the golden file of it."""
    return f"```text\n{(FILES / 'fix-result-verified.txt').read_text(encoding='utf-8')}```\n"


TABLES: dict[str, Callable[[], str]] = {
    "commands": command_table,
    "exit codes": exit_table,
    "options": option_table,
    "rules": rule_table,
    "verified fix": verified_fix,
}


def tables(text: str) -> dict[str, str]:
    """Every written table of a document, by name."""
    return {match["name"]: match["table"] for match in _TABLE.finditer(text)}


def current(text: str) -> str:
    """The document with all that is written by the program as it is now."""
    text = _TABLE.sub(lambda match: match["name"] + match["mark"] + TABLES[match["name"]](), text)
    return _CONSOLE.sub(lambda match: console(match[0]), text)


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(current(document.read_text(encoding="utf-8")), encoding="utf-8")
