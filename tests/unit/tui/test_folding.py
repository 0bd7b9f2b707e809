from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.diagnosis.excerpts import Excerpt
from meshdoctor.tui.state.folding import OPEN_ROWS, Folding, Row, excerpt_rows, tree_rows

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def shown(folding: Folding) -> list[str]:
    return [
        folding.rows[at].text.strip() + (folding.rows[at].tail if at in folding.folded else "")
        for at in folding.visible()
    ]


def test_a_fold_hides_what_stands_deeper_and_its_closing_bracket() -> None:
    folding = Folding(tree_rows({"a": [1, 2], "b": {"c": 3}}, "json"))
    assert shown(folding) == ["{", '"a": [', "1,", "2", "],", '"b": {', '"c": 3', "}", "}"]
    assert folding.toggle(1)
    assert shown(folding) == ["{", '"a": [ .. ],', '"b": {', '"c": 3', "}", "}"]
    assert folding.toggle(1)
    assert not folding.toggle(2)
    assert len(folding.visible()) == 9


def test_items_of_a_yaml_list_belong_to_the_key_above_them() -> None:
    folding = Folding(tree_rows({"spec": {"ports": [{"name": "tcp", "number": 443}], "resolution": "DNS"}}, "yaml"))
    assert shown(folding) == ["spec:", "ports:", "- name: tcp", "number: 443", "resolution: DNS"]
    folding.toggle(1)
    assert shown(folding) == ["spec:", "ports: ..", "resolution: DNS"]


def test_the_row_at_the_place_is_marked_in_both_forms() -> None:
    tree = {"spec": {"ports": [{"name": "tcp"}, {"name": "tls"}]}}
    for form in ("json", "yaml"):
        rows = list(tree_rows(tree, form, ("spec", "ports", 1, "name")))
        assert [row.text.strip() for row in rows if row.is_marked] in (['"name": "tls"'], ["- name: tls"])


def test_of_a_marked_part_the_row_that_holds_the_value_decides() -> None:
    tree = {"chains": [{"stat": "outbound|443||a.test", "cluster": "outbound|443||a.test"}]}
    rows = list(excerpt_rows(Excerpt(document="d.json", at="$", tree=tree, inner=("chains", 0), value="a.test")))
    assert [row.text.strip() for row in rows if row.is_marked] == ['"cluster": "outbound|443||a.test"']


def test_a_value_that_stands_nowhere_is_told_beside_the_place() -> None:
    tree = {"kind": "Pod", "metadata": {"name": "web-1"}}
    given = Excerpt(document="p.yaml", at="$.items[0]", form="yaml", tree=tree, value="it is hidden", line=3)
    rows = list(excerpt_rows(given))
    assert [row.text for row in rows[:2]] == ["p.yaml:3", "$.items[0]   it is hidden"]
    assert [row.text for row in rows if row.is_marked] == ["  name: web-1"]


def test_what_could_not_be_read_is_a_row() -> None:
    rows = list(excerpt_rows(Excerpt(document="p.yaml", value="80", because="not read")))
    assert [row.text for row in rows] == ["p.yaml", "80   (not read)"]


def test_a_long_document_is_folded_but_for_the_way_to_the_mark() -> None:
    tree = {f"k{n}": {"a": {"b": n}} for n in range(OPEN_ROWS)}
    folding = Folding(tree_rows(tree, "json", ("k7", "a", "b")))
    folding.fold_far()
    assert '"b": 7' in shown(folding)
    assert '"b": 8' not in shown(folding)
    assert folding.rows[folding.first_marked].text.strip() == '"b": 7'


def test_a_search_goes_round_and_unfolds_what_it_finds() -> None:
    folding = Folding(tree_rows({"a": {"host": "x.test"}, "b": {"host": "y.test"}}, "json"))
    folding.fold_all()
    assert shown(folding) == ["{ .. }"]
    folding.search(" Host ")
    assert len(folding.hits) == 2
    first = folding.next_hit(0)
    assert first == folding.hits[0]
    assert '"host": "x.test"' in shown(folding)
    assert folding.next_hit(folding.hits[1]) == folding.hits[0]
    assert folding.next_hit(folding.hits[0], -1) == folding.hits[1]
    folding.search("nowhere")
    assert folding.next_hit(0) is None


def test_harmful_signs_are_written_out_and_long_ones_cut() -> None:
    (row,) = tree_rows("\x1b[31m" + "x" * 5000, "json")
    assert "\x1b" not in row.text
    assert len(row.text) < 1000


@given(TREES, st.sampled_from(["json", "yaml"]), st.data())
def test_folding_never_loses_a_row(tree: Any, form: str, data: st.DataObject) -> None:
    folding = Folding([Row(0, "head", is_head=True), *tree_rows(tree, form, depth=1)])
    for at in data.draw(st.lists(st.integers(0, len(folding.rows) - 1), max_size=8)):
        folding.toggle(at)
        seen = folding.visible()
        assert seen == sorted(set(seen))
        assert seen[0] == 0
    for at in range(len(folding.rows)):
        folding.reveal(at)
        assert at in folding.visible()
    folding.folded.clear()
    assert folding.visible() == list(range(len(folding.rows)))
