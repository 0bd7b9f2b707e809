"""The help's text, as wide as there is room."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from meshdoctor.text.wrapping import columns
from meshdoctor.tui.screens.help_screen import key_lines
from meshdoctor.tui.state.text_lines import shown

KEYS = [
    ("shift+tab", Binding("shift+tab", "back", id="panel.previous", tooltip="To the previous panel")),
    ("a", Binding("a", "fix", id="main.fix", tooltip="Opens the first fix of this finding, or of one about it")),
]


def test_a_line_that_is_broken_goes_on_below_its_text() -> None:
    assert shown(key_lines(KEYS, 50)).split("\n") == [
        "shift+tab  To the previous panel  panel.previous",
        "a          Opens the first fix of this finding, or",
        "           of one about it  main.fix",
    ]


def test_an_id_without_room_has_a_line_of_its_own() -> None:
    assert shown(key_lines(KEYS[:1], 33)).split("\n") == [
        "shift+tab  To the previous panel",
        "           panel.previous",
    ]


@pytest.mark.parametrize("width", [10, 16, 24, 40, 96])
def test_every_id_is_told_at_any_width(width: int) -> None:
    text = shown(key_lines(KEYS, width))
    assert "main.fix" in text
    assert "panel.previous" in text
    assert width < 20 or max(map(columns, text.split("\n"))) <= width
