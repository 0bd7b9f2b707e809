from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.report.text_writer import TextWriter
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.phrases import count, some
from meshdoctor.text.printable import TextLines, in_lines, lines_of
from meshdoctor.text.wrapping import columns, wrap


@given(st.text(), st.integers(min_value=20, max_value=120))
def test_wrapped_lines_fit_unless_one_word_does_not_and_no_word_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(columns(line) <= width or len(line.split()) == 1 or "'" in line for line in lines)
    assert all(line.isprintable() or line.isspace() or not line for line in lines if line.isascii())


def test_words_of_two_columns_are_counted_as_two() -> None:
    assert columns("日本") == 4
    assert columns("e\u0301") == 1
    assert wrap("日本日本日 本日本日本", 20) == ["日本日本日", "本日本日本"]


def test_line_breaks_of_lines_stay_and_other_control_characters_do_not_act() -> None:
    assert wrap(TextLines("one\n\ntwo\x1b[2J\rx"), 40) == ["one", "", "two\\x1b[2J\\x0dx"]


def test_a_quoted_word_of_a_command_stays_whole() -> None:
    assert wrap("Try `grep -F -- 'x; rm -rf ~'` now.", 20) == ["Try `grep -F --", "'x; rm -rf ~'` now."]
    assert wrap("The pods' names, the nodes' names", 20) == ["The pods' names, the", "nodes' names"]


@given(st.text())
def test_any_other_text_is_one_line_however_it_is_broken(text: str) -> None:
    assert len(lines_of(text)) == 1
    assert in_lines([text, text]).count("\n") == 1
    assert len(lines_of(f"{in_lines([text, text])}")) == 1


@pytest.mark.parametrize(
    ("limit", "shown"),
    [(None, "a, b, c, d"), (3, "a, b, c, d"), (2, "a, b and 2 more"), (1, "a and 3 more")],
)
def test_one_name_too_many_is_named_and_not_counted(limit: int | None, shown: str) -> None:
    assert some("abcd", limit) == shown


def test_counts_and_addresses() -> None:
    assert [count(0, "pod"), count(1, "pod"), count(1400, "pod")] == ["0 pods", "1 pod", "1,400 pods"]
    assert host_port("2001:db8::1", 443) == "[2001:db8::1]:443"
    assert host_port("a.example", None) == "a.example"


def test_colour_only_where_the_paper_takes_it() -> None:
    assert TextWriter().mark("error") == "✗"
    assert TextWriter(symbols=False).mark("error") == "x"
    assert TextWriter(colour=True).mark("fine") == "\x1b[32m✓\x1b[0m"
    assert TextWriter().toned("a", "strong") + TextWriter().toned("b", "faint") == "ab"
