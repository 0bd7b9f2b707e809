from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.semantics.istio.host_names import covers, wildcards_for


@pytest.mark.parametrize(
    ("pattern", "host", "answer"),
    [
        ("db.example", "db.example", True),
        ("DB.example", "db.EXAMPLE.", True),
        ("db.example", "a.db.example", False),
        ("*.x.example", "a.x.example", True),
        ("*.x.example", "b.a.x.example", True),
        ("*.x.example", "x.example", False),
        ("*.x.example", "ax.example", False),
        ("*.x.example", "*.x.example", True),
        ("*.x.example", "*.a.x.example", True),
        ("*.a.x.example", "*.x.example", False),
        ("a.x.example", "*.x.example", False),
        ("*", "anything.example", True),
        ("*", "*.x.example", True),
        ("*.x.example", "*", False),
        ("", "", False),
        ("*", "", False),
        ("198.51.100.1", "198.51.100.1", True),
    ],
)
def test_covers(pattern: str, host: str, answer: bool) -> None:
    assert covers(pattern, host) is answer


def test_wildcards_from_the_narrowest() -> None:
    assert wildcards_for("a.b.c") == ("*.b.c", "*.c", "*")
    assert wildcards_for("*.b.c") == ("*.b.c", "*.c", "*")
    assert wildcards_for("*") == ()
    assert wildcards_for("") == ()


names = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,3}", fullmatch=True), min_size=1, max_size=4).map(".".join)


@given(names, names)
def test_the_wildcards_of_a_host_are_exactly_those_that_cover_it(host: str, other: str) -> None:
    assert all(covers(pattern, host) for pattern in wildcards_for(host))
    assert covers(f"*.{other}", host) == (f"*.{other}" in wildcards_for(host))
