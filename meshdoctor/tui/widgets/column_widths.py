"""How columns share a width, and how text is cut to it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from meshdoctor.tui.state.cells import TableColumn


def widths(columns: Sequence[TableColumn], width: int) -> dict[int, int]:
    """Width of each column by index, one blank between two. Those with a high `keeps` go where there is no room."""
    shown = list(range(len(columns)))
    while len(shown) > 1 and _needed(columns, shown) > width:
        last = max(shown, key=lambda at: (columns[at].keeps, at))
        if not columns[last].keeps:
            break
        shown.remove(last)
    found = {at: columns[at].width for at in shown}
    left, grows = width - _needed(columns, shown), sum(columns[at].grows for at in shown)
    for at in shown:
        share = left * columns[at].grows // grows if grows else 0
        found[at] = max(1, found[at] + share)
    return found


def fit(columns: Sequence[TableColumn], width: int) -> bool:
    """Whether there is room for all columns."""
    return _needed(columns, range(len(columns))) <= width


def _needed(columns: Sequence[TableColumn], shown: Sequence[int]) -> int:
    return sum(columns[at].width for at in shown) + len(shown) - 1


def clipped(text: str, width: int, *, ends_matter: bool = False) -> str:
    """The text in exactly so many columns; dots at its end, or in its middle, show where it is cut."""
    if ends_matter and width > 8 and cell_len(text) > width:
        tail = text[-((width - 2) // 3) :]
        return set_cell_size(text, width - 2 - cell_len(tail)) + ".." + tail
    if text.isascii():
        length = len(text)
        if length <= width:
            return text + " " * (width - length)
        return text[: width - 2] + ".." if width > 4 else text[:width]
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 2) + ".." if width > 4 else set_cell_size(text, width)
