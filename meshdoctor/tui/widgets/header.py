"""The first line: what is looked at, how far the look is, how bad it is, whether anything can be changed, the time."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from meshdoctor.semantics.text import printable
from meshdoctor.tui.board.board import Board
from meshdoctor.tui.board.marks import sign
from meshdoctor.tui.session import Session
from meshdoctor.tui.widgets.columns import clipped

_BAR = 14
_LEAST = 16
"""Columns that what is looked at has at least: with less it is no use."""
_SEVERITIES = (("error", "$text-error"), ("warning", "$text-warning"), ("info", "$text-primary"))


class Header(Widget):
    """Drawn anew when the board's head changed and once a minute, for the clock."""

    def __init__(self, session: Session) -> None:
        super().__init__(id="header")
        self._session = session
        self._ascii = session.looks.ascii_only

    def on_mount(self) -> None:
        """Starts the clock."""
        self.set_interval(60, self.refresh)

    def render(self) -> Content:
        """Parts that do not fit any more go, the least important first."""
        board, width = self._session.board, self.size.width
        rights = "read-only" if self._session.is_read_only else "read-write"
        watch = "watch  " if self._session.is_watching else ""
        right = Content(f"{watch}{rights}  {datetime.now():%H:%M} ")
        counts, progress = self._counts(board), self._progress(board)
        name = Content.styled(" meshdoctor ", "bold $text-accent")
        place, gap = f" {self._place(board)}  ", Content("  ")
        for before, after, least in (
            (name, (progress, gap, counts, right), cell_len(place)),
            (Content(""), (progress, gap, counts, right), _LEAST),
            (Content(""), (gap, counts, right), _LEAST),
            (Content(""), (gap, counts), _LEAST),
        ):
            room = width - before.cell_length - sum(one.cell_length for one in after)
            if room >= min(least, cell_len(place)):
                shown = clipped(place, min(room, cell_len(place)), ends_matter=True)
                free = " " * (room - cell_len(shown))
                last = (free, right) if after[-1] is right else ()
                return Content.assemble(before, shown, *(one for one in after if one is not right), *last)
        return counts

    def _place(self, board: Board) -> str:
        where = printable(board.location).rstrip("/") or "..."
        if board.source_kind != "cluster":
            where = where.rsplit("/", 1)[-1]
        namespaces = sorted(self._session.sight.namespaces)
        return f"{where} / {', '.join(namespaces)}" if namespaces else where

    def _progress(self, board: Board) -> Content:
        done, total, doing = board.progress.done, board.progress.total, board.progress.doing
        if board.failed is not None and not board.is_looking:
            since = f" again since {board.read_at}" if board.read_at else ""
            return Content.styled(f"not read{since}", "$text-warning")
        if board.diagnosis is not None and not board.is_looking:
            return Content(f"{board.diagnosis.proxies} of {board.diagnosis.proxies + board.unread} sidecars")
        if not total:
            return Content(doing)
        filled = _BAR * done // total
        full, empty = ("#", "-") if self._ascii else ("█", "░")
        return Content(f"{full * filled}{empty * (_BAR - filled)} {done}/{total} {doing}")

    def _counts(self, board: Board) -> Content:
        pieces = [
            Content.styled(f"{sign(kind, ascii_only=self._ascii)} {board.count(kind)}  ", style)  # type: ignore[arg-type]
            for kind, style in _SEVERITIES
        ]
        unknown = len(board.diagnosis.not_evaluated) if board.diagnosis else board.unread
        new, gone = board.changes.count()
        changes = f" {sign('new', ascii_only=self._ascii)} {new} new" * bool(new)
        changes += f" {sign('gone', ascii_only=self._ascii)} {gone} gone" * bool(gone)
        return Content.assemble(*pieces, f"{sign('unknown')} {unknown} ", (changes, "bold"))
