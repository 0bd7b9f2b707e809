"""Mends in files: found where the object stands, shown, written whole or not at all, and taken back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from meshdoctor.errors import NotEditable, Unreadable
from meshdoctor.fixes.files import plan_edits, unified_files
from meshdoctor.fixes.homes import file_name
from meshdoctor.fixes.manifests import read_manifests
from meshdoctor.fixes.writing import is_written, undo_edits, write_edits
from meshdoctor.model.mend import Change, FileEdit, ObjectKey
from meshdoctor.yamlio import dump, load_documents

API = "networking.istio.io/v1"


def entry(name: str = "github", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "apiVersion": API,
        "kind": "ServiceEntry",
        "metadata": metadata,
        "spec": {"hosts": ["git.test"], "resolution": "DNS", **spec},
    }


def change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> Change:
    there: Any = before or after
    metadata = there["metadata"]
    key = ObjectKey(there["apiVersion"], there["kind"], metadata.get("namespace", "default"), metadata["name"])
    return Change(key=key, before=before, after=after)


MEND = change(entry(), entry(addresses=["198.51.100.20"]))


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def plan(*paths: Path, changes: tuple[Change, ...] = (MEND,)) -> tuple[FileEdit, ...]:
    return plan_edits(changes, read_manifests(paths))


def refusal(*paths: Path, changes: tuple[Change, ...] = (MEND,)) -> str:
    with pytest.raises(NotEditable) as caught:
        plan(*paths, changes=changes)
    assert str(caught.value).isprintable()
    return str(caught.value)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_object_is_found_shown_written_and_taken_back(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "kind: Other\n", "deep/b.yaml": "# mine\n" + dump(entry()) + "---\n" + dump(entry("x"))})
    was = contents(tmp_path)
    edits = plan(tmp_path)
    place = str(tmp_path / "deep/b.yaml")
    assert unified_files(edits) == (
        f"--- {place}\n+++ {place}\n@@ -8,6 +8,8 @@\n   hosts:\n   - git.test\n   resolution: DNS\n"
        "+  addresses:\n+  - 198.51.100.20\n ---\n apiVersion: networking.istio.io/v1\n kind: ServiceEntry\n"
    )
    assert contents(tmp_path) == was
    write_edits(edits)
    assert load_documents((tmp_path / "deep/b.yaml").read_bytes(), "b") == [MEND.after, entry("x")]
    assert all(is_written(edit) for edit in edits)
    undo_edits(edits)
    assert contents(tmp_path) == was
    assert not any(is_written(edit) for edit in edits)


def test_an_edit_survives_a_journal(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": b"\xef\xbb\xbf# \xc3\xa9\r\n" + dump(entry()).encode()})
    edits = plan(tmp_path)
    assert json.decode(json.encode(edits), type=tuple[FileEdit, ...]) == edits
    assert [len(edits[0].before_sha256), len(edits[0].after_sha256)] == [64, 64]


def test_several_changes_of_one_file_are_one_edit(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": dump(entry()) + "---\n" + dump(entry("old")) + "---\n" + dump(entry("x"))})
    changes = (change(None, entry("new")), MEND, change(entry("old"), None))
    (edit,) = plan(tmp_path, changes=changes)
    assert load_documents(edit.after or b"", "a") == [MEND.after, entry("x"), entry("new")]


@pytest.mark.parametrize("name", ["list.yaml", "list.json", "array.json"])
def test_items_of_a_list(tmp_path: Path, name: str) -> None:
    items = [entry("x"), entry()]
    tree: Any = items if name == "array.json" else {"apiVersion": "v1", "kind": "List", "items": items}
    write(tmp_path, {name: dump(tree) if name.endswith("yaml") else json.format(json.encode(tree), indent=2)})
    (edit,) = plan(tmp_path, changes=(MEND, change(entry("x"), None), change(None, entry("new"))))
    (after,) = load_documents(edit.after or b"", name)
    assert (after if isinstance(after, list) else after["items"]) == [MEND.after, entry("new")]


def test_the_last_item_leaves_an_empty_list_and_the_last_document_no_file(tmp_path: Path) -> None:
    gone = change(entry(), None)
    write(tmp_path, {"serviceentries.yaml": dump({"apiVersion": "v1", "kind": "List", "items": [entry()]})})
    (edit,) = plan(tmp_path, changes=(gone,))
    assert edit.after == b"apiVersion: v1\nkind: List\nitems: []\n"
    (tmp_path / "serviceentries.yaml").write_text(dump(entry()))
    (edit,) = plan(tmp_path, changes=(gone,))
    assert edit.after is None
    write_edits([edit])
    assert contents(tmp_path) == {}
    undo_edits([edit])
    assert contents(tmp_path) == {"serviceentries.yaml": dump(entry()).encode()}


def test_items_of_a_captures_list_have_no_kind_of_their_own(tmp_path: Path) -> None:
    item = {key: value for key, value in entry().items() if key not in ("kind", "apiVersion")}
    write(tmp_path, {"serviceentries.yaml": dump({"kind": "ServiceEntryList", "apiVersion": API, "items": [item]})})
    (edit,) = plan(tmp_path)
    assert b"198.51.100.20" in (edit.after or b"")


def test_a_new_object_goes_to_its_like(tmp_path: Path) -> None:
    new = change(None, entry("new"))
    several = dump(entry("a")) + "---\n" + dump(entry("b"))
    write(tmp_path, {"other/a.yaml": dump(entry("z", "bank")), "shop/b.yaml": several})
    (edit,) = plan(tmp_path, changes=(new,))
    assert edit.path.endswith("shop/b.yaml")
    (tmp_path / "shop/b.yaml").write_text(dump(entry("a")))
    (edit,) = plan(tmp_path, changes=(new,))
    assert edit.path.endswith("shop/serviceentry-shop-new.yaml")
    assert edit.before is None
    mask = os.umask(0o027)
    try:
        write_edits([edit])
    finally:
        os.umask(mask)
    assert Path(edit.path).stat().st_mode & 0o777 == 0o640


def test_a_capture_takes_a_new_object_into_the_list_of_its_kind(tmp_path: Path) -> None:
    empty = "apiVersion: v1\nitems: []\nkind: List\n"
    write(tmp_path, {"resources/serviceentries.yaml": empty, "resources/sidecars.yaml": empty})
    (edit,) = plan(tmp_path / "resources", changes=(change(None, entry("new")),))
    assert edit.path.endswith("serviceentries.yaml")
    assert load_documents(edit.after or b"", "f")[0]["items"] == [entry("new")]


def test_a_new_file_is_named_in_its_kustomization(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": dump(entry("a")), "kustomization.yaml": "resources:\n  - a.yaml # first\n"})
    edits = plan(tmp_path, changes=(change(None, entry("new")),))
    assert {os.path.basename(edit.path): edit.after for edit in edits} == {
        "serviceentry-shop-new.yaml": dump(entry("new")).encode(),
        "kustomization.yaml": b"resources:\n  - a.yaml # first\n  - serviceentry-shop-new.yaml\n",
    }


def test_nothing_alike_and_a_name_that_is_taken(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "kind: Unrelated\n", "serviceentry-shop-new.yaml": "x: 1\n"})
    (edit,) = plan(tmp_path, changes=(change(None, entry("new")),))
    assert edit.path == str(tmp_path / "serviceentry-shop-new-2.yaml")


@pytest.mark.parametrize("name", ["../../../etc/passwd", "a/b", "..", "x\0y", "\x1b[2J", "$(reboot)", "-rf", "é" * 400])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"a.yaml": "kind: Unrelated\n"})
    (edit,) = plan(tmp_path, changes=(change(None, entry(name, name)),))
    assert os.path.dirname(edit.path) == str(tmp_path)
    write_edits([edit])
    assert unified_files([edit]).replace("\n", "").isprintable()


def test_file_names() -> None:
    assert file_name(ObjectKey(API, "ServiceEntry", "shop", "github")) == "serviceentry-shop-github.yaml"
    assert file_name(ObjectKey("v1", "Namespace", "", "shop")) == "namespace-shop.yaml"
    assert len(file_name(ObjectKey(API, "ServiceEntry", "n" * 300, "x")).encode()) < 255


HELM = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata:\n  name: github\n  namespace: {}\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.yaml": dump(entry("x"))}, "ServiceEntry shop/github is in none of the files given with -f. Give its file"),
        ({"a.yaml": dump(entry(namespace=""))}, "has ServiceEntry default/github: mend its namespace"),
        ({"a.yaml": dump(entry()), "b.yml": dump(entry())}, "is defined more than once, in"),
        ({"a.yaml": dump(entry()) + "---\n" + dump(entry())}, "is defined more than once, in"),
        ({"t.yaml": HELM.format("{{ .Values.ns }}")}, "t.yaml is a template"),
        ({"t.yaml": dump(entry(resolution="DNS", note="{{ .Values.x }}"))}, "is a template: change the chart by hand"),
        ({"a.yaml": dump({**entry(), "sops": {"mac": "ENC[...]"}})}, "is sealed with SOPS"),
        ({"a.yaml": dump(entry(addresses=["10.0.0.1"]))}, "says something else of ServiceEntry shop/github"),
        ({"a.yaml": "a: [\n"}, "could not be read"),
        ({"a.yaml.gz": b"\x1f\x8b\x08"}, "is packed"),
    ],
)
def test_what_is_better_left_alone_is_refused(tmp_path: Path, files: dict[str, str | bytes], told: str) -> None:
    write(tmp_path, files)
    was = contents(tmp_path)
    message = refusal(tmp_path)
    assert told in message
    assert "--export" in message
    assert contents(tmp_path) == was


def test_a_change_of_what_the_file_says_otherwise_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": dump(entry(ports=[{"number": 80}]))})
    ported = change(entry(ports=[{"number": 443}]), entry(ports=[{"number": 443}, {"number": 80}]))
    assert "says something else" in refusal(tmp_path, changes=(ported,))
    assert "says something else" in refusal(tmp_path, changes=(change(entry(ports=[]), None),))
    assert "already" in refusal(tmp_path, changes=(change(None, entry()),))


def test_what_differs_elsewhere_stays(tmp_path: Path) -> None:
    more = entry(location="MESH_EXTERNAL")
    more["status"] = {"addresses": []}
    write(tmp_path, {"a.yaml": dump(more)})
    (edit,) = plan(tmp_path)
    (after,) = load_documents(edit.after or b"", "a")
    assert after == {**more, "spec": {**more["spec"], "addresses": ["198.51.100.20"]}}


def test_a_file_reached_twice_is_one_file(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": dump(entry())})
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    (edit,) = plan(tmp_path, tmp_path / "a.yaml")
    write_edits([edit])
    assert (tmp_path / "b.yaml").is_symlink()
    assert load_documents((tmp_path / "b.yaml").read_bytes(), "b") == [MEND.after]


def test_a_link_out_of_the_folder_is_not_followed_and_one_given_itself_is(tmp_path: Path) -> None:
    write(tmp_path, {"outside/a.yaml": dump(entry()), "inside/x.yaml": "x: 1\n"})
    (tmp_path / "inside/a.yaml").symlink_to("../outside/a.yaml")
    assert "in none of the files" in refusal(tmp_path / "inside")
    (edit,) = plan(tmp_path / "inside/a.yaml")
    write_edits([edit])
    assert (tmp_path / "inside/a.yaml").is_symlink()
    assert b"198.51.100.20" in (tmp_path / "outside/a.yaml").read_bytes()


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="does not exist"):
        plan(tmp_path / "none")
    assert "There is no folder" in refusal(Path("-"), changes=(change(None, entry()),))


def test_mode_is_kept(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": dump(entry())})
    (tmp_path / "a.yaml").chmod(0o640)
    edits = plan(tmp_path)
    write_edits(edits)
    undo_edits(edits)
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == 0o640
    assert list(contents(tmp_path)) == ["a.yaml"]


@pytest.mark.parametrize(("name", "told"), [("a.yaml", "a.yaml is read-only"), ("", "its folder is read-only")])
def test_what_is_read_only_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    write(tmp_path, {"a.yaml": dump(entry())})
    closed, access = os.path.normpath(tmp_path / name), os.access

    def may(path: str, mode: int) -> bool:
        return not (mode & os.W_OK and os.fspath(path) == closed) and access(path, mode)

    monkeypatch.setattr(os, "access", may)
    message = refusal(tmp_path)
    assert told in message
    assert "use --export" in message.lower()


def two(tmp_path: Path) -> tuple[FileEdit, ...]:
    write(tmp_path, {"a.yaml": dump(entry()), "b.yaml": dump(entry("x"))})
    return plan(tmp_path, changes=(MEND, change(entry("x"), entry("x", resolution="NONE"))))


def test_a_file_that_changed_meanwhile_is_refused_and_the_other_is_not_touched(tmp_path: Path) -> None:
    edits = two(tmp_path)
    (tmp_path / "b.yaml").write_text("changed: 1\n")
    was = contents(tmp_path)
    with pytest.raises(NotEditable, match=r"b\.yaml was changed since it was read.*Nothing was written"):
        write_edits(edits)
    assert contents(tmp_path) == was


def test_undo_is_refused_where_the_file_is_not_what_was_written(tmp_path: Path) -> None:
    edits = two(tmp_path)
    write_edits(edits)
    (tmp_path / "a.yaml").write_text("changed: 1\n")
    was = contents(tmp_path)
    with pytest.raises(NotEditable, match=r"a\.yaml was changed since it was mended"):
        undo_edits(edits)
    assert contents(tmp_path) == was


@pytest.mark.parametrize("fails", [0, 1])
def test_what_was_written_is_put_back_when_the_next_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    edits = two(tmp_path)
    was = contents(tmp_path)
    replace, calls = os.replace, []

    def failing(old: str, new: str) -> None:
        calls.append(new)
        if len(calls) == fails + 1:
            raise OSError(28, "No space left on device")
        replace(old, new)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(NotEditable, match="No space left on device") as caught:
        write_edits(edits)
    assert contents(tmp_path) == was
    assert ("put back" in str(caught.value)) == bool(fails)


def test_what_cannot_be_put_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edits = two(tmp_path)
    replace, calls = os.replace, []

    def failing(old: str, new: str) -> None:
        calls.append(new)
        if len(calls) > 1:
            raise OSError(5, "Input/output error")
        replace(old, new)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(NotEditable, match=r"These stay changed, and could not be put back: .*a\.yaml"):
        write_edits(edits)


def test_interrupted_between_two_files_it_can_be_continued_or_taken_back(tmp_path: Path) -> None:
    edits = two(tmp_path)
    was = contents(tmp_path)
    write_edits(edits[:1])
    write_edits(edits)
    assert all(is_written(edit) for edit in edits)
    undo_edits(edits)
    write_edits(edits[:1])
    undo_edits(edits)
    assert contents(tmp_path) == was


def test_a_new_file_does_not_replace_one_made_meanwhile(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "kind: Unrelated\n"})
    (edit,) = plan(tmp_path, changes=(change(None, entry("new")),))
    Path(edit.path).write_text("theirs: 1\n")
    with pytest.raises(NotEditable, match="changed since it was read"):
        write_edits([edit])
    assert Path(edit.path).read_text() == "theirs: 1\n"


def test_a_file_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"in/a.yaml": dump(entry()), "out.yaml": dump(entry())})
    edits = plan(tmp_path / "in")
    (tmp_path / "in/a.yaml").unlink()
    (tmp_path / "in/a.yaml").symlink_to("../out.yaml")
    with pytest.raises(NotEditable, match="leads elsewhere now"):
        write_edits(edits)
    assert (tmp_path / "out.yaml").read_text() == dump(entry())


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True), st.booleans())
def test_undo_restores_every_byte(tmp_path_factory: pytest.TempPathFactory, touched: list[str], crlf: bool) -> None:
    root = tmp_path_factory.mktemp("manifests")
    text = "# top\n" + "---\n".join(dump(entry(name)) for name in "abc")
    write(root, {"all.yaml": text.replace("\n", "\r\n") if crlf else text})
    was = contents(root)
    edits = plan(root, changes=tuple(change(entry(name), entry(name, resolution="NONE")) for name in touched))
    write_edits(edits)
    after = contents(root)["all.yaml"].decode()
    assert after.count("resolution: NONE") == len(touched)
    undo_edits(edits)
    assert contents(root) == was
