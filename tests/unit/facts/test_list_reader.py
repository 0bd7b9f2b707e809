"""How much of a kind was read: Lists that are refused, cut, of another kind, or in contradiction with themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.facts.resources.resource_reader import Resources
from meshdoctor.model.coverage import Completeness, Coverage
from meshdoctor.model.evidence import Capture, Document, Unread

Tree = dict[str, Any]
PATH = "resources/serviceentries.yaml"


def entry(name: str, host: str = "db.x.example", **metadata: Any) -> Tree:
    spec = {"hosts": [host], "ports": [{"number": 3306, "name": "tcp", "protocol": "TCP"}]}
    meta = {"name": name, "namespace": "shop", **metadata}
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": meta, "spec": spec}


def printed(*items: Tree, **metadata: Any) -> str:
    """A List as kubectl prints it."""
    tree = {"apiVersion": "v1", "items": list(items), "kind": "List", "metadata": {"resourceVersion": "", **metadata}}
    return yamlio.dump(tree)


def document(path: str, text: str, **about: Any) -> Document:
    return Document(path, text.encode, len(text), **about)


class Read:
    """The ServiceEntries of these documents, with what is told of them."""

    def __init__(self, *documents: Document, unread: tuple[Unread, ...] = ()) -> None:
        self.problems: list[Unread] = []
        self.gaps: dict[str, Coverage] = {}
        self.notes: list[str] = []
        keyed = {d.path if d.path.startswith("resources/") else f"manifests/{i}": d for i, d in enumerate(documents)}
        capture = Capture("capture", "here", keyed, unread)
        self.resources = Resources(capture, self.problems, self.gaps, self.notes)
        self.names = sorted(found.ref.name for found in self.resources.service_entries)

    @property
    def gap(self) -> Coverage:
        return self.gaps["serviceentries"]


def read(text: str, path: str = PATH) -> Read:
    return Read(document(path, text))


WHOLE = printed(entry("one"), entry("two"))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (PATH, WHOLE),
        (PATH, yamlio.EMPTY_LIST.decode()),
        (PATH, "apiVersion: v1\nkind: List\nitems: []\n"),
        (PATH, WHOLE.replace("\n", "\r\n")),
        (PATH, WHOLE.removesuffix("\n")),
        ("resources/serviceentries.json", json.dumps({"kind": "ServiceEntryList", "items": [entry("one")]})),
        ("resources/serviceentries.json", json.dumps([entry("one"), entry("two")])),
        ("resources/serviceentries/shop.yaml", yamlio.dump(entry("one"))),
        (PATH, printed(entry("one"), entry("one"))),
    ],
)
def test_what_is_whole_has_no_gap(path: str, text: str) -> None:
    found = read(text, path)
    assert (found.gaps, found.problems, found.notes) == ({}, [], [])
    assert found.resources.is_read("serviceentries")


STATUS = {
    "apiVersion": "v1",
    "kind": "Status",
    "status": "Failure",
    "reason": "Forbidden",
    "code": 403,
    "message": "no",
}


@pytest.mark.parametrize(
    ("text", "state", "because"),
    [
        (json.dumps(STATUS), Completeness.REFUSED, "is not a List but a Status, 403 Forbidden: no"),
        (yamlio.dump({**STATUS, "code": 401}), Completeness.REFUSED, "401 Forbidden"),
        (json.dumps({"kind": "Status", "status": "Failure"}), Completeness.REFUSED, "a Status, no code"),
        (
            printed({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}),
            Completeness.ABSENT,
            "contains 1 Pod",
        ),
        ("kind: PodList\nitems: []\n", Completeness.ABSENT, "contains 1 PodList where only ServiceEntry"),
        (printed({**entry("a"), "apiVersion": "other.example/v1"}), Completeness.ABSENT, "of other.example/v1"),
        ("", Completeness.ABSENT, "expected a Kubernetes List of ServiceEntry objects, found none"),
        ("<html>502</html>\n", Completeness.ABSENT, "is not a Kubernetes object"),
        ("a: 1\n", Completeness.ABSENT, "has no kind"),
        ("apiVersion: v1\nkind: List\n", Completeness.ABSENT, "a List without items"),
        ("apiVersion: v1\nkind: List\nitems: null\n", Completeness.ABSENT, "items is not a list"),
        ("apiVersion: v1\nitems:\n", Completeness.ABSENT, "cut short"),
        ("a: [1,", Completeness.ABSENT, "not YAML"),
    ],
)
def test_what_is_no_list_of_this_kind_was_not_read(text: str, state: Completeness, because: str) -> None:
    found = read(text)
    assert found.names == []
    assert found.gap.state is state
    assert because in found.gap.because
    assert not found.resources.is_read("serviceentries")
    assert {note.path for note in found.problems} == {PATH}


@pytest.mark.parametrize("cut", range(1, len(WHOLE), 7))
def test_a_list_cut_anywhere_is_never_taken_for_whole(cut: int) -> None:
    """Only the metadata of the List itself may be missing: `kind: List` comes before it."""
    found = read(WHOLE[:cut])
    if "kind: List" in WHOLE[:cut]:
        assert found.names == ["one", "two"]
    else:
        assert not found.gap.is_whole
        assert all(e.ports and e.hosts == ("db.x.example",) for e in found.resources.service_entries)


@pytest.mark.parametrize("cut", range(1, 200, 9))
def test_json_cut_anywhere_gives_the_items_before_the_cut(cut: int) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [entry("one"), entry("two")]}, indent=1)
    found = read(text[:-cut], "resources/serviceentries.json")
    assert not found.gap.is_whole
    assert set(found.names) <= {"one", "two"}
    assert "ends too early" in found.gap.because


@pytest.mark.parametrize(
    ("text", "names", "state", "because"),
    [
        (printed(entry("one"), **{"continue": "x"}), ["one"], "partial", "the first part of a List"),
        (printed(entry("one"), remainingItemCount=7), ["one"], "partial", "had 7 more (metadata.continue)"),
        (printed(entry("one"), {"apiVersion": "v1", "kind": "Pod"}), ["one"], "partial", "contains 1 Pod"),
        (printed(entry("one"), {**entry("two"), "spec": "x"}), ["one"], "partial", "ServiceEntry shop/two in"),
        (printed(entry("one"), 7), ["one"], "partial", "$.items[1] is not a Kubernetes object"),  # type: ignore[arg-type]
        (yamlio.dump(entry("one")), ["one"], "partial", "is no List: whether there are other serviceentries"),
        (WHOLE + "items: []\n", ["one", "two"], "partial", "the key 'items' is given twice"),
        ('{"kind": "List", "items": [1], "items": []}', [], "contradicted", "the key items twice"),
        (printed(entry("one"), entry("one", "other.example")), [], "contradicted", "neither was used"),
    ],
)
def test_what_is_read_in_part(text: str, names: list[str], state: str, because: str) -> None:
    found = read(text)
    assert found.names == names
    assert because in found.gap.because
    if found.names:
        assert found.gap.state == state
        assert found.resources.is_read("serviceentries")


def test_a_list_that_ends_without_a_line_break_may_be_cut() -> None:
    text = yamlio.dump({"apiVersion": "v1", "kind": "List", "items": [entry("one")]})
    assert read(text).gaps == {}
    found = read(text.removesuffix("\n"))
    assert found.names == ["one"]
    assert "no line break at its end, after shop/one" in found.gap.because


def test_of_two_states_of_one_object_the_later_counts_in_either_order() -> None:
    older = entry("one", "older.example", uid="u", resourceVersion="99")
    newer = entry("one", "newer.example", uid="u", resourceVersion="100")
    for items in ((older, newer), (newer, older)):
        found = read(printed(*items))
        assert [e.hosts for e in found.resources.service_entries] == [("newer.example",)]
        assert found.gap.state is Completeness.CONTRADICTED


def test_two_captures_of_one_mesh_have_each_object_once() -> None:
    one, two = (f"resources/serviceentries/{number}.yaml" for number in (1, 2))
    again = Read(document(one, printed(entry("a"), entry("b"))), document(two, printed(entry("b"), entry("c"))))
    assert (again.names, again.gaps) == (["a", "b", "c"], {})
    differing = Read(document(one, printed(entry("a"))), document(two, printed(entry("a", "other.example"))))
    assert differing.names == []
    assert f"{one} $.items[0] and {two} $.items[0]" in differing.gap.because
    refused = Read(document(one, WHOLE), unread=(Unread("b/resources/serviceentries.yaml", "403 Forbidden"),))
    assert refused.gap.state is Completeness.PARTIAL


def test_a_manifest_replaces_the_object_of_the_capture_and_says_so() -> None:
    manifest = document("se.yaml", yamlio.dump(entry("one", "new.example")), is_named=True)
    found = Read(document(PATH, WHOLE), manifest)
    assert {e.hosts for e in found.resources.service_entries} == {("new.example",), ("db.x.example",)}
    assert found.notes == [f"ServiceEntry shop/one in se.yaml is used instead of the one in {PATH}"]
    assert found.gaps == {}


def test_a_kind_that_only_manifests_show_is_not_whole() -> None:
    found = Read(document("se.yaml", yamlio.dump(entry("one"))))
    assert found.names == ["one"]
    assert found.gap.state is Completeness.PARTIAL
    assert "the cluster may have others" in found.gap.because


@pytest.mark.parametrize("text", ["a: [1,\n", "a: 1\na: 2\n", json.dumps(STATUS), "kind: A\n b: c\n"])
def test_a_manifest_that_the_user_named_must_be_readable(text: str) -> None:
    with pytest.raises(Unreadable, match=r"^my/se\.yaml"):
        Read(document(PATH, WHOLE), document("my/se.yaml", text, is_named=True))


def test_a_kind_parsed_on_demand_is_looked_at_before() -> None:
    services = printed({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {}})
    gaps: dict[str, Coverage] = {}
    for text, is_whole in ((services, True), (services[:-40], False), (json.dumps(STATUS), False)):
        gaps.clear()
        path = "resources/services.yaml"
        resources = Resources(Capture("capture", "here", {path: document(path, text)}), [], gaps)
        resources.look_at("services")
        assert (gaps == {}) is is_whole
