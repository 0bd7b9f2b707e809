"""A capture's folder: its layout, what capture.yaml says, and folders that mean harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshdoctor.errors import NothingToJudge, Unreadable, UsageError
from meshdoctor.model.evidence import Capture
from meshdoctor.sources import Limits, read_capture, read_snapshot
from tests.unit.sources.sources import CAPTURE, DUMP, PODS, PROXY, write


def notes(capture: Capture) -> dict[str, str]:
    return {note.path: note.because for note in capture.unread}


def test_a_capture_keeps_its_own_paths(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, CAPTURE))
    assert set(capture.documents) == set(CAPTURE)
    assert capture.kind == "capture"
    assert capture.location == str(tmp_path)
    assert capture.unread == ()
    assert all(capture.documents[path].read() == content for path, content in CAPTURE.items())
    assert capture.documents["resources/pods.yaml"].size == len(PODS)


def test_documents_are_read_when_asked_for(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, CAPTURE))
    (tmp_path / PROXY / "config_dump.json").write_bytes(b"later")
    assert capture.documents[PROXY + "config_dump.json"].read() == b"later"
    (tmp_path / PROXY / "config_dump.json").unlink()
    with pytest.raises(Unreadable, match=r"config_dump\.json cannot be read: No such file"):
        capture.documents[PROXY + "config_dump.json"].read()


def test_ground_truth_and_strangers_are_not_evidence(tmp_path: Path) -> None:
    strangers = {"observed.json": b"{}", "expect.yaml": b"a: 1", "README.md": b"#", "other/dump.json": DUMP}
    strangers |= {PROXY + "app.log": b"x", ".git/resources/pods.yaml": PODS, "resources/deep/pods.yaml": PODS}
    assert set(read_capture(write(tmp_path, {**CAPTURE, **strangers})).documents) == set(CAPTURE)


def test_a_folder_around_the_capture_is_no_part_of_its_paths(tmp_path: Path) -> None:
    write(tmp_path / "incident-42", CAPTURE)
    assert set(read_capture(tmp_path).documents) == set(CAPTURE)


def test_several_captures_side_by_side_are_a_question(tmp_path: Path) -> None:
    for name in "abcdefg":
        write(tmp_path / name, CAPTURE)
    with pytest.raises(UsageError, match=r"contains 7 captures side by side \(a, b, c, d, e \.\.\.\)"):
        read_capture(tmp_path)


def test_capture_yaml_gives_the_time_and_what_was_not_read(tmp_path: Path) -> None:
    about = (
        b"schema: 1\ncaptured_at: 2026-11-21T09:48:47Z\nunread: [{path: resources/secrets.yaml, because: forbidden}, 7]"
    )
    capture = read_capture(write(tmp_path, {**CAPTURE, "capture.yaml": about}))
    assert capture.captured_at == "2026-11-21T09:48:47Z"
    assert notes(capture) == {"resources/secrets.yaml": "forbidden"}
    assert "capture.yaml" not in capture.documents


@pytest.mark.parametrize(
    ("about", "words"),
    [(b"a: [", "not YAML"), (b"- 1", "not a mapping"), (b"schema: 9", "has schema 9")],
)
def test_a_broken_or_newer_capture_yaml_costs_only_a_note(tmp_path: Path, about: bytes, words: str) -> None:
    capture = read_capture(write(tmp_path, {**CAPTURE, "capture.yaml": about}))
    assert set(capture.documents) == set(CAPTURE)
    assert words in notes(capture)["capture.yaml"]


def test_json_beside_yaml_of_one_kind_is_not_read_twice(tmp_path: Path) -> None:
    files = {"resources/pods.json": b"{}", "resources/pods.yaml": PODS, "resources/services.json": b"{}"}
    capture = read_capture(write(tmp_path, files))
    assert set(capture.documents) == {"resources/pods.yaml", "resources/services.json"}
    assert "resources/pods.yaml" in notes(capture)["resources/pods.json"]


def test_a_snapshot_is_a_capture_with_a_name(tmp_path: Path) -> None:
    card = {"snapshot.yaml": b"captured_at: 2026-11-21T09:48:47Z\n"}
    snapshot = read_snapshot(write(tmp_path / "mysql-blocked", {**CAPTURE, **card}))
    assert (snapshot.kind, snapshot.name) == ("snapshot", "mysql-blocked")
    assert snapshot.captured_at == "2026-11-21T09:48:47Z"
    assert set(snapshot.documents) == set(CAPTURE)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"nowhere does not exist\. Expected: a capture"):
        read_capture(tmp_path / "nowhere")


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_a_path_that_cannot_be(path: str) -> None:
    with pytest.raises(Unreadable):
        read_capture(Path(path))


def test_an_empty_folder_is_nothing_to_judge(tmp_path: Path) -> None:
    (tmp_path / "proxies" / "shop").mkdir(parents=True)
    with pytest.raises(NothingToJudge, match="contains no evidence"):
        read_capture(tmp_path)


def test_a_link_out_of_the_capture_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "secret", {"web-2/config_dump.json": DUMP, "key.yaml": PODS})
    capture = write(tmp_path / "capture", CAPTURE)
    (capture / "proxies/stolen").symlink_to(tmp_path / "secret")
    (capture / "resources/secrets.yaml").symlink_to("../../secret/key.yaml")
    (capture / "resources/gone.yaml").symlink_to("nowhere.yaml")
    read = read_capture(capture)
    assert set(read.documents) == set(CAPTURE)
    assert set(notes(read)) == {"proxies/stolen", "resources/secrets.yaml", "resources/gone.yaml"}


def test_a_link_inside_the_capture_is_followed_and_a_loop_ends(tmp_path: Path) -> None:
    write(tmp_path, {**CAPTURE, "resources/..data/services.yaml": PODS})
    (tmp_path / "resources/services.yaml").symlink_to("..data/services.yaml")
    (tmp_path / "proxies/shop/loop").symlink_to("..")
    assert set(read_capture(tmp_path).documents) == {*CAPTURE, "resources/services.yaml"}


def test_names_with_control_characters_are_left_out_and_shown_harmless(tmp_path: Path) -> None:
    write(tmp_path, {**CAPTURE, "proxies/shop/\x1b[31mred/config_dump.json": DUMP, "resources/a\nb.yaml": PODS})
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/resources/\xff.yaml"))).write_bytes(PODS)
    capture = read_capture(tmp_path)
    assert set(capture.documents) == set(CAPTURE)
    assert {"proxies/shop/\\x1b[31mred", "resources/\\udcff.yaml"} < set(notes(capture))


def test_what_may_not_be_read_is_named_and_the_rest_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, CAPTURE)
    # Permission bits do not bind root, under which CI may run.
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("pods.yaml"))
    capture = read_capture(tmp_path)
    assert notes(capture) == {"resources/pods.yaml": "cannot be read: permission denied"}
    assert PROXY + "config_dump.json" in capture.documents


def test_where_nothing_may_be_read_it_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, CAPTURE)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(Unreadable, match="permission denied"):
        read_capture(tmp_path)


def test_pipes_in_a_folder_are_not_opened(tmp_path: Path) -> None:
    write(tmp_path, CAPTURE)
    os.mkfifo(tmp_path / "resources/services.yaml")
    assert notes(read_capture(tmp_path)) == {"resources/services.yaml": "is not a regular file"}


def test_limits_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path, CAPTURE)
    large = read_capture(tmp_path, Limits(document=60))
    assert "the limit for one file" in notes(large)[PROXY + "config_dump.json"]
    with pytest.raises(UsageError, match="more than 3 files of evidence"):
        read_capture(tmp_path, Limits(files=3))
    with pytest.raises(UsageError, match="Give the folder of the capture"):
        read_capture(tmp_path, Limits(entries=4))


def test_a_file_that_grows_past_the_limit_is_refused_at_reading(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, CAPTURE), Limits(document=100))
    (tmp_path / PROXY / "config_dump.json").write_bytes(b" " * 101)
    with pytest.raises(Unreadable, match="larger than 100 bytes"):
        capture.documents[PROXY + "config_dump.json"].read()


def test_real_captures_are_read_whole(shared: Path) -> None:
    captures = [path.parent for path in sorted((shared / "captures").glob("*/resources"))]
    assert captures
    for path in captures:
        capture = read_capture(path)
        assert capture.unread == ()
        assert {"config_dump.json", "server_info.json", "clusters.json", "stats.txt"} <= {
            name for documents in capture.proxy_documents().values() for name in documents
        }
        assert any(path.startswith("resources/serviceentries.") for path in capture.documents)
        assert not any("observed" in document for document in capture.documents)
