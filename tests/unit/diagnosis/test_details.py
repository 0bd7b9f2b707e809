from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshdoctor import doctor
from meshdoctor.bundled import snapshot_names
from meshdoctor.diagnosis.details import host_facts, pod_facts
from meshdoctor.diagnosis.file_stamps import stamp
from meshdoctor.doctor import Source


@pytest.mark.parametrize("name", snapshot_names())
def test_every_pod_and_host_of_a_snapshot_has_its_facts(name: str) -> None:
    case = doctor.open_case(Source(snapshot=name))
    rows = doctor.hosts(case).hosts
    assert rows
    for key in sorted(case.mesh.pod_names):
        facts = pod_facts(case, key)
        assert {dependency.pair for dependency in facts.dependencies} == {
            (r.host, r.port) for r in rows for w in r.used_by if w.pod == key
        }
        if facts.role == "sidecar":
            assert facts.version
            assert facts.policy[0].value in ("REGISTRY_ONLY", "ALLOW_ANY", "unknown")
            assert facts.policy[0].evidence is not None or facts.policy[0].value == "unknown"
    for row in rows:
        found = host_facts(case, row.host, row.port)
        registering = {entry.name for entry in found.entries if entry.has_port or row.port is None}
        assert registering == set(row.registered_by)
        assert {dependency.pod for dependency in found.dependencies} == {dependency.pod for dependency in row.used_by}
        known = set((case.mesh.dns or {}).get(row.host, ()))
        assert known <= {ip for ip, _ in found.addresses}


def test_capture_settings_are_told_with_where_they_stand() -> None:
    case = doctor.open_case(Source(snapshot="bypass-annotation"))
    told = [said for key in case.mesh.pods for said in pod_facts(case, key).capture]
    assert any("captured" in said.name and said.where and said.evidence for said in told)


def test_what_is_not_there_is_named() -> None:
    case = doctor.open_case(Source(snapshot="healthy"))
    facts = pod_facts(case, "shop/nobody")
    assert "does not exist any more" in facts.unread[0].because
    found = host_facts(case, "nobody.test", 443)
    assert (found.entries, found.addresses, found.dependencies) == ((), (), ())
    assert found.are_entries_known


def test_files_have_a_stamp_that_any_change_changes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one, other = tmp_path / "a" / "one.yaml", tmp_path / "other.yaml"
    one.write_text("1", encoding="utf-8")
    source = Source(path=tmp_path / "a", manifests=(other,))
    first = stamp(source)
    assert stamp(source) == first
    other.write_text("x", encoding="utf-8")
    second = stamp(source)
    assert second != first
    os.utime(one, ns=(1, 1))
    third = stamp(source)
    assert third != second
    one.unlink()
    assert stamp(source) != third
    assert stamp(Source(snapshot="healthy")) == frozenset()
