"""JSON outputs against the schemas that ship: valid, and no key that the schema does not describe."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from meshdoctor.model.fix import FixState
from meshdoctor.model.trace import PROTOCOLS
from meshdoctor.model.verdict import Verdict
from meshdoctor.report import json_v1
from tests.golden.outputs import OUTPUTS, made
from tests.golden.results import RULE

SCHEMAS = {
    entry.name.removesuffix("-v1.json"): json.loads(entry.read_text("utf-8"))
    for entry in (files("meshdoctor") / "schemas").iterdir()
}
JSON = [name for name in OUTPUTS if name.endswith(".json")]


def closed(schema: Any) -> Any:
    """The schema with every object closed, so that a key nobody described is refused."""
    if isinstance(schema, dict):
        return {key: False if key == "additionalProperties" else closed(value) for key, value in schema.items()}
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every part of a schema that describes an object."""
    if isinstance(schema, list):
        return [found for item in schema for found in objects(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" and "properties" in schema else []
    return own + [found for value in schema.values() for found in objects(value)]


@pytest.mark.parametrize("command", SCHEMAS)
def test_schema_is_a_schema_and_open_for_additions(command: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[command])
    assert all(part["additionalProperties"] is True for part in objects(SCHEMAS[command]))


@pytest.mark.parametrize("name", JSON)
def test_output_is_valid_and_wholly_described(name: str) -> None:
    output = json.loads(made(name))
    command = output.get("document") or name.partition("-")[0].partition(".")[0]
    Draft202012Validator(SCHEMAS[command]).validate(output)
    Draft202012Validator(closed(SCHEMAS[command])).validate(output)


def test_rules_output_is_valid_and_wholly_described() -> None:
    output = json.loads(json_v1.rules([RULE]))
    Draft202012Validator(closed(SCHEMAS["rules"])).validate(output)
    assert output["rules"][0]["id"] == RULE.id


def test_every_document_of_fix_has_an_output_and_says_what_it_is() -> None:
    documents = {json.loads(made(name)).get("document") for name in JSON} - {None}
    assert documents == {name for name in SCHEMAS if name.startswith("fix-")}
    assert all(SCHEMAS[name]["properties"]["document"]["const"] == name for name in documents)


def test_parts_that_recur_are_described_alike() -> None:
    described: dict[str, Any] = {}
    for schema in SCHEMAS.values():
        for name, part in schema.get("$defs", {}).items():
            assert described.setdefault(name, part) == part, name


def test_words_are_those_of_the_model() -> None:
    states = SCHEMAS["fix-history"]["$defs"]["applied_fix"]["properties"]["state"]["enum"]
    assert tuple(states) == get_args(FixState)
    trace = SCHEMAS["trace"]
    assert tuple(trace["$defs"]["verdict"]["enum"]) == tuple(Verdict)
    assert tuple(trace["properties"]["destination"]["properties"]["protocol"]["enum"]) == PROTOCOLS
