"""Keys that one JSON object gives twice."""

from __future__ import annotations

import msgspec
import pytest

from meshdoctor.text.duplicate_keys import duplicate_keys, duplicates_in


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('{"a": 1, "a": 2}', ("a",)),
        ('{"a": 1, "a": 1}', ()),
        ('{"a": {"b": [1], "c": 2, "b": []}, "d": [{"e": 1, "e": null}]}', ("b", "e")),
        ('{"configs": [1], "configs": []}', ("configs",)),
        ('{"a": "\\"b\\": \\u0022", "b": 1}', ()),
        ('[{"a": 1}, {"a": 2}]', ()),
    ],
)
def test_they_are_named_where_their_values_differ(text: str, keys: tuple[str, ...]) -> None:
    assert duplicate_keys(text.encode(), msgspec.json.decode(text)) == keys
    assert duplicates_in(text.encode()) == keys


def test_what_is_no_json_has_none() -> None:
    assert duplicates_in(b'{"a": 1, "a"') == ()
