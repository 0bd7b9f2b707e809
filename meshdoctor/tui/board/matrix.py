"""Pods down, hosts across, one sign a verdict: what each pod's connections come to, at a glance."""

from __future__ import annotations

from meshdoctor.sitting.events import Pair
from meshdoctor.tui.board.board import Board
from meshdoctor.tui.board.cells import Cell
from meshdoctor.tui.board.marks import NOT_WANTED, VERDICT_TONES, letter
from meshdoctor.tui.board.sight import Sight


def matrix_axes(sight: Sight) -> tuple[list[str], list[Pair]]:
    """Judged pods and hosts with a port, as far as they are in sight, in the order of their parts."""
    pods = [key for key in sight.keys("pods") if sight.board.pods[key].verdicts]
    return pods, [pair for pair in sight.keys("hosts") if pair[1] is not None]


def matrix_cell(board: Board, pod: str, pair: Pair, *, all_hosts: bool = False, ascii_only: bool = False) -> Cell:
    """The sign of one pod and host; a host that the pod does not want is a dot unless `all_hosts` are asked for."""
    row = board.pods.get(pod)
    verdict = row.verdicts.get(pair) if row else None
    if row is None or verdict is None or not (all_hosts or pair in row.wants):
        return Cell("." if ascii_only else NOT_WANTED, "faint")
    return Cell(letter(verdict[0], ascii_only=ascii_only), VERDICT_TONES[verdict[0]])
