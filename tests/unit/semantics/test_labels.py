"""Selectors mean what kubectl's mean."""

from __future__ import annotations

import pytest

from meshdoctor.errors import UsageError
from meshdoctor.semantics.kubernetes.label_selectors import fits, read_selector

WEB = {"app": "web", "tier": "front", "example.com/team": "shop"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app=api", False),
        ("app!=api", True),
        ("app!=web", False),
        ("missing!=x", True),
        ("app=web,tier=front", True),
        ("app=web,tier=back", False),
        ("app in (web, api)", True),
        ("app in (api,db),tier=front", False),
        ("app notin (api)", True),
        ("missing notin (x)", True),
        ("tier", True),
        ("missing", False),
        ("!missing", True),
        ("!tier", False),
        ("example.com/team=shop", True),
        ("app=", False),
        ("missing=", False),
    ],
)
def test_selectors(selector: str, expected: bool) -> None:
    assert fits(read_selector(selector), WEB) is expected


@pytest.mark.parametrize("selector", ["=web", "app=we b", "app in web", "app in (web", "a,,b", "app=$(x)", "app>1"])
def test_what_is_no_selector_is_refused_with_an_example(selector: str) -> None:
    with pytest.raises(UsageError, match="app=web"):
        read_selector(selector)
