"""A List taken apart by its text: the same items, in the same places, as the parser finds."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.yamlio import EMPTY_LIST, Lines, load_documents, only, split_list

FOOT = b'kind: List\nmetadata:\n  resourceVersion: ""\n'
TEXT = b"""\
apiVersion: v1
items:
- apiVersion: v1
  data:
    nested: |
      - kind: Trap
        kind: Trap

      kind: List
    empty: ""
  kind: ConfigMap
  metadata:
    name: a
- kind: Pod
  spec:
    containers:
    - name: web
      kind: none
- addressType: IPv4
  kind: EndpointSlice
"""
WORDS = st.sampled_from(
    ["", "a", "- kind: Pod", "kind: List", "a: b", "# no comment", "---", " x", "two\nlines\n", "~"]
)
VALUES = st.recursive(
    st.one_of(WORDS, st.text(max_size=8), st.integers(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
ITEMS = st.fixed_dictionaries(
    {"apiVersion": st.just("v1"), "kind": st.sampled_from(["Pod", "Service", "ConfigMap"]), "spec": VALUES},
    optional={"addressType": st.just("IPv4"), "metadata": st.dictionaries(st.just("name"), WORDS)},
)


def items_of(data: bytes) -> list[Any]:
    (tree,) = load_documents(data, "f")
    items: list[Any] = tree["items"]
    return items


def test_items_kinds_and_lines() -> None:
    text = split_list(TEXT + FOOT)
    assert text is not None
    assert [(item.kind, item.line) for item in text.items] == [("ConfigMap", 2), ("Pod", 13), ("EndpointSlice", 18)]
    assert text.is_whole
    assert text.kinds() == {"ConfigMap", "Pod", "EndpointSlice"}


def test_one_kind_keeps_its_places() -> None:
    whole = TEXT + FOOT
    text = split_list(whole)
    assert text is not None
    pods = only(whole, text, "Pod")
    assert [item["kind"] for item in items_of(pods)] == ["_", "Pod", "_"]
    assert (
        Lines(pods).of("$.items[1].spec.containers[0].name") == Lines(whole).of("$.items[1].spec.containers[0]") == 17
    )
    assert only(whole, text, "Sidecar") == EMPTY_LIST
    assert items_of(EMPTY_LIST) == []


@given(st.lists(ITEMS, max_size=4))
def test_the_parser_agrees(items: list[dict[str, Any]]) -> None:
    tree = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
    data = yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True).encode()
    text = split_list(data)
    if text is None:
        return
    whole = items_of(data)
    assert [item.kind for item in text.items] == [item["kind"] for item in whole]
    for kind in text.kinds():
        kept = items_of(only(data, text, kind))
        assert kept == [item if item["kind"] == kind else {"kind": "_"} for item in whole]
    for index, item in enumerate(text.items):
        assert Lines(data).of(f"$.items[{index}]") == item.line + 1


def test_a_list_that_was_cut_says_so() -> None:
    cut = split_list(TEXT)
    assert cut is not None
    assert not cut.is_whole
    for end in range(len(b"apiVersion: v1\nitems:\n- "), len(TEXT), 7):
        text = split_list(TEXT[:end])
        assert text is None or not text.is_whole


def test_an_empty_list_has_no_items() -> None:
    text = split_list(b"apiVersion: v1\nitems: []\n" + FOOT)
    assert text is not None
    assert (text.items, text.is_whole) == ((), True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"kind: List\napiVersion: v1\nitems:\n- kind: Pod\n",
        b'{"apiVersion": "v1", "items": [], "kind": "List"}',
        TEXT.replace(b"\n", b"\r\n") + FOOT.replace(b"\n", b"\r\n"),
        TEXT + b"kind: PodList\n",
        TEXT + FOOT + b"---\nkind: Pod\n",
        TEXT + b"# a comment\n" + FOOT,
        TEXT.replace(b"- addressType", b"-\n  addressType") + FOOT,
        TEXT.replace(b"  kind: EndpointSlice", b'  "kind": EndpointSlice') + FOOT,
        TEXT.replace(b"  kind: EndpointSlice", b"  kind: 'EndpointSlice'") + FOOT,
        TEXT.replace(b"  kind: EndpointSlice", b"  kind: Pod\n  kind: EndpointSlice") + FOOT,
        TEXT.replace(b"- kind: Pod", b"- kind: Pod\n  kind: Pod") + FOOT,
        TEXT.replace(b"  kind: EndpointSlice\n", b"") + FOOT,
        TEXT.replace(b"name: web", b"name: *id001") + FOOT,
        TEXT.replace(b"name: web", "name: a\u2028b".encode()) + FOOT,
        TEXT.replace(b"  kind: EndpointSlice", b" kind: EndpointSlice") + FOOT,
    ],
)
def test_what_kubectl_does_not_print_is_left_to_the_parser(data: bytes) -> None:
    assert split_list(data) is None


def test_lines_of_items_are_those_of_the_whole_text() -> None:
    lines = Lines(TEXT + FOOT)
    assert lines.of("$.items[0].metadata.name") == 13
    assert lines.of("$.items[2]") == 19
    assert lines.of("$.items[3]") is None
    assert lines.of("$.items[1].nothing") is None
    assert lines.of("$.items") == 2
    assert lines.of("$.kind") == 21
