"""Files are written whole or not at all, never over what somebody else wrote, and taken back byte for byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.errors import NotEditable
from meshdoctor.fixes.files.file_writes import is_written, undo_edits, write_edits
from meshdoctor.model.fix import FileEdit
from meshdoctor.yamlio import dump
from tests.unit.fixes.changed_files import FIX, change, contents, entry, plan, write


def test_mode_is_kept(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": dump(entry())})
    (tmp_path / "a.yaml").chmod(0o640)
    edits = plan(tmp_path)
    write_edits(edits)
    undo_edits(edits)
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == 0o640
    assert list(contents(tmp_path)) == ["a.yaml"]


def two(tmp_path: Path) -> tuple[FileEdit, ...]:
    write(tmp_path, {"a.yaml": dump(entry()), "b.yaml": dump(entry("x"))})
    return plan(tmp_path, changes=(FIX, change(entry("x"), entry("x", resolution="NONE"))))


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
    with pytest.raises(NotEditable, match=r"a\.yaml was changed since the fix"):
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
    assert ("were restored" in str(caught.value)) == bool(fails)


def test_ctrl_c_between_two_files_leaves_both_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edits = two(tmp_path)
    was = contents(tmp_path)
    replace, calls = os.replace, []

    def interrupted(old: str, new: str) -> None:
        calls.append(new)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(old, new)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_edits(edits)
    assert contents(tmp_path) == was


def test_what_cannot_be_put_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edits = two(tmp_path)
    replace, calls = os.replace, []

    def failing(old: str, new: str) -> None:
        calls.append(new)
        if len(calls) > 1:
            raise OSError(5, "Input/output error")
        replace(old, new)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(NotEditable, match=r"These files were changed and could not be restored: .*a\.yaml"):
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
    with pytest.raises(NotEditable, match="is now a link"):
        write_edits(edits)
    assert (tmp_path / "out.yaml").read_text() == dump(entry())


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True), st.booleans())
def test_undo_restores_every_byte(tmp_path_factory: pytest.TempPathFactory, impact: list[str], crlf: bool) -> None:
    root = tmp_path_factory.mktemp("manifests")
    text = "# top\n" + "---\n".join(dump(entry(name)) for name in "abc")
    write(root, {"all.yaml": text.replace("\n", "\r\n") if crlf else text})
    was = contents(root)
    edits = plan(root, changes=tuple(change(entry(name), entry(name, resolution="NONE")) for name in impact))
    write_edits(edits)
    after = contents(root)["all.yaml"].decode()
    assert after.count("resolution: NONE") == len(impact)
    undo_edits(edits)
    assert contents(root) == was
