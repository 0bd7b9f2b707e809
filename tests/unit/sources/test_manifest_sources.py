"""`-f`: manifests beside a capture."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from meshdoctor.errors import NothingToJudge, Unreadable, UsageError
from meshdoctor.sources import read_capture, with_manifests
from tests.unit.sources.sources import CAPTURE, DUMP, PODS, write


def test_files_and_folders_are_added_by_name(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path / "capture", CAPTURE))
    write(tmp_path / "one", {"se.yaml": b"kind: A", "sub/vs.yml": b"kind: B", "README.md": b"#"})
    write(tmp_path / "two", {"se.yaml": b"kind: C"})
    more = with_manifests(capture, [tmp_path / "one", tmp_path / "two/se.yaml"])
    added = {key: more.documents[key].read() for key in more.documents if key not in capture.documents}
    assert added == {
        "manifests/se.yaml": b"kind: A",
        "manifests/sub/vs.yml": b"kind: B",
        "manifests/se~2.yaml": b"kind: C",
    }
    assert more.documents["manifests/se~2.yaml"].origin == str(tmp_path / "two/se.yaml")
    assert set(capture.documents) == set(CAPTURE)


def test_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = read_capture(write(tmp_path, CAPTURE))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PODS)))
    assert with_manifests(capture, [Path("-")]).documents["manifests/stdin"].read() == PODS


def test_manifests_are_not_taken_for_a_layout(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path / "capture", CAPTURE))
    write(tmp_path / "chart", {"proxies/a/b/config_dump.json": b"{}", "resources/x.yaml": PODS})
    assert {"manifests/resources/x.yaml"} < set(with_manifests(capture, [tmp_path / "chart"]).documents)


def test_what_cannot_be_added_is_told(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path / "capture", CAPTURE))
    write(tmp_path, {"web.json": DUMP})
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unreadable, match="nowhere does not exist"):
        with_manifests(capture, [tmp_path / "nowhere"])
    with pytest.raises(NothingToJudge, match=r"contains no \.yaml"):
        with_manifests(capture, [tmp_path / "empty"])
    with pytest.raises(UsageError, match="Give it with --from"):
        with_manifests(capture, [tmp_path / "web.json"])
