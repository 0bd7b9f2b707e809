from __future__ import annotations

from typing import Any

import msgspec
import pytest

from meshdoctor.model.entry_view import EntryView, HiddenEntry
from meshdoctor.model.sheet import SHEET, Connection, Duplicate
from meshdoctor.rules.fact_paths import BadPath, fields_of, nearest, neutral, parse_path, type_at, type_name, value_at
from tests.build import fact


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("host", ("host",)),
        ("hidden[0].entry.name", ("hidden", 0, "entry", "name")),
        ("spec.ports[12].target-port", ("spec", "ports", 12, "target-port")),
        ('metadata.annotations["a.b/c"]', ("metadata", "annotations", "a.b/c")),
    ],
)
def test_paths_are_read(text: str, path: tuple[str | int, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a b", "a[-1]", "1a", 'a["b]'])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(BadPath, match="is not a path"):
        parse_path(text)


def test_types_are_followed_through_structs_lists_and_manifests() -> None:
    assert type_at(Connection, parse_path("hidden[0].entry")) is EntryView
    assert type_name(type_at(Connection, parse_path("hidden"))) == "list of HiddenEntry"
    assert type_name(type_at(Connection, parse_path("hidden[0].sidecar"))) == "manifest"
    assert type_at(Connection, parse_path("hidden[0].sidecar.spec.egress[0]")) is Any
    assert type_at(Duplicate, parse_path("shadowed.name"), through_lists=True) == tuple[str, ...]
    assert type_at(Duplicate, parse_path("shadowed.protocols"), through_lists=True) == tuple[str, ...]
    assert type_name(int | None) == "int or none"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hots", "Connection has no such field; did you mean `host`?"),
        ("hidden[0].entry.nam", "`fact.hidden[0].entry.nam` does not exist"),
        ("hidden[0][1]", "`fact.hidden[0]` is not a list"),
        ("host.x", "`fact.host` has type str"),
        ("zzzzzz", "Connection has no such field"),
    ],
)
def test_a_field_that_is_not_there_is_told(text: str, problem: str) -> None:
    with pytest.raises(BadPath) as refused:
        type_at(Connection, parse_path(text))
    assert problem in str(refused.value)


def test_values_are_found_and_what_is_not_there_is_none() -> None:
    connection = fact(Connection, hidden=[{"name": "a", "sidecar": {"spec": {"egress": [1]}}}, {"name": "b"}])
    assert value_at(connection, parse_path("hidden[0].sidecar.spec.egress[0]")) == 1
    assert value_at(connection, parse_path("hidden[2].name")) is None
    assert value_at(connection, parse_path("hidden[0].sidecar.status.x")) is None
    assert value_at(connection, parse_path("hidden.name")) == ("a", "b")
    assert value_at(connection, parse_path("host[0]")) is None


def test_only_a_close_name_is_suggested() -> None:
    assert nearest("hots", ["host", "port"]) == "; did you mean `host`?"
    assert nearest("xyzzy", ["host", "port"]) == ""


@pytest.mark.parametrize("kind", SHEET.values(), ids=SHEET.keys())
def test_an_empty_fact_of_every_type_is_one_msgspec_accepts(kind: Any) -> None:
    empty = neutral(kind)
    assert msgspec.convert(msgspec.to_builtins(empty), kind) == empty == fact(kind)
    assert set(fields_of(kind)) >= {"pod", "host", "port", "policy", "resources", "evidence"}


def test_a_builder_fills_in_every_level_and_refuses_what_is_no_field() -> None:
    connection = fact(Connection, hidden=[{"entry": {"name": "x"}}])
    assert isinstance(connection.hidden[0], HiddenEntry)
    assert (connection.hidden[0].entry.name, connection.hidden[0].entry.addresses) == ("x", ())
    for wrong in ({"hots": "x"}, {"hidden": [{"entry": {"nam": "x"}}]}, {"port": "80"}):
        with pytest.raises(msgspec.ValidationError):
            fact(Connection, **wrong)
