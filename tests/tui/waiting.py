"""Waiting for the app: until nothing is under way, or until something holds. Nothing is measured by the limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from textual.pilot import Pilot

from meshdoctor.tui.app import MeshdoctorApp

PATIENCE = 60.0
"""Seconds, on a machine that has much else to do."""
IN_A_ROW = 2
"""Looks at an app that is quiet: what it does last may begin something."""


async def settled(pilot: Pilot[int]) -> None:
    """Waits until no key, no message, no thread that somebody asked and no layout is under way.

    A look of the session and a fix go on by themselves: `until` waits for those.
    """
    end, quiet = monotonic() + PATIENCE, 0
    while monotonic() < end:
        await pilot.pause()
        quiet = quiet + 1 if _is_quiet(pilot) else 0
        if quiet == IN_A_ROW:
            return
        await asyncio.sleep(0.002)
    raise AssertionError(f"never quiet, on\n{text(pilot)}")


async def until(pilot: Pilot[int], holds: Callable[[], object], what: str = "") -> None:
    """Waits until something holds, and what it brings is shown; `what` says what, for when it never does."""
    end = monotonic() + PATIENCE
    while not holds():
        if monotonic() > end:
            raise AssertionError(f"{what or 'what is waited for'}: never, on\n{text(pilot)}")
        await pilot.pause(0.01)
    await settled(pilot)


def text(pilot: Pilot[int]) -> str:
    """What is on the screen, without colour."""
    lines = pilot.app.screen._compositor.render_strips(pilot.app.size)
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


def _is_quiet(pilot: Pilot[int]) -> bool:
    app = pilot.app
    assert isinstance(app, MeshdoctorApp)
    if not app.is_running or app._exit:
        return True
    nodes = (app, *app.screen.walk_children(with_self=True))
    return (
        app.key_queue.is_idle
        and not app.session.has_news
        and not any(worker.is_running for worker in app.workers)
        and not any(node.message_queue_size for node in nodes)
        and not app.screen._layout_required
    )
