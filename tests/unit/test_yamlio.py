"""yamlio: what the API server would read, stable output, lines, and documents that mean harm."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml.scanner import ScannerError

from meshdoctor.errors import Unreadable
from meshdoctor.yamlio import Lines, dump, line_of, load_documents, reading
from meshdoctor.yamlio.parser_events import events_of
from meshdoctor.yamlio.reading import ALIAS_ALLOWANCE, MAX_DEPTH

SERVICE_ENTRY = b"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: mysql-external
  creationTimestamp: 2026-11-21T09:48:47Z
spec:
  hosts: [db.example.com]
  ports:
  - number: 3306
    name: tcp
  resolution: NONE
"""


def load(text: str) -> Any:
    (value,) = load_documents(text.encode(), "f.yaml")
    return value


def refusal(text: str | bytes, where: str = "f.yaml") -> str:
    with pytest.raises(Unreadable) as caught:
        load_documents(text.encode() if isinstance(text, str) else text, where)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("12", 12),
        ("-0x1F", -31),
        ("0755", 493),
        ("0o17", 15),
        ("1_000", 1000),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("22:22", "22:22"),
        ("2026-11-21", "2026-11-21"),
        ("2026-11-21T09:48:47Z", "2026-11-21T09:48:47Z"),
        ("1.2.3", "1.2.3"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("y", True),
        ("N", False),
        ("1_0.5", 10.5),
        ("0x_", "0x_"),
        ("'12'", "12"),
        ('"yes"', "yes"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("no-op", "no-op"),
    ],
)
def test_plain_scalars_are_those_of_the_api_server(text: str, value: Any) -> None:
    assert load(text) == value
    assert type(load(text)) is type(value)


def test_keys_are_always_text() -> None:
    assert load("8080: a\non: b\n1.5: c\nnull: d") == {"8080": "a", "on": "b", "1.5": "c", "null": "d"}


def test_several_documents_without_the_empty_ones() -> None:
    assert load_documents(b"---\n---\na: 1\n---\n# nothing\n---\nb: 2\n", "f") == [{"a": 1}, {"b": 2}]
    assert load_documents(b"", "f") == []


def test_json_takes_the_fast_road_with_the_same_result() -> None:
    assert load_documents(b'\xef\xbb\xbf {"a": [1, 2.5, null, "x"]}', "f.json") == [{"a": [1, 2.5, None, "x"]}]


def test_flow_style_and_json_streams_are_yaml() -> None:
    assert load("{a: 1, b: [x]}") == {"a": 1, "b": ["x"]}
    assert load_documents(b'{"a": 1}\n---\n{"b": 2}\n', "f.yaml") == [{"a": 1}, {"b": 2}]


def test_anchors_and_merge_keys() -> None:
    text = "base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\nlist: [*base, *base]\nquoted: {'<<': 1}"
    assert load(text) == {
        "base": {"a": 1, "b": 2},
        "mine": {"a": 1, "b": 3},
        "list": [{"a": 1, "b": 2}, {"a": 1, "b": 2}],
        "quoted": {"<<": 1},
    }


def test_the_first_of_several_merged_mappings_wins() -> None:
    assert load("- &x {a: 1}\n- &y {a: 2, b: 2}\n- <<: [*x, *y]")[2] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is given twice"),
        ("a:\n  b: 1\n\tc: 2\n", 3, "a tab is used where YAML needs spaces"),
        ("a: [1, 2\nb: 3", 2, "not YAML"),
        ("a: *nowhere", 1, "before its anchor"),
        ("a: &a [*a]", 1, "inside it"),
        ('a: 1\nb: !!python/object/apply:os.system ["true"]', 2, "not plain data"),
        ("a: !ObjectRef x", 1, "not plain data"),
        ("? [a]\n: 1", 1, "a key must be plain text"),
        ("- &n [1]\n- *n : 1", 2, "a key must be plain text"),
        ("<<: 1", 1, "merges mappings only"),
        ("a: 1\nb: \x1b[31m", 2, "not YAML"),
        ("[" * (MAX_DEPTH + 1), 1, "levels deep"),
        ("- " * (MAX_DEPTH + 1) + "x", 1, "levels deep"),
    ],
)
def test_a_refusal_names_the_line_and_the_reason(text: str, line: int, words: str) -> None:
    message = refusal(text)
    assert message.startswith(f"f.yaml:{line}: ")
    assert words in message


def test_bytes_that_are_no_text() -> None:
    assert refusal(b"a: 1\nb: \xff\xfe").startswith("f.yaml:2: not YAML")


def test_an_alias_bomb_is_refused_before_it_unfolds() -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert "aliases expand" in refusal("\n".join(layers))


def test_honest_aliases_are_within_the_bound() -> None:
    entry = "- &e {a: 1}\n"
    aliases = ALIAS_ALLOWANCE // 20
    assert len(load(entry + "- *e\n" * aliases)) == aliases + 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_depth_that_overruns_the_c_stack_elsewhere_is_only_refused(opening: str) -> None:
    refused = f"nested more than {MAX_DEPTH} levels deep; no Kubernetes object is."
    assert refusal("a: 1\nb:\n " + opening * 100_000) == f"f.yaml:3: {refused}"


def test_depth_of_json_is_only_refused() -> None:
    assert "nested too deep" in refusal(b'{"a":' * 1_000_000, "f.json")


@pytest.mark.parametrize("levels", [0, 100])
@pytest.mark.parametrize("said", ["exceeded maximum nesting depth", "Maximum nesting level reached, set with ..."])
def test_a_limit_of_the_parsers_own_is_told_as_ours(monkeypatch: pytest.MonkeyPatch, said: str, levels: int) -> None:
    """libyaml's limit is no version's promise: its releases differ, and scanners run ahead of what they hand out."""

    def limited(data: bytes) -> Iterator[Any]:
        yield from islice(events_of(data), 2 + levels)
        mark = yaml.Mark("f.yaml", 0, 6, 0, None, 0)
        raise ScannerError("while increasing flow level", mark, said, mark)

    monkeypatch.setattr(reading, "events_of", limited)
    message = refusal("\n" * 6 + "a: " + "[" * 150 + "]" * 150)
    assert message == f"f.yaml:7: nested more than {MAX_DEPTH} levels deep; no Kubernetes object is."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1,\n "b": ', "f.json:2: the JSON ends too early"),
        (b'{"a": 1,\n b: 2}', "f.json:2: not JSON"),
        (b"[1, 2] x", "f.json:1: not JSON"),
    ],
)
def test_broken_json_names_the_line(text: bytes, message: str) -> None:
    assert refusal(text, "f.json").startswith(message)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("$", 1),
        ("$.kind", 2),
        ("$.metadata", 3),
        ("$.metadata.name", 4),
        ("$['metadata'][\"name\"]", 4),
        ("$.spec.hosts[0]", 7),
        ("$.spec.ports", 8),
        ("$.spec.ports[0]", 9),
        ("$.spec.ports[0].name", 10),
        ("$.spec.resolution", 11),
        ("$.spec.ports[1]", None),
        ("$.spec.nothing", None),
        ("$.kind.deeper", None),
        ("$[0].kind", None),
        ("spec", None),
        ("$.spec.ports[*]", None),
    ],
)
def test_line_of_a_path(path: str, line: int | None) -> None:
    assert line_of(SERVICE_ENTRY, path) == line


def test_line_of_counts_documents_as_load_does() -> None:
    text = b"---\n---\na: 1\n---\n- x\n- b.c: 2\n"
    assert line_of(text, "$[0].a") == 3
    assert line_of(text, "$.a") == 3
    assert line_of(text, "$[1][1]['b.c']") == 6
    assert line_of(text, "$[2]") is None
    assert line_of(b"- a\n- b\n", "$[1]") == 2


def test_line_of_stops_at_an_alias_and_at_broken_text() -> None:
    assert line_of(b"a: &a {b: 1}\nc: *a\n", "$.c.b") == 2
    assert line_of(b"a: [1\nb: 2", "$.b") is None


def test_lines_answer_many_questions_of_one_reading() -> None:
    lines = Lines(SERVICE_ENTRY)
    assert [lines.of(path) for path in ("$.spec", "$.kind", "$.spec.ports[0].name", "$.nothing")] == [6, 2, 10, None]


def test_lines_before_the_break_are_known() -> None:
    assert line_of(b"a: 1\nb: 2\n---\n- [", "$.b") == 2


def test_every_depth_that_is_read_has_its_lines() -> None:
    text = b"[\n" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert load_documents(text, "f.yaml")
    assert line_of(text, "$" + "[0]" * (MAX_DEPTH - 1)) == MAX_DEPTH


def test_lines_of_what_is_deeper_end_with_the_parser() -> None:
    """Where it stops is its own matter; that nothing breaks is ours."""
    depth = 5_000
    assert line_of(b"a: 1\n---\n" + b"[" * depth + b"]" * depth, "$.a") == 1
    assert line_of(b"[" * depth + b"]" * depth, "$[0]") in (1, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_dumped_is_read_back(value: Any) -> None:
    assert load_documents(dump(value).encode(), "f") == [value]


@given(st.sampled_from(["y", "NO", "1e3", "0x1f", "08", "12", ".inf", "~", "", "22:22", "<<", "=", "2026-01-01"]))
def test_text_that_looks_like_something_else_stays_text(text: str) -> None:
    assert load_documents(dump({text: text}).encode(), "f") == [{text: text}]


def test_dump_is_stable_and_made_for_reading() -> None:
    shared = ["x"]
    value = {
        "b": "two\nlines\n",
        "a": [{"name": "web", "port": 1}],
        "same": shared,
        "again": shared,
        "long": "w " * 100,
    }
    assert dump(value) == (
        "b: |\n  two\n  lines\na:\n- name: web\n  port: 1\nsame:\n- x\nagain:\n- x\nlong: '" + "w " * 100 + "'\n"
    )


def test_escape_sequences_are_written_as_escapes() -> None:
    assert "\x1b" not in dump({"a": "\x1b[31m", "b": "x\n\x1b[0m"})


def test_a_key_like_merge_survives_a_round_trip() -> None:
    assert load_documents(dump({"<<": {"a": 1}}).encode(), "f") == [{"<<": {"a": 1}}]
