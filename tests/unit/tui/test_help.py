"""The help's text, as wide as there is room."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from meshdoctor.report.paper import columns
from meshdoctor.tui.board.lines import shown
from meshdoctor.tui.screens.help import key_lines

KEYS = [
    ("shift+tab", Binding("shift+tab", "back", id="part.previous", tooltip="To the part before")),
    ("a", Binding("a", "mend", id="main.mend", tooltip="Opens the first mend of this finding, or of the one about it")),
]


def test_a_line_that_is_broken_goes_on_below_its_text() -> None:
    assert shown(key_lines(KEYS, 50)).split("\n") == [
        "shift+tab  To the part before  part.previous",
        "a          Opens the first mend of this finding,",
        "           or of the one about it  main.mend",
    ]


def test_an_id_without_room_has_a_line_of_its_own() -> None:
    assert shown(key_lines(KEYS[:1], 33)).split("\n") == ["shift+tab  To the part before", "           part.previous"]


@pytest.mark.parametrize("width", [10, 16, 24, 40, 96])
def test_every_id_is_told_at_any_width(width: int) -> None:
    text = shown(key_lines(KEYS, width))
    assert "main.mend" in text
    assert "part.previous" in text
    assert width < 20 or max(map(columns, text.split("\n"))) <= width
