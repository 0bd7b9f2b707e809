"""Editing of users' files: the wanted value, in a text that differs where it must and nowhere else."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.errors import NotEditable
from meshdoctor.yamlio import load_documents
from meshdoctor.yamlio.alignment import same
from meshdoctor.yamlio.editing import rewritten, with_document, without_document
from tests.written import Hand

keys = st.sampled_from(["name", "hosts", "ports", "number", "yes", "a.b/c", "1", "x y"])
texts = st.text(max_size=6) | st.sampled_from(
    [
        "*.test",
        "- a",
        "# b",
        "on",
        "0755",
        "1e3",
        "~",
        "null",
        "a: b",
        "a\nb",
        "a\n\nb\n",
        "a\n\n",
        " x",
        "{{ x }}",
        "=",
        "é 😀",
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-9, 70000)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(keys, values, min_size=1, max_size=5)


@st.composite
def edits(draw: Any, value: Any) -> Any:
    """`value` after some edits by a random hand: keys and items put in, taken out, exchanged."""
    if not isinstance(value, dict | list) or draw(st.integers(0, 5)) == 0:
        return draw(values)
    if isinstance(value, dict):
        kept = {key: draw(edits(item)) if draw(st.integers(0, 2)) == 0 else item for key, item in value.items()}
        for key in [key for key in value if draw(st.integers(0, 4)) == 0]:
            del kept[key]
        return {**kept, **draw(st.dictionaries(keys, values, max_size=1))}
    items = [draw(edits(item)) if draw(st.integers(0, 2)) == 0 else item for item in value]
    if items and draw(st.booleans()):
        del items[draw(st.integers(0, len(items) - 1))]
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), draw(values))
    return items


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[Any]]:
    documents = draw(st.lists(objects, min_size=1, max_size=3))
    hand = Hand(draw(st.integers(0, 10_000)))
    text = "---\n".join(hand.document(value) for value in documents)
    if draw(st.booleans()):
        text = "# owner: team-a\n---\n" + text
    if draw(st.booleans()) and "\r" not in text:
        text = text.replace("\n", "\r\n")
    if draw(st.booleans()) and "|" not in text:
        text = text.removesuffix("\n").removesuffix("\r")
    if draw(st.booleans()):
        text = "\ufeff" + text
    return text, documents


@given(files(), st.data())
def test_any_edit_in_any_layout_says_what_is_wanted_and_touches_no_other_document(
    file: tuple[str, list[Any]], data: st.DataObject
) -> None:
    text, documents = file
    assert same(load_documents(text.encode(), "f.yaml"), documents)
    index = data.draw(st.integers(0, len(documents) - 1))
    changed = data.draw(edits(documents[index]))
    if not isinstance(changed, dict) or not changed.keys() & documents[index].keys():
        changed = {**documents[index], "hosts": changed}
    wanted = [*documents[:index], changed, *documents[index + 1 :]]
    result = rewritten(text.encode(), "f.yaml", wanted).decode()
    assert same(load_documents(result.encode(), "f.yaml"), wanted)
    before, after = (re.split(r"(?m)^---\r?$", each) for each in (text, result))
    assert len(before) == len(after)
    untouched = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old == new]
    assert len(untouched) >= len(before) - 1


SHOP = """\
# Owned by team-shop; ask before you change it.
---
apiVersion: networking.istio.io/v1beta1   # old, still served
kind: ServiceEntry
metadata:
    name:   "github"      # the name
    labels: {app: shop, 'tier':  "1"}
spec:
    # who is called
    hosts:
      - github.com   # main
      # the old one
      - "api.github.com"
    ports:
      -   number: 443
          name: https # note
          protocol: HTTPS

      -   number: 22
          name: ssh
          protocol: TCP
    resolution: DNS
    exportTo: [".",  shop]
# trailing
---
kind:   Other
spec: {a:   1}
...
"""


def edited(text: str, change: Any, where: str = "f.yaml") -> str:
    """The text after `change` was made to its first document's value."""
    documents = load_documents(text.encode(), where)
    wanted = json.loads(json.dumps(documents))
    change(wanted[0])
    return rewritten(text.encode(), where, wanted).decode()


def lines_that_differ(before: str, after: str) -> list[str]:
    diff = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), n=0)
    return [line for line in diff if line[:1] in "+-" and line[:3] not in ("+++", "---")]


@pytest.mark.parametrize(
    ("change", "differ"),
    [
        (lambda o: o["spec"].update(resolution="NONE"), ["-    resolution: DNS\n", "+    resolution: NONE\n"]),
        (
            lambda o: o["spec"]["ports"][0].update(name="tls", protocol="TLS"),
            [
                "-          name: https # note\n",
                "-          protocol: HTTPS\n",
                "+          name: tls # note\n",
                "+          protocol: TLS\n",
            ],
        ),
        (
            lambda o: o["spec"].update(addresses=["198.51.100.20", "2001:db8::1"]),
            ["+    addresses:\n", "+      - 198.51.100.20\n", "+      - 2001:db8::1\n"],
        ),
        (lambda o: o["spec"]["hosts"].append("x.test"), ["+      - x.test\n"]),
        (lambda o: o["spec"]["hosts"].insert(0, "x.test"), ["+      - x.test\n"]),
        (lambda o: o["spec"]["hosts"].remove("github.com"), ["-      - github.com   # main\n"]),
        (
            lambda o: o["spec"]["ports"].append({"number": 80, "name": "http", "protocol": "HTTP"}),
            ["+      -   number: 80\n", "+          name: http\n", "+          protocol: HTTP\n"],
        ),
        (
            lambda o: o["spec"]["ports"].pop(0),
            ["-      -   number: 443\n", "-          name: https # note\n", "-          protocol: HTTPS\n"],
        ),
        (
            lambda o: o["spec"]["ports"][1].pop("number"),
            ["-      -   number: 22\n", "-          name: ssh\n", "+      -   name: ssh\n"],
        ),
        (
            lambda o: o["spec"]["exportTo"].append("*"),
            ['-    exportTo: [".",  shop]\n', "+    exportTo: [\".\",  shop,  '*']\n"],
        ),
        (lambda o: o["spec"].pop("exportTo"), ['-    exportTo: [".",  shop]\n']),
        (
            lambda o: o["metadata"]["labels"].update(tier="on"),
            [
                "-    labels: {app: shop, 'tier':  \"1\"}\n",
                "+    labels: {app: shop, 'tier':  \"on\"}\n",
            ],
        ),
        (
            lambda o: o["metadata"].update(annotations={"note": "yes"}),
            ["+    annotations:\n", "+        note: 'yes'\n"],
        ),
    ],
)
@pytest.mark.parametrize("crlf", [False, True])
def test_only_the_lines_that_must_differ(change: Any, differ: list[str], crlf: bool) -> None:
    text = SHOP.replace("\n", "\r\n") if crlf else SHOP
    expected = [line.replace("\n", "\r\n") for line in differ] if crlf else differ
    assert lines_that_differ(text, edited(text, change)) == expected
    assert lines_that_differ("\ufeff" + text, edited("\ufeff" + text, change)) == expected


def test_a_file_without_a_last_line_break_stays_so() -> None:
    assert edited("a: 1\nb: 2", lambda o: o.update(c=3)) == "a: 1\nb: 2\nc: 3"
    assert edited("a: 1\nb: 2", lambda o: o.pop("b")) == "a: 1"
    assert edited("a: 1\nb: 2", lambda o: o.update(c="x\ny\n")) == "a: 1\nb: 2\nc: |\n  x\n  y\n"


@pytest.mark.parametrize(
    ("text", "change", "wanted"),
    [
        ('{"a": 1, "b": [1, 2]}', lambda o: o["b"].append(3), '{"a": 1, "b": [1, 2, 3]}'),
        ('{"a":1,"b":[1,2]}', lambda o: o.update(c={"d": ["x"]}), '{"a":1,"b":[1,2],"c":{"d":["x"]}}'),
        (
            '{\n    "a": 1,\n    "b": [\n        1\n    ]\n}\n',
            lambda o: (o.update(c={"d": None}), o["b"].append("é")),
            '{\n    "a": 1,\n    "b": [\n        1,\n        "é"\n    ],\n    "c": {\n        "d": null\n    }\n}\n',
        ),
        ('{\n\t"a": 1,\n\t"b": 2\n}', lambda o: o.pop("a"), '{\n\t"b": 2\n}'),
        ('{"a": 1, "b": 0, "a": 2}', lambda o: o.update(a=3), '{"a": 1, "b": 0, "a": 3}'),
        ('{"a": {"b": 1}}', lambda o: o.update(a={}), '{"a": {}}'),
        ('{"a": "yes", "b": []}', lambda o: o.update(a="no", b=[{"c": 1}]), '{"a": "no", "b": [{"c": 1}]}'),
    ],
)
def test_json_stays_json(text: str, change: Any, wanted: str) -> None:
    result = edited(text, change, "f.json")
    assert result == wanted
    json.loads(result)


@pytest.mark.parametrize(
    ("text", "change", "wanted"),
    [
        ("spec:\n", lambda o: o.update(spec={"a": [1]}), "spec:\n  a:\n  - 1\n"),
        ("spec: {}\n", lambda o: o.update(spec={"a": 1}), "spec:\n  a: 1\n"),
        ("hosts: [] # none\n", lambda o: o["hosts"].append("a"), "hosts: # none\n- a\n"),
        ("hosts:\n- a\n- b\nx: 1\n", lambda o: o.update(hosts=[]), "hosts: []\nx: 1\n"),
        ("x:\n  y: |\n    a\n\n# end\nz: 1\n", lambda o: o["x"].pop("y"), "x: {}\n\n# end\nz: 1\n"),
        ("a: 1  # one\nb: 2\n", lambda o: o.update(a="x\ny\n"), "a: |  # one\n  x\n  y\nb: 2\n"),
        ("a: 'it''s'\n", lambda o: o.update(a="he's"), "a: 'he''s'\n"),
        ("a: one\n  two\nb: 1\n", lambda o: o.update(a="three"), "a: three\nb: 1\n"),
        ("a: >-\n  one\n  two\nb: 1\n", lambda o: o.update(a="three"), "a: three\nb: 1\n"),
        ("l:\n- - a\n  - b\n", lambda o: o["l"][0].pop(0), "l:\n- - b\n"),
        ("l:\n-\n  # why\n  a: 1\n", lambda o: o["l"][0].update(b=2), "l:\n-\n  # why\n  a: 1\n  b: 2\n"),
        ("l:\n- a: 1\n  # of b\n  b: 2\n", lambda o: o["l"][0].pop("a"), "l:\n- # of b\n  b: 2\n"),
        ("a: &x {b: 1}\nc: 2\n", lambda o: o["a"].update(b=2), "a: &x {b: 2}\nc: 2\n"),
        (
            "b: &x {k: 1}\na:\n  <<: *x\n  l: 1\n",
            lambda o: o["a"].update(k=2),
            "b: &x {k: 1}\na:\n  k: 2\n  <<: *x\n  l: 1\n",
        ),
        ("%YAML 1.1\n---\na: 1\n", lambda o: o.update(a=2), "%YAML 1.1\n---\na: 2\n"),
        ("l: [\n  a, # one\n  b  # two\n]\n", lambda o: o["l"].append("c"), "l: [\n  a, # one\n  b,\n  c  # two\n]\n"),
        ("? a\n: b\nc: d\n", lambda o: o.update(c="e"), "? a\n: b\nc: e\n"),
    ],
)
def test_odd_layouts(text: str, change: Any, wanted: str) -> None:
    assert edited(text, change) == wanted


@pytest.mark.parametrize(
    ("text", "change", "told"),
    [
        ("a: &x\n  b: 1\nc: *x\n", lambda o: o["c"].update(b=2), "$.c is an alias (*x)"),
        ("a: &x\n  b: 1\nc: *x\n", lambda o: o["a"].update(b=2), "$.a is shared by an alias (&x)"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n", lambda o: o["c"].pop("b"), "$.c.b comes from a merge key"),
        ("a:\n  b: &x 1\n  c: 2\nd: *x\n", lambda o: o["a"].pop("b"), "cannot be edited safely"),
    ],
)
def test_what_is_shared_or_too_odd_is_refused(text: str, change: Any, told: str) -> None:
    with pytest.raises(NotEditable, match=re.escape(told)) as caught:
        edited(text, change)
    assert "f.yaml" in str(caught.value)
    assert "--export" in str(caught.value)


def test_utf16_is_refused_and_hostile_keys_are_written_out() -> None:
    with pytest.raises(NotEditable, match="UTF-16"):
        rewritten("a: 1\n".encode("utf-16"), "f.yaml", [{"a": 2}])
    with pytest.raises(NotEditable) as caught:
        edited('"\u202e\\x1b": &x {b: 1}\nc: *x\n', lambda o: o["\u202e\x1b"].update(b=2))
    assert str(caught.value).isprintable()


def test_the_number_of_documents_cannot_change() -> None:
    with pytest.raises(ValueError, match="2 values for 1 documents"):
        rewritten(b"a: 1\n", "f.yaml", [{}, {}])


NEW = {"kind": "New", "spec": {"hosts": ["a"]}}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a:\n    b:\n      - 1\n", "a:\n    b:\n      - 1\n---\nkind: New\nspec:\n    hosts:\n      - a\n"),
        ("a: 1", "a: 1\n---\nkind: New\nspec:\n  hosts:\n  - a\n"),
        ("a: 1\r\n---\r\n", "a: 1\r\n---\r\nkind: New\r\nspec:\r\n  hosts:\r\n  - a\r\n"),
        ("a: 1\n...\n", "a: 1\n...\n---\nkind: New\nspec:\n  hosts:\n  - a\n"),
        ("# nothing yet\n", "# nothing yet\nkind: New\nspec:\n  hosts:\n  - a\n"),
    ],
)
def test_a_document_is_put_behind_the_others(text: str, wanted: str) -> None:
    assert with_document(text.encode(), "f.yaml", NEW).decode() == wanted


def test_json_takes_no_second_document() -> None:
    with pytest.raises(NotEditable, match="a file of its own"):
        with_document(b'{"a": 1}', "f.json", NEW)


@pytest.mark.parametrize(
    ("text", "index", "wanted"),
    [
        ("a: 1\n---\nb: 1\n---\nc: 1\n", 0, "b: 1\n---\nc: 1\n"),
        ("a: 1\n---\nb: 1\n---\nc: 1\n", 1, "a: 1\n---\nc: 1\n"),
        ("a: 1\n---\nb: 1\n---\nc: 1", 2, "a: 1\n---\nb: 1"),
        ("# licence\n---\na: 1\n---\n# of b\nb: 1\n", 0, "# licence\n---\n# of b\nb: 1\n"),
        ("a: 1\n---\n---\nb: 1\n", 1, "a: 1\n---\n"),
        ("a: 1\r\n---\r\nb: 1", 0, "b: 1"),
        ("a: 1\n", 0, None),
    ],
)
def test_a_document_is_taken_out(text: str, index: int, wanted: str | None) -> None:
    result = without_document(text.encode(), "f.yaml", index)
    assert (result.decode() if result is not None else None) == wanted
