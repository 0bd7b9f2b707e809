"""What Envoy makes of a path before it routes: cases asked of Envoy 1.37 itself (tests/live asks again)."""

from __future__ import annotations

import pytest

from meshdoctor.semantics.envoy.request_paths import (
    first_values,
    has_escaped_slashes,
    normalized,
    with_single_slashes,
    with_unescaped_slashes,
)

NORMALIZED = {
    "/x/../admin": "/admin",
    "/%61dmin": "/admin",
    "/a/./b": "/a/b",
    "/a/.": "/a/",
    "/a/..": "/",
    "/../a": "/a",
    "/a//b": "/a//b",
    "/a%2fb": "/a%2fb",
    "/a\\b": "/a/b",
    "/%2e%2e/a": "/a",
    "/a?b=/../c": "/a?b=/../c",
    "/": "/",
}


@pytest.mark.parametrize(("path", "wanted"), NORMALIZED.items())
def test_normalized(path: str, wanted: str) -> None:
    assert normalized(path) == wanted


def test_a_path_that_cannot_be_normalised() -> None:
    assert normalized("/a%00b") == ""


def test_slashes() -> None:
    assert with_single_slashes("//a///b?c=//d") == "/a/b?c=//d"
    assert with_unescaped_slashes("/a%2Fb%5cc?d=%2f") == "/a/b\\c?d=%2f"
    assert has_escaped_slashes("/a%2fb")
    assert not has_escaped_slashes("/a?b=%2f")


def test_the_first_value_of_a_parameter_counts_as_it_is_written() -> None:
    assert first_values("/a?b=1&b=2&c=%20&d#e=f") == {"b": "1", "c": "%20", "d": ""}
    assert first_values("/a") == {}
