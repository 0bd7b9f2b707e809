"""Port-forward, exec and logs: what is read, and that every wait ends."""

from __future__ import annotations

import threading

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.kube import pod_requests
from meshdoctor.kube.deadline import Cancelled, Deadline, TimedOut
from meshdoctor.kube.pod_requests import Forward, execute, log_of
from meshdoctor.kube.session import Refused, Session, Unreachable
from meshdoctor.kube.websockets import Broken
from tests.cluster.apiserver import Asked, FakeApi, Ran, no_permission, status
from tests.cluster.conftest import soon
from tests.cluster.envoy import Envoy, Manner

POD = "shop/web"
BODY = bytes(range(256)) * 1000


def forward(session: Session, deadline: Deadline | None = None, *, port: int = 15000) -> Forward:
    return Forward(session, "shop", "web", port, deadline or soon())


@pytest.mark.parametrize("manner", [Manner.WHOLE, Manner.CHUNKED, Manner.IN_CRUMBS])
def test_an_answer_comes_whole_however_it_is_sent(api: FakeApi, connected: Session, manner: Manner) -> None:
    api.envoys[POD] = Envoy({"/a?b=c": BODY, "/d": b"", "/e": b"short"}, manner)
    with forward(connected) as opened:
        assert [bytes(opened.fetch(page)) for page in ("/a?b=c", "/d", "/e", "/a?b=c")] == [BODY, b"", b"short", BODY]
    (asked,) = api.asked
    assert (asked.resource, asked.query["ports"]) == ("pods/portforward", ["15000"])


def test_the_port_is_the_one_asked_for(api: FakeApi, connected: Session) -> None:
    api.envoys[POD] = Envoy({"/": b"x"})
    with forward(connected, port=15999) as opened:
        assert bytes(opened.fetch("/")) == b"x"
    assert api.asked[0].query["ports"] == ["15999"]


def test_a_page_that_is_not_there_does_not_end_the_forward(api: FakeApi, connected: Session) -> None:
    api.envoys[POD] = Envoy({"/there": b"yes"})
    with forward(connected) as opened:
        with pytest.raises(Unreadable, match="/missing answered 404 Not Found"):
            opened.fetch("/missing")
        assert bytes(opened.fetch("/there")) == b"yes"


@pytest.mark.parametrize("manner", [Manner.CUT, Manner.NO_HTTP, Manner.REFUSED])
def test_after_a_broken_answer_the_next_one_comes(api: FakeApi, connected: Session, manner: Manner) -> None:
    api.envoys[POD] = Envoy({"/": BODY}, manner, Manner.CHUNKED)
    with forward(connected) as opened:
        with pytest.raises(Broken):
            opened.fetch("/")
        assert bytes(opened.fetch("/")) == BODY


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        (Manner.REFUSED, "connection refused"),
        (Manner.CUT, "sound HTTP|cut short|broke"),
        (Manner.NO_HTTP, "not valid HTTP"),
    ],
)
def test_a_broken_answer(api: FakeApi, connected: Session, manner: Manner, said: str) -> None:
    api.envoys[POD] = Envoy({"/": BODY}, manner)
    with forward(connected) as opened, pytest.raises(Broken, match=said) as broken:
        opened.fetch("/")
    assert str(broken.value).isprintable()


def test_the_reason_of_an_error_page_cannot_move_the_cursor(api: FakeApi, connected: Session) -> None:
    api.envoys[POD] = Envoy({"/": b""}, Manner.UNAVAILABLE)
    with forward(connected) as opened, pytest.raises(Unreadable, match=r"/ answered 503 Service \\x1b\[2JUnavailable"):
        opened.fetch("/")


@pytest.mark.parametrize("manner", [Manner.SILENT, Manner.DRIPPING])
def test_waiting_ends_at_the_deadline(api: FakeApi, connected: Session, manner: Manner) -> None:
    api.envoys[POD] = Envoy({"/": BODY}, manner)
    with forward(connected, Deadline(0.3)) as opened, pytest.raises(TimedOut, match=r"longer than 0\.3 s"):
        opened.fetch("/")


def test_waiting_ends_when_it_is_stopped(api: FakeApi, connected: Session) -> None:
    api.envoys[POD] = Envoy({"/": BODY}, Manner.DRIPPING)
    stop = threading.Event()
    with forward(connected, Deadline(30.0, stop)) as opened:
        opened.connect()
        stop.set()
        with pytest.raises(Cancelled):
            opened.fetch("/")


def test_an_upgrade_that_never_comes_ends_at_the_deadline(api: FakeApi, connected: Session) -> None:
    api.envoys[POD] = Envoy({})
    api.faults.append(api.never)
    with forward(connected, Deadline(0.3)) as opened, pytest.raises((Unreachable, TimedOut)):
        opened.fetch("/")


def test_an_answer_beyond_the_limit(api: FakeApi, connected: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_requests, "MAX_ANSWER", 1000)
    api.envoys[POD] = Envoy({"/": BODY})
    api.run = lambda pod, command: Ran(BODY)
    with forward(connected) as opened, pytest.raises(Unreadable, match="is larger than"):
        opened.fetch("/")
    with pytest.raises(Unreadable, match="is larger than"):
        execute(connected, "shop", "web", "c", ["cat"], soon())


def test_a_forbidden_forward_says_what_lacks(api: FakeApi, connected: Session) -> None:
    api.faults.append(no_permission)
    with forward(connected) as opened, pytest.raises(Refused, match=r'forbidden: .*"pods/portforward"') as refused:
        opened.fetch("/")
    assert refused.value.status == 403


@pytest.mark.parametrize(("code", "said"), [(401, "does not accept the credentials of context lab"), (500, "kubelet")])
def test_other_refusals_of_an_upgrade(api: FakeApi, connected: Session, code: int, said: str) -> None:
    api.faults.append(lambda asked: status(code, "error dialing the kubelet"))
    with forward(connected) as opened, pytest.raises(Refused, match=said):
        opened.fetch("/")


def test_a_pod_that_is_gone(api: FakeApi, connected: Session) -> None:
    with forward(connected) as opened, pytest.raises(Refused, match='pods "web" not found') as refused:
        opened.fetch("/")
    assert refused.value.status == 404


def test_an_upgrade_follows_no_redirect(api: FakeApi, connected: Session) -> None:
    elsewhere = f"{api.address}/stolen".encode()
    api.faults.append(lambda asked: (302, elsewhere))
    with forward(connected) as opened, pytest.raises(Unreadable):
        opened.fetch("/")
    assert api.other_requests == []


def test_a_command_and_its_words(api: FakeApi, connected: Session) -> None:
    seen: list[tuple[str, list[str]]] = []

    def run(pod: str, command: list[str]) -> Ran:
        seen.append((pod, command))
        return Ran(BODY, b"warning\n")

    api.envoys[POD] = Envoy({})
    api.run = run
    command = ["echo", "a b", "", "--x=1&y=2", "\u00fc"]
    ran = execute(connected, "shop", "web", "istio-proxy", command, soon())
    assert (bytes(ran.stdout), ran.stderr, ran.failure, ran.code) == (BODY, b"warning\n", "", 0)
    assert seen == [(POD, command)]
    (asked,) = api.asked
    assert (asked.resource, asked.query["container"]) == ("pods/exec", ["istio-proxy"])
    assert "stdin" not in asked.query


def test_a_command_that_fails(api: FakeApi, connected: Session) -> None:
    api.envoys[POD] = Envoy({})
    api.run = lambda pod, command: Ran(b"some", b"cannot", 3)
    ran = execute(connected, "shop", "web", "istio-proxy", ["false"], soon())
    assert (bytes(ran.stdout), ran.stderr) == (b"some", b"cannot")
    assert "exit status 3" in ran.failure
    assert ran.code == 3


@pytest.mark.parametrize("last", [b"", b"no json", b"[]", b'{"status": 7}', b"\xff"])
def test_a_last_word_that_cannot_be_read_is_no_success(api: FakeApi, connected: Session, last: bytes) -> None:
    api.envoys[POD] = Envoy({})
    api.run = lambda pod, command: Ran(b"out", last_word=last)
    ran = execute(connected, "shop", "web", "istio-proxy", ["true"], soon())
    assert (ran.failure, ran.code) == ("the exit status of the kubelet cannot be read", None)


def test_a_command_that_could_not_be_started(api: FakeApi, connected: Session) -> None:
    api.envoys[POD] = Envoy({})
    said = b'{"status": "Failure", "message": "exec: \\"getent\\": not found\\u001b[2J", "code": 500}'
    api.run = lambda pod, command: Ran(last_word=said)
    ran = execute(connected, "shop", "web", "istio-proxy", ["getent"], soon())
    assert (ran.failure, ran.code) == ('exec: "getent": not found\\x1b[2J', None)


def test_a_command_whose_end_is_not_told(api: FakeApi, connected: Session) -> None:
    def run(pod: str, command: list[str]) -> Ran:
        raise ConnectionResetError

    api.envoys[POD] = Envoy({})
    api.run = run
    with pytest.raises(Broken):
        execute(connected, "shop", "web", "istio-proxy", ["true"], soon())


def test_a_command_that_never_ends(api: FakeApi, connected: Session) -> None:
    def run(pod: str, command: list[str]) -> Ran:
        api.closing.wait()
        return Ran()

    api.envoys[POD] = Envoy({})
    api.run = run
    with pytest.raises(TimedOut):
        execute(connected, "shop", "web", "istio-proxy", ["sleep"], Deadline(0.3))


def test_a_log(api: FakeApi, connected: Session) -> None:
    api.logs[POD] = b"line\n"
    assert log_of(connected, "shop", "web", "istio-proxy", 600, 1000, soon()) == b"line\n"
    (asked,) = api.asked
    assert (asked.resource, asked.query["sinceSeconds"]) == ("pods/log", ["600"])


def test_credentials_go_with_every_way_in(api: FakeApi, connected: Session) -> None:
    api.envoys[POD] = Envoy({"/": b"x"})

    with forward(connected) as opened:
        opened.fetch("/")
    execute(connected, "shop", "web", "istio-proxy", ["true"], soon())
    log_of(connected, "shop", "web", "istio-proxy", 600, 1000, soon())
    assert {who(asked) for asked in api.asked} == {"Bearer sams-token"}


def who(asked: Asked) -> str:
    return asked.headers["authorization"]
