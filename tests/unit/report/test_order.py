from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.view.sort_order import under_causes
from tests.golden.results import finding


def folded(causes: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    found = [finding(fingerprint=name, caused_by=by) for name, by in causes.items()]
    return {root.fingerprint: [f.fingerprint for f in explained] for root, explained in under_causes(found)}


def test_a_consequence_of_a_consequence_stands_under_the_first_cause() -> None:
    assert folded({"a": (), "b": ("a",), "c": ("b",)}) == {"a": ["b", "c"]}


def test_a_finding_whose_cause_is_not_listed_stands_for_itself() -> None:
    assert folded({"a": ("gone",), "b": ("gone", "a")}) == {"a": ["b"]}


def test_findings_that_name_one_another_are_both_shown() -> None:
    assert folded({"a": ("b",), "b": ("a",)}) == {"a": [], "b": []}


names = st.sampled_from("abcde")


@given(st.dictionaries(names, st.lists(names, max_size=3).map(tuple)))
def test_no_finding_is_ever_lost_or_shown_twice(causes: dict[str, tuple[str, ...]]) -> None:
    groups = folded(causes)
    assert sorted([*groups, *(name for names in groups.values() for name in names)]) == sorted(causes)
