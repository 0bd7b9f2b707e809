"""`python -m tests.tui.bench`: how long the matrix and a trace take to be drawn anew. Printed, never asserted."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.doctor import Source
from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.screens.matrix_screen import MatrixScreen
from meshdoctor.tui.session_state import SessionOpening
from meshdoctor.tui.state.matrix_axes import matrix_axes
from meshdoctor.tui.state.row_filter import read_filter
from meshdoctor.view.trace import steps
from tests.bench import BIG
from tests.tui.crowd import crowd

PODS, HOSTS, ROUNDS = 1000, 300, 20
SIZE = (160, 50)


def say(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{line}\n")


def milliseconds(work: Callable[[], object], rounds: int = ROUNDS) -> str:
    """The median and the longest of some rounds."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    taken.sort()
    return f"{taken[len(taken) // 2]:8.2f} ms, at most {taken[-1]:.2f} ms"


async def matrix() -> None:
    """The matrix of 1,000 pods and 300 hosts, 160 x 50."""
    app = MeshdoctorApp(SessionOpening(lambda: Source(), "bench"))
    app.session.begin = lambda: None  # type: ignore[method-assign]
    async with app.run_test(size=SIZE) as pilot:
        mesh_state, view_state = app.session.mesh_state, app.session.view_state
        mesh_state.apply(crowd(PODS, HOSTS))
        screen = MatrixScreen(app.session)
        app.push_screen(screen)
        await pilot.pause()
        grid = screen.grid

        def drawn() -> None:
            for line in range(grid.size.height):
                grid.render_line(line)

        def filtered() -> None:
            view_state.filters["pods"] = read_filter("worker-00" if not view_state.filters["pods"] else "")
            screen._show()
            drawn()

        def moved() -> None:
            grid.action_page(1 if grid.cursor < PODS - 100 else -9, 1)
            drawn()

        def problems() -> None:
            view_state.problems_only = True
            matrix_axes(view_state)
            view_state.problems_only = False

        say(f"matrix, {PODS} pods x {HOSTS} hosts at {SIZE[0]}x{SIZE[1]}")
        for name, work in (
            ("drawn", drawn),
            ("a screen on", moved),
            ("filter typed", filtered),
            ("problems", problems),
        ):
            say(f"  {name:<14}{milliseconds(work)}")


def trace() -> None:
    """A trace from a sidecar that is open: what a keystroke costs."""
    source = Source(path=BIG) if BIG.is_file() else Source(snapshot="tcp-port-clash")
    diagnosis_session = DiagnosisSession(source, lambda event: None)
    diagnosis_session.refresh_now()
    pod = diagnosis_session.using(lambda case: next(iter(case.mesh.proxy_names)))
    say(f"trace, {BIG.name if source.path else 'a small dump'}")
    say(f"  first         {milliseconds(lambda: diagnosis_session.trace(pod, 'first.test', 443), 1)}")
    typed = iter(range(10_000))

    def again() -> None:
        steps(diagnosis_session.trace(pod, f"host-{next(typed)}.test", 443, protocol="tls", sni="a.test"))

    say(f"  each after it {milliseconds(again, 200)}")


if __name__ == "__main__":
    asyncio.run(matrix())
    trace()
