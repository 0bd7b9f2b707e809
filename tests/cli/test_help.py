"""`--help` of every command: one imperative line, a usage line that can be read, examples at the end."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.conftest import Cli
from tests.documents import COMMANDS, options

ARGUMENTS = {name: [] if name == "meshdoctor" else name.split() for name in COMMANDS}
each_command = pytest.mark.parametrize("name", COMMANDS)


@each_command
def test_it_begins_with_one_line_that_says_what_the_command_does(cli: Cli, name: str) -> None:
    finished = cli(*ARGUMENTS[name], "--help")
    assert (finished.code, finished.err) == (0, "")
    first, *others = finished.out.splitlines()
    assert re.fullmatch(r"[A-Z][a-z]+,? [^.]+\.", first)
    assert others[0] == ""
    assert max(map(len, [first, *others])) <= 80


@each_command
def test_the_usage_names_every_argument_once(cli: Cli, name: str) -> None:
    out = cli(*ARGUMENTS[name], "--help").out
    (usage,) = re.findall(r"^Usage:\n  (.*)\n$", out, re.MULTILINE)
    assert usage.startswith(" ".join(["meshdoctor", *ARGUMENTS[name]]))
    assert not re.search(r"\[\[|\{|<\w+>", out)


@each_command
def test_it_ends_with_examples_that_can_be_typed(cli: Cli, name: str) -> None:
    out = cli(*ARGUMENTS[name], "--help").out
    section = out.split("\nExamples:\n", 1)[1]
    for block in section.strip("\n").split("\n\n"):
        comment, *lines = block.splitlines()
        assert comment.startswith("  # ")
        assert lines
        for line in lines:
            words = shlex.split(re.sub(r".* (?=meshdoctor serve)| \| .*", "", line))
            assert words[0] == "meshdoctor"
            called = next(n for n in (" ".join(words[1:3]), *words[1:2], "meshdoctor") if n in COMMANDS)
            assert {word for word in words if re.match(r"--?[a-z]", word)} <= options(COMMANDS[called])


def test_a_mistake_shows_the_same_usage(cli: Cli) -> None:
    finished = cli("trace")
    assert finished.code == 2
    assert "Usage: meshdoctor trace POD HOST:PORT [OPTIONS]" in finished.err


def test_a_default_is_said_once(cli: Cli) -> None:
    out = " ".join(cli("check", "--help").out.split())
    assert "Sidecars read at the same time (default 16)" in out
    assert "1<=x" not in out
