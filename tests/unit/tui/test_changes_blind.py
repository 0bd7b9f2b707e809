"""What was not looked at again is not told to be gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from meshdoctor.bundled import snapshots_dir
from meshdoctor.diagnosis.events import Event
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.doctor import Source
from meshdoctor.tui.state.mesh_state import MeshState


class Looked:
    """A board over a copy of a snapshot."""

    def __init__(self, folder: Path, snapshot: str) -> None:
        shutil.copytree(snapshots_dir() / snapshot, folder)
        self.mesh_state = MeshState()
        self.events: list[Event] = []
        self.diagnosis_session = DiagnosisSession(Source(path=folder), self.events.append)
        self.look()

    def look(self) -> None:
        self.events.clear()
        self.diagnosis_session.refresh_now()
        self.mesh_state.apply(self.events)


@pytest.mark.parametrize("kind", ["serviceentries", "pods"])
def test_without_the_objects_it_rests_on_nothing_is_gone(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "mesh"
    looked = Looked(folder, "tcp-port-clash")
    before = {*looked.mesh_state.findings}, {*looked.mesh_state.hosts}
    assert all(before)
    file = folder / "resources" / f"{kind}.yaml"
    content = file.read_bytes()
    file.unlink()
    looked.look()
    not_run = {gap.rule for gap in looked.mesh_state.diagnosis.not_evaluated}  # type: ignore[union-attr]
    gone = looked.mesh_state.changes.gone("findings").values()
    assert [line.finding.rule for line in gone if line.finding.rule in not_run] == []
    assert looked.mesh_state.changes.gone("hosts") == {}
    assert looked.mesh_state.changes.gone("pods") == {}
    looked.look()
    assert looked.mesh_state.changes.gone("hosts") == {}, "nor is it while that stays so"
    assert [line for line in looked.mesh_state.changes.gone("findings").values() if line.finding.rule in not_run] == []
    file.write_bytes(content)
    looked.look()
    assert ({*looked.mesh_state.findings}, {*looked.mesh_state.hosts}) == before
    assert not looked.mesh_state.changes.unseen("findings")


def test_what_is_looked_at_and_not_there_is_gone(tmp_path: Path) -> None:
    """Gaps that were there all the time hide nothing."""
    folder = tmp_path / "mesh"
    looked = Looked(folder, "tcp-port-clash")
    for part in ("proxies", "resources/serviceentries.yaml"):
        source, target = snapshots_dir() / "mysql-blocked" / part, folder / part
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    looked.look()
    assert looked.mesh_state.changes.gone("findings")
    assert not looked.mesh_state.changes.unseen("findings")


def test_entries_that_go_while_the_sidecar_keeps_their_clusters_are_not_gone(tmp_path: Path) -> None:
    folder = tmp_path / "mesh"
    looked = Looked(folder, "tcp-port-clash")
    (folder / "resources" / "serviceentries.yaml").write_text("apiVersion: v1\nitems: []\nkind: List\n", "utf-8")
    looked.look()
    assert "tcp-hosts-ignored" in {line.finding.rule for line in looked.mesh_state.changes.unseen("findings").values()}
    assert "config-stale" in {line.finding.rule for line in looked.mesh_state.findings.values()}
