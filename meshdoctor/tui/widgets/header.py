"""The first line: the source, the progress, the number of findings, whether fixes can be applied, the time."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from meshdoctor.text.icons import icon
from meshdoctor.text.printable import printable
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.state.mesh_state import MeshState
from meshdoctor.tui.widgets.column_widths import clipped

_BAR = 14
_LEAST = 16
"""Columns of the source's name at least."""
_SEVERITIES = (("error", "$text-error"), ("warning", "$text-warning"), ("info", "$text-primary"))


class Header(Widget):
    """Drawn when one of its values changes, and once a minute for the clock."""

    def __init__(self, session: TuiSession) -> None:
        super().__init__(id="header")
        self._session = session
        self._ascii = session.ascii_only

    def on_mount(self) -> None:
        """Starts the clock."""
        self.set_interval(60, self.refresh)

    def render(self) -> Content:
        """Leaves out what has no room, the least important first."""
        mesh_state, width = self._session.mesh_state, self.size.width
        rights = "read-only" if self._session.is_read_only else "read-write"
        watch = "watch  " if self._session.is_watching else ""
        right = Content(f"{watch}{rights}  {datetime.now():%H:%M} ")
        counts, progress = self._counts(mesh_state), self._progress(mesh_state)
        name = Content.styled(" meshdoctor ", "bold $text-accent")
        place, gap = f" {self._place(mesh_state)}  ", Content("  ")
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

    def _place(self, mesh_state: MeshState) -> str:
        where = printable(mesh_state.location).rstrip("/") or "..."
        if mesh_state.source_kind != "cluster":
            where = where.rsplit("/", 1)[-1]
        namespaces = sorted(self._session.view_state.namespaces)
        return f"{where} / {', '.join(namespaces)}" if namespaces else where

    def _progress(self, mesh_state: MeshState) -> Content:
        done, total, doing = mesh_state.progress.done, mesh_state.progress.total, mesh_state.progress.doing
        if mesh_state.failed is not None and not mesh_state.is_refreshing:
            since = f" again since {mesh_state.read_at}" if mesh_state.read_at else ""
            return Content.styled(f"not read{since}", "$text-warning")
        if mesh_state.diagnosis is not None and not mesh_state.is_refreshing:
            return Content(
                f"{mesh_state.diagnosis.proxies} of {mesh_state.diagnosis.proxies + mesh_state.unread} sidecars"
            )
        if not total:
            return Content(doing)
        filled = _BAR * done // total
        full, empty = ("#", "-") if self._ascii else ("█", "░")
        return Content(f"{full * filled}{empty * (_BAR - filled)} {done}/{total} {doing}")

    def _counts(self, mesh_state: MeshState) -> Content:
        pieces = [
            Content.styled(f"{icon(kind, ascii_only=self._ascii)} {mesh_state.count(kind)}  ", style)  # type: ignore[arg-type]
            for kind, style in _SEVERITIES
        ]
        unknown = len(mesh_state.diagnosis.not_evaluated) if mesh_state.diagnosis else mesh_state.unread
        new, gone = mesh_state.changes.count()
        changes = f" {icon('new', ascii_only=self._ascii)} {new} new" * bool(new)
        changes += f" {icon('gone', ascii_only=self._ascii)} {gone} gone" * bool(gone)
        return Content.assemble(*pieces, f"{icon('unknown')} {unknown} ", (changes, "bold"))
