"""What a look at files may take over of the one before: not what rests on files that it does not count."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from meshdoctor.bundled import snapshots_dir
from meshdoctor.diagnosis import cache
from meshdoctor.diagnosis.events import DiagnosisFinished, Event, PodChecked
from meshdoctor.diagnosis.file_stamps import stamp
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.doctor import Source
from tests.unit.diagnosis.test_cache import dump_of, write


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SHARE", 2)


def end_of(
    diagnosis_session: DiagnosisSession, events: list[Event], again: tuple[str, ...] | None
) -> DiagnosisFinished:
    events.clear()
    diagnosis_session.refresh_now(again)
    end = events[-1]
    assert isinstance(end, DiagnosisFinished), end
    return end


def is_as_if_new(source: Source, end: DiagnosisFinished, namespaces: tuple[str, ...] = ()) -> bool:
    events: list[Event] = []
    fresh = end_of(DiagnosisSession(source, events.append, namespaces), events, None)
    return (end.diagnosis, end.hosts) == (fresh.diagnosis, fresh.hosts)


def give_the_gateway_an_endpoint(page: Path) -> None:
    """Then what its own dump holds is the next that may be broken."""
    tree = json.loads(page.read_bytes())
    for cluster in tree["cluster_statuses"]:
        if "egressgateway" in cluster["name"]:
            address = {"socket_address": {"address": "10.0.0.9", "port_value": 8443}}
            cluster["host_statuses"] = [{"address": address, "health_status": {"eds_health_status": "HEALTHY"}}]
    page.write_text(json.dumps(tree), "utf-8")


def test_a_gateway_that_is_not_asked_for_counts_as_well(tmp_path: Path) -> None:
    pods = write(tmp_path, "egress-gateway", 1)
    gateway = next(pod for pod in pods if "gateway" in pod)
    (sidecar,) = set(pods) - {gateway}
    give_the_gateway_an_endpoint(dump_of(tmp_path, sidecar).with_name("clusters.json"))
    source, events = Source(path=tmp_path), list[Event]()
    namespaces = (sidecar.partition("/")[0],)
    diagnosis_session = DiagnosisSession(source, events.append, namespaces)
    first = end_of(diagnosis_session, events, None)
    dump = json.loads(dump_of(tmp_path, gateway).read_bytes())
    for one in dump["configs"]:
        if one["@type"].endswith("ListenersConfigDump"):
            one["dynamic_listeners"] = []
    dump_of(tmp_path, gateway).write_text(json.dumps(dump), "utf-8")
    end = end_of(diagnosis_session, events, ())
    assert is_as_if_new(source, end, namespaces)
    assert end.diagnosis.findings != first.diagnosis.findings


def test_a_manifest_in_a_folder_called_proxies_is_no_proxys(tmp_path: Path) -> None:
    capture, manifest = tmp_path / "capture", tmp_path / "proxies" / "team" / "app" / "entry.yaml"
    write(capture, "tcp-port-clash", 4)
    manifest.parent.mkdir(parents=True)
    shutil.copy(capture / "resources" / "serviceentries.yaml", manifest)
    (capture / "resources" / "serviceentries.yaml").unlink()
    source, events = Source(path=capture, manifests=(manifest,)), list[Event]()
    diagnosis_session = DiagnosisSession(source, events.append)
    first = end_of(diagnosis_session, events, None)
    manifest.write_text("apiVersion: v1\nkind: List\nitems: []\n", "utf-8")
    end = end_of(diagnosis_session, events, ())
    assert is_as_if_new(source, end)
    assert end.diagnosis.findings != first.diagnosis.findings


def test_a_dump_of_the_same_size_and_time_is_another(tmp_path: Path) -> None:
    pods = write(tmp_path, "tcp-port-clash", 4)
    source, events = Source(path=tmp_path), list[Event]()
    other = next((snapshots_dir() / "mysql-tcp-ok" / "proxies").glob("*/*/config_dump.json")).read_bytes()
    file = dump_of(tmp_path, pods[3])
    size = max(len(other), file.stat().st_size)
    file.write_bytes(file.read_bytes().ljust(size))
    diagnosis_session = DiagnosisSession(source, events.append)
    end_of(diagnosis_session, events, None)
    was = file.stat()
    file.with_suffix(".new").write_bytes(other.ljust(size))
    os.replace(file.with_suffix(".new"), file)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    end = end_of(diagnosis_session, events, ())
    assert is_as_if_new(source, end)


def test_a_folder_that_leads_elsewhere_now_is_another(tmp_path: Path) -> None:
    write(tmp_path, "tcp-port-clash", 4)
    (tmp_path / "resources").rename(tmp_path / ".one")
    shutil.copytree(tmp_path / ".one", tmp_path / ".two")
    (tmp_path / ".two" / "serviceentries.yaml").write_text("apiVersion: v1\nkind: List\nitems: []\n", "utf-8")
    (tmp_path / "resources").symlink_to(".one", target_is_directory=True)
    source, events = Source(path=tmp_path), list[Event]()
    diagnosis_session = DiagnosisSession(source, events.append)
    first = end_of(diagnosis_session, events, None)
    before = stamp(source)
    (tmp_path / "resources").unlink()
    (tmp_path / "resources").symlink_to(".two", target_is_directory=True)
    assert stamp(source) != before, "watching sees it"
    end = end_of(diagnosis_session, events, ())
    assert is_as_if_new(source, end)
    assert end.diagnosis.findings != first.diagnosis.findings


def test_an_access_log_is_everybodys(tmp_path: Path) -> None:
    """Every sidecar is asked for the hosts that one of them was seen to want, and no longer when that is over."""
    pods = write(tmp_path, "tcp-port-clash", 4)
    source, events = Source(path=tmp_path), list[Event]()
    log = dump_of(tmp_path, pods[0]).with_name("access_log.json")
    seen = {"host": "seen.outside.test", "port": 443, "ip": "203.0.113.9", "protocol": "tls", "outcome": "blocked"}
    log.write_text(json.dumps({"lines": 1, "parsed": 1, "entries": [{**seen, "count": 1}]}), "utf-8")
    diagnosis_session = DiagnosisSession(source, events.append)
    first = end_of(diagnosis_session, events, None)
    assert "seen.outside.test" in {dependency.host for dependency in first.case.mesh.dependencies}
    log.unlink()
    end = end_of(diagnosis_session, events, ())
    told = {one.pod: one.verdicts for one in events if isinstance(one, PodChecked)}
    assert is_as_if_new(source, end)
    assert all(("seen.outside.test", 443) not in verdicts for verdicts in told.values())
