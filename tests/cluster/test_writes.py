"""Single writes: whom they may overwrite, what a dry run leaves behind, and what is never tried twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.kube.session import Refused, Session
from meshdoctor.kube.writes import Conflict, FieldConflict, Writer, WriteTarget, target_of
from tests.cluster.apiserver import FakeApi, status
from tests.cluster.store import find, put

API = "networking.istio.io/v1"
NEW = {
    "apiVersion": API,
    "kind": "ServiceEntry",
    "metadata": {"name": "new", "namespace": "bookinfo"},
    "spec": {"hosts": ["new.test"], "exportTo": ["."]},
}


@pytest.fixture
def writer(connected: Session) -> Writer:
    return Writer(connected)


def target(name: str = "github") -> WriteTarget:
    return target_of(API, "ServiceEntry", "bookinfo", name)


def stored(api: FakeApi, name: str = "github") -> dict[str, Any]:
    found = find(api, "serviceentries", "bookinfo", name)
    assert found is not None
    return found


def identity(api: FakeApi) -> tuple[str, str]:
    metadata = stored(api)["metadata"]
    return metadata["uid"], metadata["resourceVersion"]


def delete(writer: Writer, seen: tuple[str, str], *, dry_run: bool = False) -> None:
    writer.delete(target(), uid=seen[0], version=seen[1], dry_run=dry_run)


def everything(api: FakeApi) -> str:
    return json.dumps(api.objects)


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [("v1", "Secret"), ("apps/v1", "Deployment"), ("v1", "ServiceEntry"), ("networking.istio.io", "ServiceEntry")],
)
def test_other_kinds_are_never_written(api_version: str, kind: str) -> None:
    with pytest.raises(Unreadable, match="meshdoctor does not change objects of kind"):
        target_of(api_version, kind, "bookinfo", "x")


def test_what_is_not_there_is_none(api: FakeApi, writer: Writer) -> None:
    assert writer.read(target("nobody")) is None
    assert (writer.read(target()) or {})["spec"] == stored(api)["spec"]
    api.forbidden = lambda asked: asked.verb == "get"
    with pytest.raises(Refused, match="forbidden"):
        writer.read(target())


def test_a_dry_run_leaves_no_trace(api: FakeApi, writer: Writer) -> None:
    before = everything(api)
    assert writer.apply(target("new"), NEW, dry_run=True)["spec"] == NEW["spec"]
    writer.edit(target(), {"spec": {"exportTo": ["."]}}, version=identity(api)[1], dry_run=True)
    delete(writer, identity(api), dry_run=True)
    assert everything(api) == before


def test_an_apply_makes_an_object_and_a_second_one_gives_up_what_it_leaves_out(api: FakeApi, writer: Writer) -> None:
    writer.apply(target("new"), NEW)
    assert stored(api, "new")["metadata"]["managedFields"][0]["manager"] == "meshdoctor"
    writer.apply(target("new"), {**NEW, "spec": {"hosts": ["new.test"]}})
    assert stored(api, "new")["spec"] == {"hosts": ["new.test"]}


def test_an_apply_of_anothers_field_names_field_and_manager(api: FakeApi, writer: Writer) -> None:
    own: dict[str, Any] = {"f:spec": {"f:hosts": {}}}
    stored(api)["metadata"]["managedFields"] = [{"manager": "te\x1bam", "operation": "Apply", "fieldsV1": own}]
    body = {**NEW, "metadata": {"name": "github", "namespace": "bookinfo"}}
    before = everything(api)
    with pytest.raises(Conflict) as caught:
        writer.apply(target(), body)
    assert caught.value.fields == (FieldConflict("te\\x1bam", ".spec.hosts"),)
    assert everything(api) == before
    assert {tuple(asked.query) for asked in api.asked if asked.verb == "patch"} == {("fieldManager", "fieldValidation")}


def test_whoever_wrote_in_between_is_not_overwritten(api: FakeApi, writer: Writer) -> None:
    seen = identity(api)
    body = stored(api)
    put(api, "serviceentries", body, {**body, "spec": {**body["spec"], "exportTo": ["*"]}})
    before = everything(api)
    for write in (
        lambda: writer.edit(target(), {"spec": {"exportTo": ["."]}}, version=seen[1]),
        lambda: delete(writer, seen),
    ):
        with pytest.raises(Conflict, match="the object was changed since it was read") as caught:
            write()
        assert caught.value.fields == ()
    assert everything(api) == before


def test_an_object_of_the_same_name_made_anew_is_not_deleted(api: FakeApi, writer: Writer) -> None:
    seen = identity(api)
    body = stored(api)
    put(api, "serviceentries", body, {**body, "metadata": {"name": "github", "namespace": "bookinfo", "uid": "other"}})
    with pytest.raises(Conflict):
        delete(writer, (seen[0], identity(api)[1]))
    delete(writer, identity(api))
    assert find(api, "serviceentries", "bookinfo", "github") is None


@pytest.mark.parametrize("verb", ["patch", "delete"])
def test_the_authoriser_is_asked_and_believed(api: FakeApi, writer: Writer, verb: str) -> None:
    assert writer.may(verb, target()).allowed
    api.forbidden = lambda asked: asked.verb == verb and asked.namespace == "bookinfo"
    right = writer.may(verb, target())
    assert (right.allowed, "\x1b" in right.because) == (False, False)
    assert f"may not {verb}" in right.because
    assert writer.may(verb, target_of(API, "ServiceEntry", "elsewhere", "x")).allowed


@pytest.mark.parametrize(("code", "raised"), [(503, Refused), (429, Refused), (500, Refused), (0, Unreadable)])
def test_a_write_is_never_tried_twice(api: FakeApi, writer: Writer, code: int, raised: type[Exception]) -> None:
    answer = status(code, "busy") if code else (0, b"")
    api.faults.append(lambda asked: answer if asked.verb == "patch" else None)
    with pytest.raises(raised):
        writer.apply(target("new"), NEW)
    assert [asked.verb for asked in api.asked] == ["patch"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_named(api: FakeApi, writer: Writer, body: bytes) -> None:
    api.faults.append(lambda asked: (200, body))
    with pytest.raises(Unreadable, match="not that of an API server"):
        writer.read(target())


def test_a_kind_is_written_in_the_version_that_is_served(api: FakeApi, writer: Writer) -> None:
    assert writer.target(API, "ServiceEntry", "bookinfo", "x").version == "v1"
    api.groups["networking.istio.io"] = ["v1beta1"]
    assert Writer(writer.session).target(API, "ServiceEntry", "bookinfo", "x").version == "v1beta1"
    del api.objects["serviceentries"]
    with pytest.raises(Unreadable, match="not installed"):
        Writer(writer.session).target(API, "ServiceEntry", "bookinfo", "x")
