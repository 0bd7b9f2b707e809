"""A pod and a host as a whole, driven by keys."""

from __future__ import annotations

from textual.widgets import Static

from meshdoctor.tui.screens.details_screen import DetailsScreen, HostScreen, PodScreen
from meshdoctor.tui.screens.document_screen import DocumentScreen
from meshdoctor.tui.screens.finding_screen import FindingScreen
from meshdoctor.tui.screens.main_screen import MainScreen
from meshdoctor.tui.screens.trace_screen import TraceScreen
from tests.tui.conftest import Drive, Driven

CLASH = "tcp-port-clash"


def front(app: Driven) -> type[object]:
    """The kind of screen in front."""
    return type(app.app.screen)


async def to_item(app: Driven, screen: DetailsScreen, wanted: str) -> None:
    """Puts the cursor on the first item whose goal has this."""
    for line, (number, *_) in enumerate(screen._lines):
        if getattr(screen.items[number].goal, wanted):
            screen.table.move_to(line)
            await app.settled()
            return
    raise AssertionError(f"no item with a {wanted}")


def test_a_pod_tells_its_policy_findings_and_verdicts_and_opens_each(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("1", "j", "d")
        screen = app.app.screen
        assert isinstance(screen, PodScreen)
        text = app.text()
        for part in (
            "outbound policy",
            "REGISTRY_ONLY",
            "app=ratings",
            "Findings 2",
            "tcp-port-clash",
            "github.com:443",
        ):
            assert part in text, part
        for goal, opened in (("finding", FindingScreen), ("pair", TraceScreen), ("evidence", DocumentScreen)):
            await to_item(app, screen, goal)
            await app.press("enter")
            assert front(app) is opened, goal
            await app.press("escape")
            assert front(app) is PodScreen
        await app.press("g", "y")
        assert front(app) is DocumentScreen
        assert "kind: Pod" in app.text()
        await app.press("escape", "t")
        assert front(app) is TraceScreen
        await app.press("escape", "escape", "escape")
        assert front(app) is MainScreen

    drive(script, snapshot=CLASH)


def test_a_host_tells_who_registers_it_and_where_its_addresses_are_from(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        table = app.app.main.query_one("#hosts").table  # type: ignore[attr-defined]
        await app.press("2")
        table.move_to(table.keys.index(("github.com", 443)))
        await app.settled()
        await app.press("d")
        screen = app.app.screen
        assert isinstance(screen, HostScreen)
        text = app.text()
        for part in ("Registered by", "bookinfo/github", "443 TCP", "exportTo", "198.51.100.20", "misrouted"):
            assert part in text, part
        await app.press("y")
        assert front(app) is DocumentScreen
        assert "ServiceEntry" in app.text()
        assert "github.com" in str(screen.query_one("#title", Static).content)

    drive(script, snapshot=CLASH)


def test_secrets_stay_out_of_what_is_shown(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("1", "j", "d", "y")
        screen = app.app.screen
        assert isinstance(screen, DocumentScreen)
        text = "\n".join(row.text for row in screen.document.rows.folding.rows)
        assert "kind: Pod" in text
        assert "last-applied-configuration" not in text
        await app.press("c")

    drive(script, snapshot=CLASH)


def test_a_pod_that_has_gone_says_so(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        app.app.push_screen(PodScreen(app.app.session, "shop/nobody"))
        await app.settled()
        assert "not there any more" in app.text()
        await app.press("y")
        await app.press("escape", "escape")
        assert isinstance(app.app.screen, MainScreen)

    drive(script, snapshot=CLASH)
