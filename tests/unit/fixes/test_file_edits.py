"""Fixes in files: found where the object stands, shown, and refused where they are better left alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from meshdoctor.errors import Unreadable
from meshdoctor.fixes.files.file_edits import unified_files
from meshdoctor.fixes.files.file_writes import is_written, undo_edits, write_edits
from meshdoctor.fixes.files.manifest_placement import file_name
from meshdoctor.model.fix import FileEdit
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.yamlio import dump, load_documents
from tests.unit.fixes.changed_files import API, FIX, change, contents, entry, plan, refusal, write


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
    assert load_documents((tmp_path / "deep/b.yaml").read_bytes(), "b") == [FIX.after, entry("x")]
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
    changes = (change(None, entry("new")), FIX, change(entry("old"), None))
    (edit,) = plan(tmp_path, changes=changes)
    assert load_documents(edit.after or b"", "a") == [FIX.after, entry("x"), entry("new")]


@pytest.mark.parametrize("name", ["list.yaml", "list.json", "array.json"])
def test_items_of_a_list(tmp_path: Path, name: str) -> None:
    items = [entry("x"), entry()]
    tree: Any = items if name == "array.json" else {"apiVersion": "v1", "kind": "List", "items": items}
    write(tmp_path, {name: dump(tree) if name.endswith("yaml") else json.format(json.encode(tree), indent=2)})
    (edit,) = plan(tmp_path, changes=(FIX, change(entry("x"), None), change(None, entry("new"))))
    (after,) = load_documents(edit.after or b"", name)
    assert (after if isinstance(after, list) else after["items"]) == [FIX.after, entry("new")]


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
    assert file_name(ObjectRef("ServiceEntry", "shop", "github", api_version=API)) == "serviceentry-shop-github.yaml"
    assert file_name(ObjectRef("Namespace", "", "shop", api_version="v1")) == "namespace-shop.yaml"
    assert len(file_name(ObjectRef("ServiceEntry", "n" * 300, "x", api_version=API)).encode()) < 255


HELM = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata:\n  name: github\n  namespace: {}\n"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.yaml": dump(entry("x"))}, "ServiceEntry shop/github is in none of the files given with -f. Give its file"),
        ({"a.yaml": dump(entry(namespace=""))}, "has ServiceEntry default/github: set metadata.namespace there"),
        ({"a.yaml": dump(entry()), "b.yml": dump(entry())}, "is defined more than once, in"),
        ({"a.yaml": dump(entry()) + "---\n" + dump(entry())}, "is defined more than once, in"),
        ({"t.yaml": HELM.format("{{ .Values.ns }}")}, "t.yaml is a template"),
        ({"t.yaml": dump(entry(resolution="DNS", note="{{ .Values.x }}"))}, "is a template: change the chart itself"),
        ({"a.yaml": dump({**entry(), "sops": {"mac": "ENC[...]"}})}, "is encrypted with SOPS"),
        ({"a.yaml": dump(entry(addresses=["10.0.0.1"]))}, "differs from the evidence in a field"),
        ({"a.yaml": "a: [\n"}, "could not be read"),
        (
            {"kustomization.yaml": "namePrefix: eu-\nresources: [a.yaml]\n", "a.yaml": dump(entry("hub"))},
            "kustomization.yaml generates or renames objects",
        ),
        ({"a.yaml.gz": b"\x1f\x8b\x08"}, "is compressed"),
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
    assert "differs from the evidence" in refusal(tmp_path, changes=(ported,))
    assert "differs from the evidence" in refusal(tmp_path, changes=(change(entry(ports=[]), None),))
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
    assert load_documents((tmp_path / "b.yaml").read_bytes(), "b") == [FIX.after]


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
    assert "No folder to write" in refusal(Path("-"), changes=(change(None, entry()),))


@pytest.mark.parametrize(
    ("name", "told"), [("a.yaml", "a.yaml is not writable for you"), ("", "its folder is read-only")]
)
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
