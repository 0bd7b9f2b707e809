"""JSON outputs against the schemas that ship: valid, and no key that the schema does not describe."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from meshdoctor.model.trace import PROTOCOLS, VERDICTS
from meshdoctor.report import json_v1
from tests.golden.outputs import OUTPUTS, made
from tests.golden.results import RULE

SCHEMAS = {
    command: json.loads((files("meshdoctor") / "schemas" / f"{command}-v1.json").read_text("utf-8"))
    for command in ("check", "trace", "hosts", "rules")
}


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


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name.endswith(".json")])
def test_output_is_valid_and_wholly_described(name: str) -> None:
    command = name.partition("-")[0].partition(".")[0]
    output = json.loads(made(name))
    Draft202012Validator(SCHEMAS[command]).validate(output)
    Draft202012Validator(closed(SCHEMAS[command])).validate(output)


def test_rules_output_is_valid_and_wholly_described() -> None:
    output = json.loads(json_v1.rules([RULE]))
    Draft202012Validator(closed(SCHEMAS["rules"])).validate(output)
    assert output["rules"][0]["id"] == RULE.id


def test_words_are_those_of_the_model() -> None:
    trace = SCHEMAS["trace"]
    assert tuple(trace["$defs"]["verdict"]["enum"]) == VERDICTS
    assert tuple(trace["properties"]["destination"]["properties"]["protocol"]["enum"]) == PROTOCOLS
