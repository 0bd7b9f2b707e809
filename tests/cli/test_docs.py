"""`meshdoctor docs`: the guides in a terminal and in a pipe."""

from __future__ import annotations

import re

import pytest

from meshdoctor import bundled
from meshdoctor.cli import docs
from meshdoctor.cli.main import run
from meshdoctor.cli.terminal_markdown import rendered

TOPICS = [guide.topic for guide in bundled.guides()]
each_topic = pytest.mark.parametrize("topic", TOPICS)


def test_without_a_topic_it_lists_all_in_80_columns(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["docs"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == TOPICS
    assert max(map(len, lines)) <= 80


@each_topic
def test_in_a_pipe_a_guide_is_markdown_that_needs_no_other_file(topic: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", topic]) == 0
    out = capfd.readouterr().out
    assert out.startswith("# ")
    assert "<!--" not in out
    assert "![" not in out
    assert re.findall(r"\]\((?!https?:)", out) == []


@each_topic
def test_what_a_guide_tells_to_copy_is_not_wrapped(topic: str) -> None:
    text = docs.offline(bundled.guide_text(topic))
    shown = rendered(text, 60, colour=False)
    blocks = re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert all(line in shown for block in blocks for line in block.splitlines() if line)
    assert "\x1b" not in shown
    assert "```" not in shown


def test_a_heading_is_at_the_left_margin_and_prose_is_wrapped() -> None:
    shown = rendered("# One\n\nword word word\n\n## Two\n\n`code`\n", 10, colour=False)
    assert shown.splitlines() == ["One", "", "word word", "word", "", "Two", "", "code"]
    assert rendered("```sh\nls\n```\n", 10, colour=False) == "  ls\n"
    assert "\x1b[" in rendered("`code`", 10, colour=True)


def test_a_link_to_a_guide_becomes_its_command_and_others_their_text() -> None:
    text = "See [fixes](fixes.md) and [the rules](../../rules/README.md), [istio](https://istio.io).\n"
    assert docs.offline(text) == ("See fixes (`meshdoctor docs fixes`) and the rules, [istio](https://istio.io).\n")


def test_an_unknown_topic_names_the_nearest(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "databse"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "no guide databse. Did you mean database?" in err


def test_topics_are_completed() -> None:
    assert docs.complete_topic("s") == ["shared-port", "session", "security", "speed"]
