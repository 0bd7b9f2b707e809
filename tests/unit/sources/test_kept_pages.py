"""Pages of Envoy with marks: the same page in every layout, whole or cut, and nothing lost but texts."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor import bundled
from meshdoctor.sources.kept.envoy_fields import ENVOY
from meshdoctor.sources.kept.fields import Kept, TextOf
from meshdoctor.sources.kept.json_texts import field_of
from meshdoctor.sources.kept.pages import KeptPages, _taken_apart
from meshdoctor.sources.kept.texts import kept_value
from meshdoctor.sources.read_source import read_capture
from meshdoctor.text.marks import is_mark

PAGES = [
    (f"{name} {path}", document.read())
    for name in bundled.snapshot_names()
    for path, document in read_capture(bundled.snapshots_dir() / name).documents.items()
    if path.endswith(".json") and path.startswith("proxies/")
]


def page(content: bytes) -> bytes:
    return KeptPages().page(content, Counter())


def plainly(value: Any, kept: Kept) -> Any:
    """The same by the definition: decoded, and each text replaced by the rule of its field."""
    if isinstance(value, str):
        return kept_value(value, kept.text)
    if isinstance(value, list):
        return [plainly(one, kept) for one in value]
    if isinstance(value, dict):
        return {key: plainly(one, field_of(kept, key)) for key, one in value.items()}
    return value


@pytest.mark.parametrize("content", [pytest.param(data, id=name) for name, data in PAGES])
def test_a_page_is_what_its_definition_says_in_every_layout(content: bytes) -> None:
    value = json.loads(content)
    expected = plainly(value, ENVOY)
    assert json.loads(page(content)) == expected
    for layout in (json.dumps(value), json.dumps(value, separators=(",", ":")), json.dumps(value, indent=4)):
        assert json.loads(page(layout.encode())) == expected
    assert page(page(content)) == page(content)


@pytest.mark.parametrize("content", [pytest.param(data, id=name) for name, data in PAGES[::7]])
def test_a_page_that_was_cut_has_the_marks_of_the_whole_one(content: bytes) -> None:
    whole = _taken_apart(content, ENVOY)[0] or content
    for share in (0.2, 0.5, 0.77, 0.99):
        cut = page(content[: int(len(content) * share)])
        with pytest.raises(json.JSONDecodeError):
            json.loads(cut)
        same = next((at for at, pair in enumerate(zip(cut, whole, strict=False)) if pair[0] != pair[1]), len(cut))
        assert len(cut) - same < 120


TEXTS = st.text(max_size=12) | st.sampled_from(
    ['a"b', 'a": "b', "\\", '\\"', "x\\n", '"', '", "', "[redacted by meshdoctor]", "é€😀", "5s", "true", "\x00"]
)
KEYS = st.sampled_from(["name", "configs", "listener", "value", "cluster", "match", "prefix", "@type", 'a"b', "é"])
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner, max_size=4),
    max_leaves=25,
)


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_any_json_is_what_its_definition_says(value: Any, indent: int | None, is_ascii: bool) -> None:
    kept = KeptPages()
    for _ in range(2):  # the second time from memory
        made = kept.page(json.dumps(value, indent=indent, ensure_ascii=is_ascii).encode(), Counter())
        assert json.loads(made) == plainly(value, ENVOY)


@given(st.lists(VALUES, min_size=2, max_size=5))
def test_what_is_remembered_of_one_page_is_right_for_the_next(values: list[Any]) -> None:
    kept = KeptPages()
    for value in values:
        dump = {"configs": [{"@type": "x", "dynamic_listeners": [{"name": "a", "active_state": {"listener": value}}]}]}
        made = kept.page(json.dumps(dump, indent=1).encode(), Counter())
        assert json.loads(made) == plainly(dump, ENVOY)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ ab1', max_size=60).map(str.encode))
def test_text_of_any_kind_is_taken(content: bytes) -> None:
    page(content)


def test_a_key_that_is_there_twice_hides_nothing_and_stays_twice() -> None:
    content = b'{"configs": [{"@type": "x", "secret": "planted-1", "secret": "planted-2", "name": "a"}]}'
    made = page(content)
    assert b"planted" not in made
    assert made.count(b'"secret"') == 2


def test_what_was_replaced_is_counted_by_field() -> None:
    found: Counter[str] = Counter()
    KeptPages().page(b'{"configs": [{"@type": "x", "version_info": "1", "a": "one", "b": ["two", "three"]}]}', found)
    assert found == {"a": 1, "b": 2}


def test_equal_texts_have_equal_marks_and_others_differ() -> None:
    made = json.loads(page(b'{"a": "one two", "b": "one two", "c": "two one"}'))
    assert is_mark(made["a"])
    assert made["a"] == made["b"] != made["c"]


def test_a_field_in_camel_case_is_the_same_field() -> None:
    value = msgspec.json.decode(
        page(b'[{"name": "a", "filterChains": [{"filterChainMatch": {"serverNames": ["h"]}}]}]')
    )
    assert value[0]["filterChains"][0]["filterChainMatch"]["serverNames"] == ["h"]
    assert kept_value("secret words", TextOf.NOTHING) != "secret words"
