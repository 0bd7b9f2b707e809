"""README and CONTRIBUTING say what is so: commands run, outputs are current, every option is there, examples work."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from meshdoctor import yamlio
from meshdoctor.cli.main import app
from meshdoctor.model.trace import VERDICTS
from meshdoctor.rules.loader import load_rules
from tests.readme import Shown, commands, console_blocks, current, parse, ran, tables
from tests.test_rules import Cases, findings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
HINT = "run: python -m tests.readme"
BUNDLED = re.compile(r"demo:[a-z]|^meshdoctor (demo|rules|--version)\b")
RUNNABLE = [shown for shown in commands(README) if BUNDLED.search(shown.line)]


def command_tree(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its words, the program itself as `meshdoctor`."""
    yield path or "meshdoctor", command
    for name, below in getattr(command, "commands", {}).items():
        yield from command_tree(below, f"{path} {name}".strip())


COMMANDS = dict(command_tree(typer.main.get_command(app)))


def does_something(command: Any) -> bool:
    """A command of its own, or a group that can be called without one."""
    return not hasattr(command, "commands") or bool(command.invoke_without_command)


def words_of(shown: Shown) -> list[str]:
    """The arguments that are neither options nor values of the program's own options."""
    takes = {name for one in COMMANDS["meshdoctor"].params if not getattr(one, "is_flag", True) for name in one.opts}
    pairs = zip(("", *shown.arguments), shown.arguments, strict=False)
    return [word for before, word in pairs if not word.startswith("-") and before not in takes]


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("-")}


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the rows of all tables below a heading, without their head."""
    section = text.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in section.splitlines() if line.startswith("| `")]
    assert cells
    return cells


def yaml_blocks(text: str) -> list[bytes]:
    found = re.findall(r"^( *)```yaml\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE).encode() for indent, block in found]


def test_it_opens_with_what_it_does_then_output_then_the_two_commands() -> None:
    opening = README.split("\n## ", 1)[0]
    paragraph = opening.split("\n\n")[1]
    assert len(re.findall(r"\.(?=\s|$)", paragraph)) == 3
    assert opening.index("```console") < opening.index("make demo") < opening.index("make check")


def test_the_two_commands_are_there_and_ci_calls_the_second() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "check"} <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert "meshdoctor demo" in makefile
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make .*$", script, re.MULTILINE) == ["make check"]


def test_what_the_program_writes_is_current() -> None:
    assert set(tables(README)) == {"exit codes", "rules"}
    assert len(console_blocks(README)) > 5
    assert current(README) == README, HINT


@pytest.mark.parametrize("shown", [pytest.param(shown, id=shown.line) for shown in RUNNABLE])
def test_every_command_ends_as_it_says(shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house_rules = tmp_path / "house-rules"
    house_rules.mkdir()
    (house_rules / "plain-http-outside.yaml").write_bytes(yaml_blocks(README)[0])
    monkeypatch.chdir(tmp_path)
    finished = ran(shown)
    assert finished.exit_code == shown.exit_code
    assert finished.out


def test_a_rule_of_ones_own_finds_what_it_says() -> None:
    (line,) = [shown.line for shown in RUNNABLE if "house-rules" in shown.line]
    assert ran(parse(line.replace("--rules house-rules/", ""))).exit_code == 0, "it fails without the rule as well"


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_no_command_line_has_a_command_or_option_that_is_not_there(text: str) -> None:
    inline = [parse(code) for code in re.findall(r"`(meshdoctor [^`]+)`", text)]
    lines = [*commands(text), *inline]
    assert lines
    for shown in lines:
        words = words_of(shown)
        name = next((n for n in (" ".join(words[:2]), words[0] if words else "") if n in COMMANDS), "meshdoctor")
        assert name != "meshdoctor" or not words, shown.line
        used = {word for word in shown.arguments if re.match(r"--?[a-z]", word)}
        assert used <= options(COMMANDS[name]), shown.line


def test_every_command_has_a_row_and_every_row_a_command() -> None:
    named = {
        " ".join(shlex.split(row[0].strip("`"))[1:]) or "meshdoctor"
        for row in rows(README, "## Commands")
        if "meshdoctor" in row[0]
    }
    said = {re.sub(r" [\[A-Z].*", "", line) for line in named}
    assert said == {name for name, command in COMMANDS.items() if does_something(command)}


def test_every_option_has_a_row_and_every_row_an_option() -> None:
    said: dict[str, set[str]] = {name: set() for name in COMMANDS}
    for names, where, *_ in [row for row in rows(README, "## Commands") if row[0].startswith("`-")]:
        for command in re.findall("`([^`]+)`", where):
            said[command] |= set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*|-[A-Z]\b", names, re.ASCII))
    for name, command in COMMANDS.items():
        assert said[name] == options(command), f"the options of {name}"


def test_every_verdict_has_a_row() -> None:
    assert {row[0].strip("`") for row in rows(README, "### Verdicts of `trace`")} == set(VERDICTS)


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_link_and_path_leads_somewhere(text: str) -> None:
    base = ROOT if text is README else ROOT / ".github"
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (base / link).exists()] == []
    folders = re.findall(r"`((?:meshdoctor|tests|rules|snapshots)/[\w/.]*)`", text)
    assert [place for place in folders if not (ROOT / place).exists()] == []


def test_the_worked_example_is_a_rule_that_passes_its_cases(tmp_path: Path) -> None:
    rule_file, case_file = yaml_blocks(CONTRIBUTING)
    (tmp_path / "plain-http-outside.yaml").write_bytes(rule_file)
    (rule,) = load_rules([tmp_path])
    cases = msgspec.convert(yamlio.load_documents(case_file, "cases")[0], Cases).cases
    assert len(cases) >= 3
    for case in cases:
        found = findings(rule, case.given)
        plain = [msgspec.to_builtins(one) | {"fixes": [fix.id for fix in one.fixes]} for one in found]
        shown = [{key: one.get(key) for key in want} for one, want in zip(plain, case.expect, strict=True)]
        assert shown == case.expect
