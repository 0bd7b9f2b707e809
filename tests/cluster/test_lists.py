"""Objects in pages, kinds that are not there, and what a server says when it will not."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.kube import retries
from meshdoctor.kube.deadline import Deadline, TimedOut
from meshdoctor.kube.list_objects import PAGE, Kind, Lister, NotInstalled
from meshdoctor.kube.read_kinds import CONFIG_MAPS, PODS
from meshdoctor.kube.session import Refused, Session, Unreachable
from tests.cluster.apiserver import GZIP_FROM, Answer, Asked, FakeApi, status
from tests.cluster.conftest import soon

ENTRIES = Kind("networking.istio.io", "serviceentries")


def many(count: int) -> list[dict[str, Any]]:
    return [{"kind": "Pod", "metadata": {"name": f"p{n}", "namespace": f"n{n % 2}"}} for n in range(count)]


def names(found: list[dict[str, Any]]) -> list[str]:
    return [item["metadata"]["name"] for item in found]


def test_pages_are_joined(api: FakeApi, connected: Session) -> None:
    api.objects["pods"] = many(25)
    api.page_size = 10
    listed = Lister(connected).list(PODS, soon())
    assert (listed.kind, listed.api_version) == ("Pod", "v1")
    assert names(listed.items) == [f"p{n}" for n in range(25)]
    assert [asked.query.get("continue") for asked in api.asked] == [None, ["10"], ["20"]]


def test_a_namespace_and_a_selector_go_with_every_page(api: FakeApi, connected: Session) -> None:
    api.objects["pods"] = [*many(9), *many(3)]
    for pod in api.objects["pods"][:9]:
        pod["metadata"]["labels"] = {"app": "web"}
    api.page_size = 2
    listed = Lister(connected).list(PODS, soon(), namespace="n1", labels="app=web")
    assert names(listed.items) == ["p1", "p3", "p5", "p7"]
    assert len(api.asked) == 2


def test_a_list_that_expired_between_two_pages_is_asked_for_whole(api: FakeApi, connected: Session) -> None:
    api.objects["pods"] = many(25)
    api.page_size = 10
    expired = [status(410, "The provided continue parameter is too old", "Expired")]
    api.faults.append(lambda asked: expired.pop() if asked.query.get("continue") == ["20"] else None)
    listed = Lister(connected).list(PODS, soon())
    assert names(listed.items) == [f"p{n}" for n in range(25)]
    assert "limit" not in api.asked[-1].query


def test_lists_come_from_the_servers_cache_unless_they_must_be_fresh(api: FakeApi, connected: Session) -> None:
    api.objects["pods"] = many(25)
    api.cached = {"pods": many(24)}
    assert len(Lister(connected).list(PODS, soon()).items) == 24
    assert len(Lister(connected, is_fresh=True).list(PODS, soon()).items) == 25


def test_only_the_first_page_is_of_any_version(api: FakeApi, connected: Session) -> None:
    api.objects["pods"] = many(25)
    api.page_size = 10
    assert len(Lister(connected).list(PODS, soon()).items) == 25
    assert [asked.query.get("resourceVersion") for asked in api.asked] == [["0"], None, None]


def test_large_lists_come_compressed(api: FakeApi, connected: Session) -> None:
    api.objects["pods"] = many(5000)
    assert names(Lister(connected).list(PODS, soon()).items) == [f"p{n}" for n in range(5000)]
    assert len(json.dumps(api.objects["pods"][:PAGE])) < GZIP_FROM
    assert api.zipped == 0
    for pod in api.objects["pods"]:
        pod["metadata"]["annotations"] = {"note": "x" * 500}
    Lister(connected).list(PODS, soon())
    assert api.zipped == 10


def test_an_answer_whose_compression_is_damaged_is_no_list(
    api: FakeApi, connected: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.objects["pods"] = many(500)
    for pod in api.objects["pods"]:
        pod["metadata"]["annotations"] = {"note": "x" * 500}
    monkeypatch.setattr(gzip, "compress", lambda body, level: zlib.compress(body)[:50])
    with pytest.raises(Unreadable):
        Lister(connected).list(PODS, soon())


@pytest.mark.parametrize("code", [429, 503])
def test_a_server_that_says_when_to_come_back_is_asked_then(
    api: FakeApi, connected: Session, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    paused: list[float] = []

    def pause(self: Deadline, seconds: float) -> bool:
        paused.append(seconds)
        return seconds < self.remaining

    monkeypatch.setattr(Deadline, "pause", pause)
    api.objects["pods"] = many(2)
    api.error_headers = {"Retry-After": "7"}
    # More often than a server is asked that does not say when.
    trouble = [status(code, "too many requests")] * (len(retries.PAUSES) + 3)
    api.faults.append(lambda asked: trouble.pop() if trouble else None)
    assert names(Lister(connected).list(PODS, soon()).items) == ["p0", "p1"]
    assert paused == [7.0] * (len(retries.PAUSES) + 3)


def test_a_server_that_wants_more_time_than_there_is_is_not_waited_for(api: FakeApi, connected: Session) -> None:
    api.error_headers = {"Retry-After": "3600"}
    api.faults.append(lambda asked: status(429, "too many requests"))
    with pytest.raises(Refused, match="answered 429: too many requests") as refused:
        Lister(connected).list(PODS, soon())
    assert (len(api.asked), refused.value.retry_after) == (1, 3600.0)


@pytest.mark.parametrize("said", ["", "soon", "-1", "Mon, 99 Foo"])
def test_a_time_that_cannot_be_read_is_as_good_as_none(said: str) -> None:
    assert retries.retry_after({"Retry-After": said}) is None


def test_a_time_in_the_past_is_now() -> None:
    assert retries.retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0


def test_an_empty_list_is_not_a_kind_that_is_not_there(api: FakeApi, connected: Session) -> None:
    api.objects["serviceentries"] = []
    assert Lister(connected).list(ENTRIES, soon()).items == []
    del api.objects["serviceentries"]
    with pytest.raises(NotInstalled, match=r"serviceentries\.networking\.istio\.io is not installed"):
        Lister(connected).list(ENTRIES, soon())


def test_a_group_that_is_not_there_is_asked_for_once(api: FakeApi, connected: Session) -> None:
    api.groups.clear()
    lister = Lister(connected)
    for plural in ("serviceentries", "sidecars", "gateways"):
        with pytest.raises(NotInstalled):
            lister.list(Kind("networking.istio.io", plural), soon())
    assert (api.asked, api.other_requests) == ([], ["/apis/networking.istio.io"])


def test_a_kind_that_only_an_older_version_of_its_group_has(api: FakeApi, connected: Session) -> None:
    def only_alpha(asked: Asked) -> Answer | None:
        return None if "/v1alpha3/" in asked.path else status(404, "the server could not find the requested resource")

    api.faults.append(only_alpha)
    listed = Lister(connected).list(Kind("networking.istio.io", "serviceentries"), soon())
    assert listed.api_version == "networking.istio.io/v1alpha3"
    assert listed.items


def test_where_groups_may_not_be_discovered_istios_versions_are_tried(
    api: FakeApi, connected: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cluster import apiserver

    monkeypatch.setattr(apiserver._Handler, "_discovered", lambda self, path: status(403, "no discovery for you"))
    assert Lister(connected).list(ENTRIES, soon()).api_version == "networking.istio.io/v1"


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again(api: FakeApi, connected: Session, code: int) -> None:
    api.objects["pods"] = many(2)
    trouble = [status(code, "try again"), status(code, "try again")]
    api.faults.append(lambda asked: trouble.pop() if trouble else None)
    assert names(Lister(connected).list(PODS, soon()).items) == ["p0", "p1"]


def test_a_server_that_stays_in_trouble_is_told_in_its_own_words(api: FakeApi, connected: Session) -> None:
    api.faults.append(lambda asked: status(503, "etcd \x1b[31mis down"))
    with pytest.raises(Refused, match=r"answered 503: etcd \\x1b\[31mis down") as refused:
        Lister(connected).list(PODS, soon())
    assert refused.value.status == 503
    assert len(api.asked) > 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_final(api: FakeApi, connected: Session, code: int) -> None:
    api.faults.append(lambda asked: status(code, "no"))
    with pytest.raises(Refused):
        connected.get("/api/v1/pods", deadline=soon())
    assert len(api.asked) == 1


def test_a_connection_that_drops_is_opened_again(api: FakeApi, connected: Session) -> None:
    api.objects["pods"] = many(2)
    connected.get("/api/v1/pods", deadline=soon())
    dropped: list[Answer] = [(0, b""), (0, b"")]
    api.faults.append(lambda asked: dropped.pop() if dropped else None)
    assert len(Lister(connected).list(PODS, soon()).items) == 2


def test_a_server_that_was_never_reached_is_not_waited_for(api: FakeApi, connected: Session) -> None:
    api.faults.append(lambda asked: (0, b""))
    with pytest.raises(Unreachable, match="context lab"):
        Lister(connected).list(PODS, soon())
    assert len(api.asked) == 1


def test_a_server_that_never_answers_ends_at_the_deadline(api: FakeApi, connected: Session) -> None:
    api.faults.append(api.never)
    with pytest.raises((Unreachable, TimedOut), match=r"timed out|longer than"):
        connected.get("/api/v1/pods", deadline=Deadline(0.3))


def test_a_server_that_answers_in_crumbs_ends_at_the_deadline(
    api: FakeApi, connected: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cluster import apiserver

    def drip(self: apiserver._Handler, code: int, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        with suppress(OSError):
            while not api.closing.wait(0.01):
                self.wfile.write(b" ")
        self.close_connection = True

    monkeypatch.setattr(apiserver._Handler, "_reply", drip)
    with pytest.raises((Unreachable, TimedOut), match=r"timed out|longer than"):
        connected.get("/api/v1/pods", deadline=Deadline(0.3))


def test_one_thread_at_a_time_renews_the_credentials(connected: Session) -> None:
    inside, most = 0, 0
    looked = threading.Event()

    def renew(configuration: Any) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        looked.wait(0.01)
        inside -= 1

    connected.configuration.refresh_api_key_hook = renew
    threads = [threading.Thread(target=connected.headers, args=(soon(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>proxy login</html>", b'{"items": 7}', b'["a"]', b"[" * 100_000, b"\xff\xfe"]
)
def test_an_answer_that_is_no_list_is_named(api: FakeApi, connected: Session, body: bytes) -> None:
    api.faults.append(lambda asked: (200, body))
    with pytest.raises(Unreadable, match="is not that of an API server"):
        Lister(connected).list(PODS, soon())


def test_one_object_by_name(api: FakeApi, connected: Session) -> None:
    api.objects["configmaps"] = [
        {"kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": "{}"}}
    ]
    found = Lister(connected).get(CONFIG_MAPS, "istio-system", "istio", soon())
    assert found["data"] == {"mesh": "{}"}
    with pytest.raises(Refused, match='configmaps "nobody" not found'):
        Lister(connected).get(CONFIG_MAPS, "istio-system", "nobody", soon())


def test_credentials_go_to_no_other_server(api: FakeApi, connected: Session) -> None:
    elsewhere = f"{api.address}/stolen".encode()
    api.faults.append(lambda asked: (302, elsewhere))
    with pytest.raises((Refused, Unreadable)):
        Lister(connected).list(PODS, soon())
    assert api.other_requests == []
    assert all(asked.headers["authorization"] == "Bearer sams-token" for asked in api.asked)


def refusing(body: bytes, asked: Asked) -> Answer:
    return 403, body


def test_a_refusal_without_words(api: FakeApi, connected: Session) -> None:
    for body in (b"", b"\x1b[2J" + b"x" * 5000, json.dumps({"message": 7}).encode(), b"[]"):
        api.faults[:] = [partial(refusing, body)]
        with pytest.raises(Refused) as refused:
            connected.get("/api/v1/pods", deadline=soon())
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < 600
