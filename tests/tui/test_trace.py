"""The trace screen, driven by keys on bundled snapshots."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdoctor import doctor
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.diagnosis.tracing import open_tracer, trace_from
from meshdoctor.doctor import Source
from meshdoctor.tui.messages import TraceRequested
from meshdoctor.tui.screens.document_screen import DocumentScreen
from meshdoctor.tui.screens.main_screen import MainScreen
from meshdoctor.tui.screens.trace_screen import TraceScreen
from tests.tui.conftest import Drive, Driven

CLASH = "tcp-port-clash"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "captures"


def screen_of(app: Driven) -> TraceScreen:
    screen = app.app.screen
    assert isinstance(screen, TraceScreen)
    return screen


async def opened(app: Driven, pod: str, host: str, port: int | None) -> TraceScreen:
    app.app.post_message(TraceRequested(pod, host, port))
    await app.settled()
    return screen_of(app)


async def typed(app: Driven, text: str) -> None:
    names = {":": "colon", ".": "full_stop", "-": "minus", "/": "slash", '"': "quotation_mark"}
    await app.press(*(names.get(sign, sign) for sign in text))


def test_both_ends_known_are_traced_at_once(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("3", "j", "t")
        screen = screen_of(app)
        assert screen.trace is not None
        finding = app.app.session.mesh_state.findings[app.keys("findings")[0]].finding
        assert (screen.trace.destination.host, screen.trace.destination.port) == (finding.host, finding.port)
        assert screen.trace.pod == finding.pods[0]
        for step in screen.trace.steps:
            if step.at != "verdict":
                assert step.at.replace("_", " ") in app.text()
        assert screen.trace.verdict in app.text()
        assert screen.focused is not None
        assert screen.focused.id == "path"
        await app.press("escape")
        assert isinstance(app.app.screen, MainScreen)

    drive(script, snapshot=CLASH)


def test_the_end_that_is_not_known_is_asked_for_with_names_that_fit(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("1", "j", "t")
        screen = screen_of(app)
        assert screen.form.pod
        assert screen.focused is not None
        assert screen.focused.id == "f-to"
        assert "type a destination" in app.text()
        await typed(app, "huawei")
        assert "www.huaweicloud.com:443" in app.text()
        await app.press("down", "enter")
        assert screen.form.to == "www.huaweicloud.com:443"
        assert screen.trace is not None
        assert screen.trace.destination.host == "www.huaweicloud.com"

    drive(script, snapshot=CLASH)


def test_a_host_alone_asks_for_a_pod(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("2", "j", "t")
        screen = screen_of(app)
        assert screen.focused is not None
        assert screen.focused.id == "f-pod"
        await app.press("enter")
        assert screen.form.pod in app.app.session.mesh_state.pods
        assert screen.trace is not None

    drive(script, snapshot=CLASH)


def test_protocol_sni_ip_and_authority_change_the_way(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        pod = app.keys("pods")[0]
        screen = await opened(app, pod, "github.com", 443)
        case = doctor.open_case(Source(snapshot=CLASH))

        def same(**how: object) -> None:
            assert screen.trace is not None
            expected = trace_from(open_tracer(case, pod), "github.com", 443, **how)  # type: ignore[arg-type]
            assert screen.trace == expected

        same()
        for kind in ("tcp", "server-first", "tls"):
            await app.press("p")
            same(protocol=kind)
        await app.press("tab")
        screen.query_one("#f-sni").focus()
        await typed(app, "a.test")
        same(protocol="tls", sni="a.test")
        screen.query_one("#f-ip").focus()
        await typed(app, "198.51.100.10")
        same(protocol="tls", sni="a.test", ip="198.51.100.10")
        await app.press("escape", "p")
        assert not screen.query_one("#f-sni").display
        screen.query_one("#f-path").focus()
        await typed(app, "/x")
        same(protocol="http", ip="198.51.100.10", path="/x")

    drive(script, snapshot=CLASH)


def test_what_is_half_typed_is_said_and_never_an_error(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        screen = await opened(app, app.keys("pods")[0], "github.com", 443)
        await app.press("i", "ctrl+u")
        for text in ("git", "hub.com", ":", "4", "43"):
            await typed(app, text)
        assert screen.trace is not None
        assert screen.form.to == "github.com:443"
        screen.query_one("#f-ip").focus()
        await typed(app, "300.1")
        assert "no IP address" in app.text()
        await app.press("escape", "escape")
        assert isinstance(app.app.screen, MainScreen)

    drive(script, snapshot=CLASH)


def test_a_whole_url_is_taken(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        screen = await opened(app, app.keys("pods")[0], "", None)
        await typed(app, "https://user:secret@github.com/x")
        assert screen.trace is not None
        assert screen.trace.destination.protocol == "tls"
        assert screen.trace.destination.host == "github.com"
        assert "secret" not in app.text().replace("user:secret@", "")

    drive(script, snapshot=CLASH)


def test_moving_among_the_steps_shows_the_evidence_of_each(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        screen = await opened(app, app.keys("pods")[0], "github.com", 443)
        seen = set()
        await app.press("g")
        for _ in range(8):
            await app.press("j")
            piece = screen.query_one("#path").steps[screen.query_one("#path").cursor].evidence  # type: ignore[attr-defined]
            if piece is not None:
                rows = screen.query_one("#evidence").rows.folding.rows  # type: ignore[attr-defined]
                assert any(piece.document in row.text for row in rows)
                assert any(row.is_marked for row in rows) or not piece.value
                seen.add(piece.document)
        assert len(seen) >= 2
        await app.press("y")
        assert isinstance(app.app.screen, DocumentScreen)
        await app.press("slash", *"cluster", "enter", "n")
        assert "cluster" in app.text()
        await app.press("escape")
        assert screen_of(app) is screen

    drive(script, snapshot=CLASH)


def test_a_sidecar_is_opened_once_and_asked_often() -> None:
    diagnosis_session = DiagnosisSession(Source(snapshot=CLASH), lambda event: None)
    diagnosis_session.refresh_now()
    pod = next(iter(diagnosis_session.using(lambda case: case.mesh.pods)))
    for port in range(400, 450):
        diagnosis_session.trace(pod, "github.com", port)
    first = dict(diagnosis_session._opened)
    assert list(first) == [pod]
    diagnosis_session.trace(pod, "github.com", 443)
    assert diagnosis_session._opened[pod] is first[pod]
    diagnosis_session.refresh_now()
    diagnosis_session.trace(pod, "github.com", 443)
    assert diagnosis_session._opened[pod] is not first[pod], "newer evidence is opened anew"


def test_wrapped_lines_of_the_verdict_keep_their_indent(drive: Drive) -> None:
    def below_do(app: Driven) -> str:
        lines = app.text().splitlines()
        return lines[next(at for at, line in enumerate(lines) if line.startswith("   do ")) + 1]

    async def script(app: Driven) -> None:
        await app.press("3", "j", "t")
        assert below_do(app).startswith(" " * 15)
        await app.pilot.resize_terminal(70, 30)
        await app.settled()
        assert below_do(app).startswith(" " * 15)

    drive(script, snapshot="mysql-blocked", size=(80, 24))


@pytest.mark.parametrize("size", [(80, 24), (160, 50), (40, 12), (20, 5)])
def test_any_size_can_be_lived_with(drive: Drive, size: tuple[int, int]) -> None:
    async def script(app: Driven) -> None:
        screen = await opened(app, app.keys("pods")[0], "github.com", 443)
        await app.press("j", "k", "G", "g")
        await app.pilot.resize_terminal(120, 30)
        await app.pilot.resize_terminal(*size)
        await app.press("i", "x", "escape")
        assert app.app.screen is screen

    drive(script, snapshot=CLASH, size=size)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared captures here")
def test_every_shared_capture_can_be_traced(drive: Drive) -> None:
    folders = sorted(path for path in SHARED.iterdir() if path.is_dir())[::6]
    assert folders
    for folder in folders:

        async def script(app: Driven) -> None:
            mesh_state = app.app.session.mesh_state
            pod = next(key for key, row in mesh_state.pods.items() if row.verdicts)
            pair, verdict = next(iter(mesh_state.pods[pod].verdicts.items()))
            screen = await opened(app, pod, *pair)
            assert screen.trace is not None
            assert screen.trace.verdict == verdict[0]

        drive(script, source=lambda folder=folder: Source(path=folder))
