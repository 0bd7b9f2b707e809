"""OpenShift Service Mesh's must-gather: many small files, kinds told by their CRDs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshdoctor import doctor
from meshdoctor.errors import UsageError
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.evidence import Capture
from meshdoctor.sources import Limits, read_capture
from tests.conftest import ROOT
from tests.unit.sources.bug_reports import POD, must_gather_of
from tests.unit.sources.sources import PODS, gzipped, tar_of, write

SNAPSHOT = ROOT / "snapshots" / "tcp-port-clash"
TOP = "must-gather.local.1/quay-io-image/"


def archive(tmp_path: Path, files: Mapping[str, bytes]) -> Capture:
    path = tmp_path / "must-gather.tar.gz"
    path.write_bytes(gzipped(tar_of(files)))
    return read_capture(path)


def told(capture: Capture) -> list[tuple[object, ...]]:
    diagnosis = doctor.diagnose(doctor.Case(capture))
    return [(f.rule, f.host, f.port, f.pods, f.message) for f in diagnosis.findings]


@pytest.mark.parametrize("snapshot", ["tcp-port-clash", "service-hijack", "mysql-blocked", "healthy", "egress-gateway"])
def test_a_must_gather_says_what_its_capture_says(tmp_path: Path, snapshot: str) -> None:
    folder = ROOT / "snapshots" / snapshot
    capture = read_capture(folder)
    left = {k: d for k, d in capture.documents.items() if not k.endswith(("dns.json", "clusters.json"))}
    gathered = archive(tmp_path, must_gather_of(folder))
    assert (gathered.kind, gathered.captured_at) == ("must-gather", "2026-11-21T09:55:01Z")
    assert told(gathered) == told(replace(capture, documents=left))


@pytest.mark.parametrize("start", ["", "must-gather.local.1", TOP])
def test_a_folder_is_read_from_wherever_it_is_given(tmp_path: Path, start: str) -> None:
    write(tmp_path / "unpacked", must_gather_of(SNAPSHOT))
    walked = read_capture(tmp_path / "unpacked" / start)
    packed = archive(tmp_path, must_gather_of(SNAPSHOT))
    assert {k: d.read() for k, d in walked.documents.items()} == {k: d.read() for k, d in packed.documents.items()}
    assert walked.documents[f"proxies/{POD}/istio-proxy.log"].read() == b"ready\n"


def test_evidence_names_the_gathered_files(tmp_path: Path) -> None:
    capture = archive(tmp_path, must_gather_of(SNAPSHOT))
    found = [e for finding in doctor.diagnose(doctor.Case(capture)).findings for e in finding.evidence]
    assert {e.document for e in found} == {
        f"namespaces/bookinfo/pods/{POD.split('/')[1]}/config_dump_proxy.json",
        "namespaces/bookinfo/networking.istio.io/serviceentries/github.yaml",
        "namespaces/bookinfo/networking.istio.io/serviceentries/hwcloud.yaml",
    }
    entry = next(e for e in found if e.path == "$.spec.ports[0]")
    text = must_gather_of(SNAPSHOT)[TOP + entry.document].decode().split("\n")
    assert entry.line is not None
    assert text[entry.line - 1].strip().startswith("- name: tcp")


def test_a_kind_counts_as_read_where_its_crd_was_found(tmp_path: Path) -> None:
    files = must_gather_of(SNAPSHOT)
    mesh = read_mesh(archive(tmp_path, files))
    assert mesh.kinds_read >= {"serviceentries", "sidecars", "virtualservices", "pods", "services", "namespaces"}
    assert mesh.sidecars == ()
    without = {path: content for path, content in files.items() if "/sidecars.networking" not in path}
    capture = archive(tmp_path, without)
    assert "sidecars" not in read_mesh(capture).kinds_read
    assert any("sidecars" in note.because for note in capture.unread)
    assert any("entries of other namespaces are not known" in note.because for note in capture.unread)


@pytest.mark.parametrize("content", [b"", b"error: unable to upgrade connection: container not found"])
def test_a_dump_that_could_not_be_fetched_is_named(tmp_path: Path, content: bytes) -> None:
    files = must_gather_of(SNAPSHOT)
    dump = next(path for path in files if path.endswith("config_dump_proxy.json"))
    diagnosis = doctor.diagnose(doctor.Case(archive(tmp_path, files | {dump: content})))
    assert diagnosis.findings == ()
    assert any(POD in gap.pods for gap in diagnosis.not_evaluated)


def test_what_istiod_believes_and_secrets_are_never_read(tmp_path: Path) -> None:
    files = must_gather_of(SNAPSHOT) | {TOP + "namespaces/bookinfo/core/secrets.yaml": PODS}
    capture = archive(tmp_path, files)
    shown = " ".join(document.path for document in capture.documents.values())
    assert "istiod.json" not in shown
    assert "secret" not in shown
    limits = Limits(files=len(capture.documents) + 2)
    assert read_capture(tmp_path / "must-gather.tar.gz", limits).documents.keys() == capture.documents.keys()


def test_two_gatherings_are_a_question(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 captures side by side"):
        archive(tmp_path, must_gather_of(SNAPSHOT, "one/") | must_gather_of(SNAPSHOT, "two/"))


def test_manifests_in_folders_of_namespaces_stay_manifests(tmp_path: Path) -> None:
    entry = b"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\n"
    names = (
        "namespaces/shop/core/entry.yaml",
        "namespaces/shop/apps/web.yaml",
        "namespaces/shop/api.example.com/x.yaml",
    )
    capture = read_capture(write(tmp_path, dict.fromkeys(names, entry)))
    assert set(capture.documents) == {f"manifests/{name}" for name in names}
