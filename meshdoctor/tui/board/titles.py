"""What a part is called just now, and what stands in it where no row is in sight."""

from __future__ import annotations

from meshdoctor.semantics.hosts import host_port
from meshdoctor.semantics.text import printable, printable_lines
from meshdoctor.tui.board.board import Board
from meshdoctor.tui.board.sight import SORTS, Choice, Part, Sight

NAMES: dict[Part, str] = {"pods": "Pods", "hosts": "External hosts", "findings": "Findings"}


def title(sight: Sight, part: Part, shown: int, *, ascii_only: bool = False) -> str:
    """Its name, how many of how many rows are in sight, and what keeps the others out of it."""
    total = sight.total(part)
    parts = [f"{NAMES[part]} {shown}" if shown == total else f"{NAMES[part]} {shown}/{total}"]
    if sight.marks[part]:
        parts.append(f"{len(sight.marks[part])} marked")
    parts += [f"of {_chosen(sight, choice)}" for choice in sight.narrowing(part)]
    typed = sight.filters[part].typed
    if typed:
        parts.append(f"/{printable(typed)}")
    if sight.problems_only:
        parts.append("problems only")
    if sight.sort(part) is not SORTS[part][0]:
        parts.append(sight.sort(part).name)
    return (" - " if ascii_only else " · ").join(parts)


def _chosen(sight: Sight, choice: Choice) -> str:
    """A choice by its name, or how many are marked."""
    if len(choice.marked) > 1:
        return f"{len(choice.marked)} marked {choice.part}"
    if choice.part == "pods":
        row = sight.board.pods.get(choice.key)
        return printable(row.name if row else choice.key)
    if choice.part == "hosts":
        return printable(host_port(*choice.key))
    line = sight.board.finding(choice.key)
    return printable(line.finding.rule) if line else "a finding that is gone"


def hint(sight: Sight, part: Part) -> str:
    """What to do about a part without rows."""
    board = sight.board
    if board.failed is not None and not sight.total(part):
        demo = "d opens a bundled mesh to look at, R tries again."
        return f"{printable_lines(board.failed.because)}\n\n{demo}" if part == "pods" else ""
    if sight.filters[part]:
        return f"Nothing here fits /{printable(sight.filters[part].typed)}. esc takes the filter back."
    if sight.narrowing(part):
        return f"{_nothing(part)} of {_chosen(sight, sight.narrowing(part)[-1])}. esc shows all again."
    if sight.problems_only and sight.total(part):
        return "No problems here. ctrl+z shows the rest."
    if sight.namespaces and sight.total(part):
        return f"{_nothing(part)} in {', '.join(sorted(sight.namespaces))}. n chooses other namespaces."
    if board.is_looking:
        return "Reading ..."
    return _empty(board, part)


def _empty(board: Board, part: Part) -> str:
    """A part of which there is nothing at all."""
    if part == "findings":
        return "No findings. What could not be judged is counted behind ? in the first line."
    if part == "pods":
        return "No pods."
    if not board.are_hosts_known:
        return "No external hosts are known: not all was read that could name one."
    return "No external hosts: nothing registers or wants one."


def missing(board: Board) -> str:
    """That the look could not read sidecars again which an earlier one has read; empty where there are none."""
    unseen = {pod for line in board.changes.unseen("findings").values() for pod in line.finding.pods}
    rows = [row for row in board.pods.values() if row.state == "unread" and row.key in unseen]
    if not rows:
        return ""
    sidecars = "a sidecar" if len(rows) == 1 else f"{len(rows)} sidecars"
    return f"{sidecars} could not be read again: {printable(rows[0].because)}. What they showed is marked ?."


def _nothing(part: Part) -> str:
    return {"pods": "No pods", "hosts": "No hosts", "findings": "No findings"}[part]
