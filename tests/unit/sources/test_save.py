"""A saved capture reads back as it was, is there whole or not at all, and replaces nothing."""

from __future__ import annotations

import errno
import json
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from meshdoctor import bundled, doctor, yamlio
from meshdoctor.errors import NothingToJudge, Unreadable, UsageError
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.report import json_v1
from meshdoctor.sources import save as saving
from meshdoctor.sources.read_source import read_capture
from meshdoctor.sources.redact import Removals
from meshdoctor.sources.save import check_target, save
from tests.conftest import Cli

NAMES = ["saved", "saved.tar.gz", "saved.tgz", "saved.tar.zst"]
SNAPSHOT = "tcp-port-clash"


@pytest.fixture
def capture() -> Capture:
    found = read_capture(bundled.snapshots_dir() / SNAPSHOT)
    unread = (Unread("resources/sidecars.yaml", "forbidden: no right"),)
    return structs.replace(found, captured_at="2026-11-21T10:00:00Z", unread=unread)


def contents(capture: Capture) -> dict[str, bytes]:
    return {path: document.read() for path, document in capture.documents.items()}


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_back_as_it_was(tmp_path: Path, capture: Capture, name: str) -> None:
    written = save(capture, tmp_path / name, Removals(), {"context": "prod"})
    again = read_capture(tmp_path / name)
    assert contents(again) == contents(capture)
    assert again.captured_at == capture.captured_at
    assert again.unread == capture.unread
    assert written.size > 1000
    assert (written.documents, written.unread) == (len(capture.documents), capture.unread)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_others_cannot_read_it(tmp_path: Path, capture: Capture, name: str) -> None:
    save(capture, tmp_path / name, Removals(), {})
    mode = stat.S_IMODE((tmp_path / name).stat().st_mode)
    assert mode == (0o700 if (tmp_path / name).is_dir() else 0o600)


def test_what_is_inside_an_archive_unpacks_in_one_folder(tmp_path: Path, capture: Capture) -> None:
    save(capture, tmp_path / "shop.tar.gz", Removals(), {})
    with tarfile.open(tmp_path / "shop.tar.gz") as archive:
        members = archive.getmembers()
    assert {member.name.split("/")[0] for member in members} == {"shop"}
    assert members[-1].name == "shop/capture.yaml"
    assert {(member.mode, member.uid, member.uname) for member in members} == {(0o600, 0, "")}


def test_the_card_says_where_it_comes_from_and_what_is_not_in_it(tmp_path: Path, capture: Capture) -> None:
    removals = Removals()
    removals.add("resources/pods.yaml", "env DB_PASSWORD", 2)
    save(capture, tmp_path / "saved", removals, {"context": "prod", "namespaces": ["shop"], "interrupted": False})
    (card,) = yamlio.load_documents((tmp_path / "saved" / "capture.yaml").read_bytes(), "capture.yaml")
    assert card["tool"]["name"] == "meshdoctor"
    assert (card["schema"], card["context"], card["namespaces"], card["interrupted"]) == (1, "prod", ["shop"], False)
    assert card["removed"] == [{"path": "resources/pods.yaml", "what": "env DB_PASSWORD", "count": 2}]
    assert [note["path"] for note in card["unread"]] == ["resources/sidecars.yaml"]


@pytest.mark.parametrize("name", NAMES)
def test_cut_short_it_leaves_nothing(tmp_path: Path, capture: Capture, name: str) -> None:
    def struck() -> bytes:
        raise KeyboardInterrupt

    documents = {**capture.documents, "resources/zzz.yaml": Document("resources/zzz.yaml", struck, 0)}
    with pytest.raises(KeyboardInterrupt):
        save(structs.replace(capture, documents=documents), tmp_path / name, Removals(), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, capture: Capture, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saving, "_write_file", full)
    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(Unreadable, match=rf"cannot write .*{name}: No space left on device"):
        save(capture, tmp_path / name, Removals(), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_there_is_not_touched(tmp_path: Path, capture: Capture, name: str) -> None:
    target = tmp_path / name
    if name == "saved":
        target.mkdir()
        target = target / "mine.txt"
    target.write_text("mine")
    with pytest.raises(UsageError, match="exists and is not overwritten"):
        save(capture, tmp_path / name, Removals(), {})
    assert target.read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path, capture: Capture) -> None:
    (tmp_path / "saved").mkdir()
    save(capture, tmp_path / "saved", Removals(), {})
    assert contents(read_capture(tmp_path / "saved")) == contents(capture)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.gz", "a.tar.xz", "nowhere/a", "nowhere/a.tar.gz"])
def test_names_that_make_no_capture(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        check_target(tmp_path / name)


@pytest.mark.parametrize("name", ["", "/", "..", "."])
def test_names_of_folders_that_are_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine").touch()
    monkeypatch.chdir(tmp_path / "x")
    with pytest.raises(UsageError):
        check_target(Path(name))


@pytest.mark.parametrize("name", NAMES)
def test_capture_from_a_snapshot_gives_the_same_check(cli: Cli, tmp_path: Path, name: str) -> None:
    done = cli("capture", str(tmp_path / name), "--from", f"demo:{SNAPSHOT}")
    assert (done.code, done.out) == (0, f"{tmp_path / name}\n")
    first, second = (
        json.loads(cli("check", "--json", "--from", place).out) for place in (f"demo:{SNAPSHOT}", str(tmp_path / name))
    )
    for report in (first, second):
        del report["source"]
        for found in report["findings"]:
            for piece in found["evidence"]:
                piece.pop("line", None)
    assert first == second


def test_a_capture_of_a_capture_keeps_what_was_not_read(tmp_path: Path, capture: Capture) -> None:
    save(capture, tmp_path / "one", Removals(), {})
    doctor.save_capture(doctor.Source(path=tmp_path / "one"), tmp_path / "two")
    assert read_capture(tmp_path / "two").unread == capture.unread
    assert read_capture(tmp_path / "two").captured_at == capture.captured_at


def test_of_a_damaged_document_what_is_whole_is_kept_and_it_is_named(tmp_path: Path, capture: Capture) -> None:
    save(capture, tmp_path / "one", Removals(), {})
    (tmp_path / "one" / "resources" / "services.yaml").write_text("items: [")
    saved = doctor.save_capture(doctor.Source(path=tmp_path / "one"), tmp_path / "two")
    assert "resources/services.yaml" in {note.path for note in saved.unread}
    assert "resources/services.yaml" in {note.path for note in read_capture(tmp_path / "two").unread}


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "Status", "code": 403}',
        "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata:\n    name: a\n",
        '{"kind": "List", "metadata": {"continue": "x"}, "items": []}',
        '{"kind": "PodList", "items": []}',
        '{"kind": "List", "items": [7]}',
        '{"kind": "List", "items": [7], "items": []}',
        '{"kind": "List"}',
        '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {}}',
        '{"kind": "List", "items": [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}, {"a',
        "",
    ],
)
def test_what_a_list_lacked_is_lacking_in_the_saved_capture(tmp_path: Path, capture: Capture, text: str) -> None:
    save(capture, tmp_path / "one", Removals(), {})
    (tmp_path / "one" / "resources" / "services.yaml").write_text(text)
    doctor.save_capture(doctor.Source(path=tmp_path / "one"), tmp_path / "two")
    assert not read_mesh(read_capture(tmp_path / "one")).coverage("services").is_whole
    assert not read_mesh(read_capture(tmp_path / "two")).coverage("services").is_whole


def test_a_page_that_cannot_be_read_costs_only_itself(tmp_path: Path, capture: Capture) -> None:
    def refuse() -> bytes:
        raise Unreadable("no config dump in the report")

    path = "proxies/shop/web/config_dump.json"
    more = structs.replace(capture, documents={**capture.documents, path: Document(path, refuse, 0)})
    written = save(more, tmp_path / "saved", Removals(), {})
    assert written.unread[-1] == Unread(path, "no config dump in the report")
    assert read_capture(tmp_path / "saved").unread == written.unread
    assert contents(read_capture(tmp_path / "saved")) == contents(capture)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("path", ["proxies/a/../../../../out/x.json", "/out.json", "proxies/a//x.json", "a\nb.json"])
def test_a_name_that_leads_elsewhere_is_not_written(tmp_path: Path, capture: Capture, name: str, path: str) -> None:
    document = Document(path, lambda: b"{}", 2)
    written = save(structs.replace(capture, documents={path: document}), tmp_path / name, Removals(), {})
    assert written.documents == 0
    assert "not a valid file name" in written.unread[-1].because
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_a_name_taken_meanwhile_is_not_replaced(tmp_path: Path, capture: Capture) -> None:
    target = tmp_path / "saved.tar.gz"

    def taken() -> bytes:
        target.write_text("mine")
        return b"{}"

    more = {**capture.documents, "dns.json": Document("dns.json", taken, 2)}
    with pytest.raises(UsageError, match="exists"):
        save(structs.replace(capture, documents=more), target, Removals(), {})
    assert target.read_text() == "mine"
    assert [found.name for found in tmp_path.iterdir()] == [target.name]


def test_nothing_is_saved_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty" / "resources").mkdir(parents=True)
    (tmp_path / "empty" / "resources" / "services.yaml").write_text("kind: List\nitems: []\n")
    with pytest.raises(NothingToJudge):
        doctor.save_capture(doctor.Source(path=tmp_path / "empty"), tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize("name", ["taken", "a.zip", "nowhere/a"])
def test_a_wrong_target_is_told_before_anything_is_read(cli: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_text("mine")
    done = cli("capture", str(tmp_path / name), "--from", str(tmp_path / "not-there"))
    assert (done.code, done.out) == (2, "")
    assert (tmp_path / "taken").read_text() == "mine"


def test_json_of_a_saved_capture_names_it(tmp_path: Path, capture: Capture) -> None:
    save(capture, tmp_path / "saved.tar.zst", Removals(), {})
    case = doctor.open_case(doctor.Source(path=tmp_path / "saved.tar.zst"))
    source = json.loads(json_v1.check(doctor.diagnose(case)))["source"]
    assert (source["kind"], source["captured_at"]) == ("capture", "2026-11-21T10:00:00Z")
