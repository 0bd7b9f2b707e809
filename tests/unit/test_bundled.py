"""bundled: in a checkout, and in an installation that has lost its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdoctor import bundled
from meshdoctor.errors import Unreadable


def test_a_checkout_holds_them_beside_the_package(root: Path) -> None:
    assert bundled.rules_dir() == root / "rules"
    assert bundled.snapshots_dir() == root / "snapshots"


def test_an_installation_holds_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b", "a"):
        (tmp_path / "_bundled/snapshots" / name).mkdir(parents=True)
        (tmp_path / "_bundled/snapshots" / name / "snapshot.yaml").touch()
    (tmp_path / "_bundled/snapshots/no-snapshot").mkdir()
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path)
    assert bundled.snapshots_dir() == tmp_path / "_bundled/snapshots"
    assert bundled.snapshot_names() == ["a", "b"]


def test_a_broken_installation_names_both_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path / "meshdoctor")
    with pytest.raises(Unreadable, match=r"neither in .*/_bundled/rules nor in .*/rules: .* Install meshdoctor again"):
        bundled.rules_dir()


def test_guides_come_in_the_order_of_their_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/README.md").write_text("# Guides\n\n## How to\n\n- [b](b.md): Do b\n- [a](a.md): Do a\n")
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path)
    assert bundled.guides() == [bundled.Guide("b", "How to", "Do b"), bundled.Guide("a", "How to", "Do a")]
    with pytest.raises(Unreadable, match=r"the guide .*/docs/b\.md is missing: .* Install meshdoctor again"):
        bundled.guide_text("b")
