"""Where there is little room: what is cut is cut where it hurts least."""

from __future__ import annotations

import pytest
from msgspec import structs

from tests.tui.sessions import on_fix, opened_finding, run, screen
from tests.tui.waiting import settled, text

CLASH = "tcp-port-clash"


@pytest.mark.parametrize("size", [(60, 24), (80, 24), (160, 50)])
def test_a_title_longer_than_the_line_goes_on_below_it_and_never_at_its_edge(size: tuple[int, int]) -> None:
    async def story() -> None:
        async with opened_finding(CLASH, size=size) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            title = " Declare both hosts as TLS, so that the server name tells them apart"
            front.worker.run.plan = structs.replace(
                front.worker.run.plan, fix=structs.replace(front.worker.run.plan.fix, title=title.strip())
            )
            front._show()
            await settled(pilot)
            lines = text(pilot).splitlines()[:2]
            assert lines[0].startswith(title[:58])
            room = size[0] > 140
            below = lines[0] if room else lines[1]
            assert "review, changes" in below
            assert room or below.startswith("   review")

    run(story())
