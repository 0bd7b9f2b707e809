"""Bug-reports of istioctl: whole, partial, cut, huge, and side by side with what they should equal."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard
from msgspec.structs import asdict, replace

from meshdoctor import doctor
from meshdoctor.errors import MeshdoctorError, NothingToJudge, Unreadable, UsageError
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.evidence import Capture
from meshdoctor.model.finding import Diagnosis
from meshdoctor.sources import Limits, read_capture
from tests.conftest import ROOT
from tests.unit.sources.bug_reports import FOOT, POD, bug_report_of
from tests.unit.sources.sources import CAPTURE, DUMP, gzipped, member, tar_of, write

SNAPSHOT = ROOT / "snapshots" / "tcp-port-clash"
PROXY = f"proxies/{POD}/"
DUMP_NAME = PROXY + "config_dump?include_eds"
KINDS = {"serviceentries", "virtualservices", "pods", "services", "configmaps", "namespaces"}
ZTUNNEL = b'{"certificates": [], "config": {}, "services": [], "workloads": []}'
ZTUNNEL_POD = b"""\
- apiVersion: v1
  kind: Pod
  metadata:
    name: ztunnel-abcde
    namespace: istio-system
  spec:
    containers:
    - args:
      - proxy
      - ztunnel
      name: istio-proxy
  status:
    phase: Running
"""


def report(without: str = "", changed: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """The files of one bug-report below `bug-report/`, without those whose name holds a word, and with others."""
    files = {path: content for path, content in bug_report_of(SNAPSHOT).items() if not without or without not in path}
    return files | {"bug-report/" + name: content for name, content in (changed or {}).items()}


def archive(tmp_path: Path, files: Mapping[str, bytes], limits: Limits | None = None) -> Capture:
    path = tmp_path / "bug-report.tar.gz"
    path.write_bytes(gzipped(tar_of(files)))
    return read_capture(path, limits or Limits())


def judged(capture: Capture) -> Diagnosis:
    return doctor.diagnose(doctor.Case(capture))


def told(diagnosis: Diagnosis) -> list[dict[str, object]]:
    """The findings, but for where their evidence stands."""
    return [{k: v for k, v in asdict(finding).items() if k != "evidence"} for finding in diagnosis.findings]


def notes(capture: Capture) -> dict[str, str]:
    return {note.path: note.because for note in capture.unread}


@pytest.mark.parametrize("snapshot", sorted(p.parts[-3] for p in (ROOT / "snapshots").glob("*/resources/pods.yaml")))
def test_a_bug_report_says_what_its_capture_says(tmp_path: Path, snapshot: str) -> None:
    folder = ROOT / "snapshots" / snapshot
    capture = read_capture(folder)
    without_dns = {k: d for k, d in capture.documents.items() if k != "dns.json"}
    equal = replace(capture, documents=without_dns, captured_at="2026-11-21T09:55:01Z")
    reported = archive(tmp_path, bug_report_of(folder))
    assert (reported.kind, reported.captured_at, reported.unread) == ("bug-report", "2026-11-21T09:55:01Z", ())
    assert told(judged(reported)) == told(judged(equal))
    assert judged(reported).not_evaluated == judged(equal).not_evaluated


@pytest.mark.parametrize("top", ["", "./", "bug-report/", "incident/bug-report/"])
def test_an_archive_and_its_folder_say_the_same_wherever_its_root_is(tmp_path: Path, top: str) -> None:
    files = bug_report_of(SNAPSHOT, top)
    packed = archive(tmp_path, files)
    walked = read_capture(write(tmp_path / "unpacked", files))
    expected = {path.removeprefix("bug-report/"): content for path, content in bug_report_of(SNAPSHOT).items()}
    assert {k: d.read() for k, d in packed.documents.items()} == {k: d.read() for k, d in walked.documents.items()}
    assert packed.documents[PROXY + "config_dump.json"].read() == expected[DUMP_NAME]
    assert packed.documents[PROXY + "istio-proxy.log"].read() == expected[PROXY + "istio-proxy.log"]
    assert set(packed.documents) >= {f"resources/{plural}.yaml" for plural in KINDS}
    assert not any("secret" in key for key in packed.documents)
    assert packed.unread == walked.unread == ()


def test_evidence_names_the_files_of_the_archive_and_their_lines(tmp_path: Path) -> None:
    files = report()
    found = [e for finding in judged(archive(tmp_path, files)).findings for e in finding.evidence]
    assert {e.document for e in found} == {DUMP_NAME, "cluster/crs"}
    entry = next(e for e in found if e.value == "ServiceEntry bookinfo/github")
    lines = files["bug-report/cluster/crs"].decode().split("\n")
    assert entry.line is not None
    assert lines[entry.line - 1 : entry.line + 1] == ["- apiVersion: networking.istio.io/v1", "  kind: ServiceEntry"]
    below = next(line for line in lines[entry.line :] if line.startswith("    name: "))
    assert below == "    name: github"


def test_a_report_that_nobody_prints_like_kubectl_is_read_all_the_same(tmp_path: Path) -> None:
    files = report()
    crs = files["bug-report/cluster/crs"]
    respelt = b"kind: List\napiVersion: v1\n" + crs.removesuffix(FOOT).removeprefix(b"apiVersion: v1\n")
    expected = told(judged(archive(tmp_path, files)))
    assert told(judged(archive(tmp_path, files | {"bug-report/cluster/crs": respelt}))) == expected


def test_a_kind_without_objects_was_read_and_one_never_asked_for_was_not(tmp_path: Path) -> None:
    mesh = read_mesh(archive(tmp_path, report()))
    assert mesh.kinds_read >= {"serviceentries", "sidecars", "gateways", "pods", "services", "namespaces"}
    assert mesh.sidecars == ()
    assert "secrets" not in mesh.kinds_read


@pytest.mark.parametrize(
    ("lost", "kinds"),
    [
        ("cluster/crs", {"serviceentries", "virtualservices", "sidecars", "destinationrules"}),
        ("cluster/k8s-resources", {"pods", "services", "configmaps"}),
        ("cluster/k8s-cluster-resources", {"namespaces"}),
    ],
)
@pytest.mark.parametrize("how", ["absent", "empty", "cut"])
def test_a_lost_list_costs_its_kinds_and_is_named(tmp_path: Path, lost: str, kinds: set[str], how: str) -> None:
    files = report()
    content = files.pop("bug-report/" + lost)
    if how != "absent":
        files["bug-report/" + lost] = content.removesuffix(FOOT)[:-40] if how == "cut" else b""
    capture = archive(tmp_path, files)
    mesh = read_mesh(capture)
    assert not mesh.kinds_read & kinds
    assert set(notes(capture)) == {lost}
    assert all(kind in notes(capture)[lost] for kind in kinds)
    missing = {name for gap in judged(capture).not_evaluated for name in gap.missing}
    assert missing <= {f"resources/{kind}.yaml" for kind in kinds}


def test_namespaces_of_an_older_report_lie_with_the_rest(tmp_path: Path) -> None:
    files = report("k8s-cluster-resources")
    whole = bug_report_of(SNAPSHOT)["bug-report/cluster/k8s-cluster-resources"]
    rest = files["bug-report/cluster/k8s-resources"]
    files["bug-report/cluster/k8s-resources"] = rest.removesuffix(FOOT) + whole.removeprefix(
        b"apiVersion: v1\nitems:\n"
    )
    capture = archive(tmp_path, files)
    assert capture.unread == ()
    assert "bookinfo" in read_mesh(capture).namespaces


def test_a_report_of_some_namespaces_is_no_evidence_of_absence(tmp_path: Path) -> None:
    nothing = b"apiVersion: v1\nitems: []\n" + FOOT
    capture = archive(tmp_path, report(changed={"cluster/crs": nothing, "cluster/k8s-resources": nothing}))
    assert "serviceentries" not in read_mesh(capture).kinds_read
    assert "--include" in notes(capture)["cluster/k8s-resources"]
    assert "no other file shows" in notes(capture)["cluster/crs"]
    rest = report()["bug-report/cluster/k8s-resources"].replace(b"name: kubernetes\n", b"name: other\n")
    assert (
        "--include"
        in notes(archive(tmp_path, report(changed={"cluster/k8s-resources": rest})))["cluster/k8s-resources"]
    )


def test_an_empty_list_of_entries_in_a_whole_cluster_means_none(tmp_path: Path) -> None:
    capture = archive(tmp_path, report(changed={"cluster/crs": b"apiVersion: v1\nitems: []\n" + FOOT}))
    assert capture.unread == ()
    mesh = read_mesh(capture)
    assert mesh.service_entries == ()
    assert "serviceentries" in mesh.kinds_read


@pytest.mark.parametrize("content", [b"", b"upstream connect error", b"{}", None])
def test_a_proxy_without_a_dump_is_named_and_not_judged(tmp_path: Path, content: bytes | None) -> None:
    files = report("config_dump")
    if content is not None:
        files["bug-report/" + DUMP_NAME] = content
    diagnosis = judged(archive(tmp_path, files))
    assert diagnosis.findings == ()
    assert any(POD in gap.pods for gap in diagnosis.not_evaluated)
    if content is None:
        because = next(gap.because for gap in diagnosis.not_evaluated if POD in gap.pods)
        assert "istioctl omits all pages of a proxy" in because


def test_only_its_log_is_left_of_a_proxy(tmp_path: Path) -> None:
    files = {"bug-report/proxies/shop/web-1/istio-proxy.log": b"x\n", "bug-report/proxies/shop/web-2/netstat": b"x\n"}
    with pytest.raises(Unreadable, match=r"shop/web-1/.* is not in the bug-report.*shop/web-2/"):
        judged(archive(tmp_path, files))


def test_a_ztunnel_is_no_failed_sidecar(tmp_path: Path) -> None:
    pods = report()["bug-report/cluster/k8s-resources"].removesuffix(FOOT) + ZTUNNEL_POD + FOOT
    changed = {"proxies/istio-system/ztunnel-abcde/config_dump": ZTUNNEL, "cluster/k8s-resources": pods}
    files = report(changed=changed)
    capture = archive(tmp_path, files)
    assert "ztunnel" in notes(capture)["proxies/istio-system/ztunnel-abcde/config_dump"]
    assert told(judged(capture)) == told(judged(archive(tmp_path, report())))
    assert judged(capture).not_evaluated == ()


def test_the_dump_of_an_older_istioctl_is_an_envoys(tmp_path: Path) -> None:
    files = report()
    files[f"bug-report/{PROXY}config_dump"] = files.pop("bug-report/" + DUMP_NAME)
    capture = archive(tmp_path, files)
    assert capture.documents[PROXY + "config_dump.json"].path == PROXY + "config_dump"
    assert told(judged(capture)) == told(judged(archive(tmp_path, report())))


def test_only_the_end_of_a_log_is_kept(tmp_path: Path) -> None:
    log = b"".join(b"line %d\n" % number for number in range(20_000))
    files = report(changed={PROXY + "istio-proxy.log": log})
    small = Limits(log=1000)
    for capture in (archive(tmp_path, files, small), read_capture(write(tmp_path / "unpacked", files), small)):
        kept = capture.documents[PROXY + "istio-proxy.log"].read()
        assert len(kept) <= 1000
        assert kept.startswith(b"line ")
        assert log.endswith(kept)
    noisy = {f"bug-report/proxies/shop/web-{number}/istio-proxy.log": os.urandom(2000) for number in range(4)}
    capture = archive(tmp_path, report() | noisy, Limits(logs=3000))
    assert [path for path, because in notes(capture).items() if "only 2.93 KiB of logs are kept" in because] == [
        "proxies/shop/web-2/istio-proxy.log"
    ]


def test_what_is_no_evidence_passes_by(tmp_path: Path) -> None:
    core = tar_of(report(changed={PROXY + "cores/0.core": bytes(4 * 1024 * 1024)}))
    limits = Limits(document=1024 * 1024, stored=1024 * 1024)
    path = tmp_path / "bug-report.tar.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(core))
    assert told(judged(read_capture(path, limits))) == told(judged(archive(tmp_path, report())))
    with pytest.raises(Unreadable, match="unpacks to more than 1 MiB"):
        read_capture(path, Limits(unpacked=1024 * 1024))


def test_a_dump_beyond_the_limit_is_named_with_its_proxy(tmp_path: Path) -> None:
    files = {path: content for path, content in report().items() if "cluster-res" not in path}
    capture = archive(tmp_path, files, Limits(document=60_000))
    assert any(POD in gap.pods and "the limit for one file" in gap.because for gap in judged(capture).not_evaluated)


def test_links_and_ways_out_are_refused_here_too(tmp_path: Path) -> None:
    extra = [member("bug-report/../../proxies/a/b/config_dump?include_eds", DUMP)]
    extra.append(member("bug-report/cluster/crs", kind=b"2", link="/etc/passwd"))
    files = report("cluster/crs")
    path = tmp_path / "bug-report.tar"
    path.write_bytes(tar_of(files, extra))
    capture = read_capture(path)
    assert set(capture.proxy_documents()) == {POD}
    assert "points outside the archive" in notes(capture)["../../proxies/a/b/config_dump?include_eds"]
    assert "serviceentries" not in read_mesh(capture).kinds_read


def test_two_reports_or_a_report_and_a_capture_are_a_question(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 captures side by side"):
        archive(tmp_path, bug_report_of(SNAPSHOT, "one/") | bug_report_of(SNAPSHOT, "two/"))
    with pytest.raises(UsageError, match="2 captures side by side"):
        archive(tmp_path, report() | {"capture/" + path: content for path, content in CAPTURE.items()})


def test_a_report_without_any_proxy_or_pod_is_nothing_to_judge(tmp_path: Path) -> None:
    files = {"bug-report/bug-report.log": b"no proxies\n", "bug-report/versions": b""}
    with pytest.raises(NothingToJudge, match="cluster/crs: is not in the bug-report"):
        judged(archive(tmp_path, files))


def test_the_time_is_the_archives_where_the_log_says_none(tmp_path: Path) -> None:
    entries = []
    for name, content in report("bug-report.log").items():
        info, data = member(name, content)
        info.mtime = 1_795_000_000
        entries.append((info, data))
    path = tmp_path / "bug-report.tar"
    path.write_bytes(tar_of({}, entries))
    assert read_capture(path).captured_at == "2026-11-18T11:06:40Z"
    unpacked = write(tmp_path / "unpacked", report("bug-report.log"))
    assert read_capture(unpacked).captured_at is None


@pytest.mark.parametrize("packing", [bytes, gzipped, zstandard.ZstdCompressor().compress])
def test_cut_anywhere_it_ends_in_words_or_names_what_is_missing(tmp_path: Path, packing: type[bytes]) -> None:
    files = dict(sorted(report().items()))
    whole = packing(tar_of(files))
    complete = told(judged(archive(tmp_path, files)))
    path = tmp_path / "cut.tar.gz"
    for cut in sorted(random.Random(4).sample(range(len(whole) - 1024), 12)):
        path.write_bytes(whole[:cut])
        try:
            diagnosis = judged(read_capture(path))
        except MeshdoctorError:
            continue
        is_named = any("cut short" in note.because for note in diagnosis.unread)
        is_honest = told(diagnosis) == complete or bool(diagnosis.not_evaluated)
        assert (is_named, is_honest) == (True, True)


def test_names_that_a_windows_tool_made(tmp_path: Path) -> None:
    files = {path.replace("?", "_"): content for path, content in report().items()}
    assert told(judged(read_capture(write(tmp_path, files)))) == told(judged(archive(tmp_path, report())))


def test_the_real_bug_report_says_what_its_capture_says(shared: Path) -> None:
    reported = judged(read_capture(shared / "bug-report" / "bug-report.tar.gz"))
    captured = judged(read_capture(shared / "captures" / "tcp-port-clash"))
    assert [(f.rule, f.host, f.port, f.pods, f.fingerprint) for f in reported.findings] == [
        (f.rule, f.host, f.port, f.pods, f.fingerprint) for f in captured.findings
    ]
    assert (reported.source_kind, reported.captured_at) == ("bug-report", "2026-11-21T09:55:01Z")
    assert (reported.unread, reported.not_evaluated) == ((), ())
