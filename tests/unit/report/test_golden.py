"""Every format, compared as bytes. `python -m tests.golden.outputs` writes the files anew; read the diff it makes."""

from __future__ import annotations

import re

import pytest

from meshdoctor.text.icons import NEEDED
from meshdoctor.text.wrapping import columns
from tests.golden.outputs import FILES, OUTPUTS, made

_ANSI = re.compile("\x1b\\[[0-9;]*m")
_STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PIPED = [name for name in OUTPUTS if name.endswith(".txt") and "terminal" not in name]


@pytest.mark.parametrize("name", OUTPUTS)
def test_output_is_the_golden_file(name: str) -> None:
    assert made(name) == (FILES / name).read_bytes()


def test_every_golden_file_has_a_maker() -> None:
    assert {path.name for path in FILES.iterdir()} == set(OUTPUTS)


@pytest.mark.parametrize("name", OUTPUTS)
def test_no_character_steers_the_terminal(name: str) -> None:
    output = made(name).decode()
    if "terminal" in name:
        output = _ANSI.sub("", output)
    assert _STEERING.search(output) is None


@pytest.mark.parametrize("name", OUTPUTS)
def test_output_ends_in_one_line_break(name: str) -> None:
    assert re.search(rb"[^\n]\n\Z", made(name))


@pytest.mark.parametrize("name", _PIPED)
def test_lines_longer_than_80_columns_are_single_words_or_one_table_cell_or_to_be_copied(name: str) -> None:
    lines = [line for line in made(name).decode().splitlines() if not line.startswith("  kubectl ")]
    too_long = [line for line in lines if columns(line) > 80]
    assert all(max(columns(word) for word in line.split()) > 60 for line in too_long)


@pytest.mark.parametrize("name", [name for name in _PIPED if "ascii" in name])
def test_ascii_reports_have_no_symbols_of_their_own(name: str) -> None:
    assert not set(NEEDED) & set(made(name).decode())
