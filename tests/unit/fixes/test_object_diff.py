"""Differences of trees: the edits that carry one into the other, and what is shown of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from meshdoctor.fixes.plan.object_diff import Edit, difference, merge_patch, patched, unified
from meshdoctor.model.fix import Change
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.yamlio.alignment import aligned, same

KEY = ObjectRef("ServiceEntry", "shop", "github", api_version="networking.istio.io/v1")
ENTRY: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "ServiceEntry",
    "metadata": {"name": "github", "namespace": "shop"},
    "spec": {
        "hosts": ["git.test"],
        "ports": [
            {"number": 443, "name": "https", "protocol": "HTTPS"},
            {"number": 22, "name": "ssh", "protocol": "TCP"},
        ],
        "resolution": "DNS",
    },
}

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
names = st.sampled_from(["name", "number", "host", "a", "b"])
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4))


def with_spec(**fields: Any) -> dict[str, Any]:
    return {**ENTRY, "spec": {**ENTRY["spec"], **fields}}


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386's own algorithm (section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def without_none(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: without_none(value) for key, value in tree.items() if value is not None}
    return tree


@given(trees, trees)
def test_the_edits_carry_before_into_after(before: Any, after: Any) -> None:
    assert same(patched(before, difference(before, after)), after)


@given(trees)
def test_nothing_differs_from_itself(tree: Any) -> None:
    assert difference(tree, tree) == []


@given(st.dictionaries(names, trees), st.dictionaries(names, trees))
def test_the_merge_patch_does_what_the_rfc_says(before: Any, after: Any) -> None:
    assert same(without_none(merged(before, merge_patch(before, after))), without_none(after))


@given(st.lists(trees, max_size=6), st.lists(trees, max_size=6))
def test_an_alignment_keeps_the_order_and_loses_nothing(old: list[Any], new: list[Any]) -> None:
    pairs = aligned(old, new)
    assert [i for i, _ in pairs if i is not None] == list(range(len(old)))
    assert [j for _, j in pairs if j is not None] == list(range(len(new)))


def test_true_is_not_one() -> None:
    assert difference({"a": True}, {"a": 1}) == [Edit(("a",), True, 1)]
    assert merge_patch({"a": 1}, {"a": True}) == {"a": True}


@pytest.mark.parametrize(
    ("ports", "edits"),
    [
        (
            [{"number": 443, "name": "tls", "protocol": "TLS"}, {"number": 22, "name": "ssh", "protocol": "TCP"}],
            [
                Edit(("spec", "ports", 0, "name"), "https", "tls"),
                Edit(("spec", "ports", 0, "protocol"), "HTTPS", "TLS"),
            ],
        ),
        (
            [{"number": 2222, "name": "ssh", "protocol": "TCP"}],
            [
                Edit(("spec", "ports", 0), old=ENTRY["spec"]["ports"][0]),
                Edit(("spec", "ports", 1, "number"), 22, 2222),
            ],
        ),
        (
            [*ENTRY["spec"]["ports"], {"number": 80, "name": "http"}],
            [Edit(("spec", "ports", 2), new={"number": 80, "name": "http"})],
        ),
    ],
    ids=["by number", "by name", "one more"],
)
def test_ports_are_told_apart_by_name_or_number(ports: list[Any], edits: list[Edit]) -> None:
    assert difference(ENTRY, with_spec(ports=ports)) == edits


def test_a_list_of_texts_gains_and_loses_single_items() -> None:
    edits = difference(["10.0.0.1", "10.0.0.2", "10.0.0.4"], ["10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5"])
    assert edits == [Edit((1,), "10.0.0.2", "10.0.0.3"), Edit((3,), new="10.0.0.5")]
    assert difference(["a", "c"], ["b", "a", "c"]) == [Edit((0,), new="b")]


def test_unnamed_items_that_change_are_the_same_things() -> None:
    old = [{"match": [{"port": 443}], "route": [{"destination": {"host": "a"}}]}]
    new = [{"match": [{"port": 443}], "route": [{"destination": {"host": "b"}}]}]
    assert difference(old, new) == [Edit((0, "route", 0, "destination", "host"), "a", "b")]


def test_an_edit_is_json() -> None:
    assert json.encode(Edit(("spec", "addresses"), new=["10.0.0.1"])) == (
        b'{"path":["spec","addresses"],"new":["10.0.0.1"]}'
    )


@pytest.mark.parametrize("edit", [Edit((4,), old=1), Edit((7,), new=1), Edit((0, "a"), 1, 2)])
def test_an_edit_of_a_place_that_is_not_there_is_refused(edit: Edit) -> None:
    with pytest.raises(LookupError):
        patched([1, 2, 3, 4], [edit])


def test_the_diff_shows_what_changes_and_nothing_else() -> None:
    spec = {"addresses": ["198.51.100.20"], **ENTRY["spec"]}
    after = {"spec": spec, "kind": ENTRY["kind"], "metadata": ENTRY["metadata"], "apiVersion": ENTRY["apiVersion"]}
    assert unified(Change(key=KEY, before=ENTRY, after=after)) == (
        "--- ServiceEntry shop/github (before)\n"
        "+++ ServiceEntry shop/github (after)\n"
        "@@ -4,6 +4,8 @@\n"
        "   name: github\n"
        "   namespace: shop\n"
        " spec:\n"
        "+  addresses:\n"
        "+  - 198.51.100.20\n"
        "   hosts:\n"
        "   - git.test\n"
        "   ports:\n"
    )


def test_what_is_created_or_deleted_has_nothing_on_the_other_side() -> None:
    created = unified(Change(key=KEY, after=ENTRY)).splitlines()
    deleted = unified(Change(key=KEY, before=ENTRY)).splitlines()
    assert created[:3] == ["--- /dev/null", "+++ ServiceEntry shop/github (after)", "@@ -0,0 +1,16 @@"]
    assert all(line.startswith("+") for line in created[3:])
    assert deleted[:3] == ["--- ServiceEntry shop/github (before)", "+++ /dev/null", "@@ -1,16 +0,0 @@"]
    assert unified(Change(key=KEY, before=ENTRY, after=ENTRY)) == ""


def test_a_hostile_name_reaches_no_terminal_raw() -> None:
    evil = "\x1b[2J\u202ex\u2028y"
    change = Change(
        key=ObjectRef("ServiceEntry", "shop", evil, api_version="v1"),
        after={"spec": {"hosts": [evil, "a\nb\x07"], evil: "x\r\n"}},
    )
    text = unified(change)
    assert text.count("\n") == len(text.splitlines())
    assert not any(character in text for character in "\x1b\u202e\u2028\x07\r")
