"""Whole captures of real sidecars: `trace` says what Envoy did, `check` finds what was broken on purpose.

The bundled snapshots are such captures, and more of them lie beside the checkout (`../shared/captures`). Each holds
`observed.json`: every connection made from the application's side, with Envoy's own access log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import doctor, yamlio
from meshdoctor.model.finding import Finding
from meshdoctor.model.trace import Trace
from meshdoctor.semantics.envoy.log_summary import digest

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOTS = ROOT / "snapshots"
CAPTURES = ROOT.parent / "shared" / "captures"
PROTOCOLS = {"tcp": "server-first", "tls": "tls", "http": "http"}
"""What the client of each kind of probe does. A `tcp` probe waits for the server's greeting."""


@cache
def case_of(folder: Path) -> doctor.Case:
    """A capture opened as any user's is; read once for all tests."""
    return doctor.open_case(doctor.Source(path=folder))


def load(path: Path) -> Any:
    return yamlio.load_documents(path.read_bytes(), path.name)[0]


def observed(root: Path) -> list[Any]:
    """One test parameter per probe of every capture below `root`."""
    found = []
    for path in sorted(root.glob("*/observed.json")):
        for number, probe in enumerate(json.loads(path.read_bytes())["probes"]):
            name = f"{path.parent.name}-{number}-{probe['kind']}-{probe['host']}"
            found.append(pytest.param(path.parent, probe, id=name))
    return found


def expectations() -> Iterator[Any]:
    """(folder, what check must find) of the snapshots, then of the shared captures."""
    for path in sorted(SNAPSHOTS.glob("*/snapshot.yaml")):
        yield pytest.param(path.parent, load(path)["expected"], id=f"snapshot-{path.parent.name}")
    if (CAPTURES / "expect.yaml").is_file():
        for name, wanted in load(CAPTURES / "expect.yaml").items():
            yield pytest.param(CAPTURES / name, wanted, id=f"capture-{name}")


def traced(folder: Path, probe: dict[str, Any]) -> Trace:
    """The same connection as the probe's, asked of meshdoctor."""
    protocol = PROTOCOLS[probe["kind"]]
    sni = "" if probe.get("no_sni") else None
    case = case_of(folder)
    return doctor.trace(case, probe["pod"], probe["host"], probe["port"], ip=probe["ip"], protocol=protocol, sni=sni)


def assert_as_observed(folder: Path, probe: dict[str, Any]) -> None:
    result = traced(folder, probe)
    assert (result.verdict, result.expect.hangs) == (probe["verdict"], probe["hangs"]), result.because
    logged = probe.get("envoy") or {}
    if logged.get("cluster"):
        assert result.cluster == logged["cluster"], result.because
    if logged.get("route") and result.route is not None:
        assert result.route == logged["route"]
    if logged.get("flags"):
        assert set(logged["flags"].split(",")) & set(result.expect.response_flags), result.expect
    if logged.get("upstream_host"):
        assert result.endpoint == logged["upstream_host"], result.because
    if result.expect.http_status is not None and probe.get("status") is not None:
        assert result.expect.http_status == probe["status"]


@pytest.mark.parametrize(("folder", "probe"), observed(SNAPSHOTS))
def test_trace_says_what_envoy_did_in_a_snapshot(folder: Path, probe: dict[str, Any]) -> None:
    assert_as_observed(folder, probe)


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="needs the shared captures beside the checkout")
@pytest.mark.parametrize(("folder", "probe"), observed(CAPTURES))
def test_trace_says_what_envoy_did_in_a_capture(folder: Path, probe: dict[str, Any]) -> None:
    assert_as_observed(folder, probe)


def fits(finding: Finding, rule: str, host: str | None) -> bool:
    return finding.rule == rule and (host is None or finding.host == host)


@pytest.mark.parametrize(("folder", "wanted"), list(expectations()))
def test_check_finds_what_is_broken_and_nothing_else(folder: Path, wanted: dict[str, Any]) -> None:
    findings = doctor.diagnose(case_of(folder)).findings
    errors = [f for f in findings if f.severity == "error"]
    left = list(errors)
    for rule, host in wanted["errors"]:
        match = next((f for f in left if fits(f, rule, host)), None)
        assert match is not None, f"no error {rule} for {host}; errors: {[(f.rule, f.host) for f in errors]}"
        left.remove(match)
    assert [(f.rule, f.host) for f in left] == []
    for rule, host in wanted.get("also", []):
        there = [(f.rule, f.host) for f in findings if f.severity != "error"]
        assert any(fits(f, rule, host) for f in findings), f"no {rule} for {host}; there are {there}"
    assert [(f.rule, f.host) for f in findings if f.rule in wanted.get("never", [])] == []
    if "warnings" in wanted:
        assert [[f.rule, f.host] for f in findings if f.severity == "warning"] == wanted["warnings"]


@pytest.mark.parametrize(("folder", "probe"), [*observed(SNAPSHOTS), *observed(CAPTURES)])
def test_the_access_log_tells_blocked_and_passed_through_alone(folder: Path, probe: dict[str, Any]) -> None:
    """Every real line is read, and its digest has an entry exactly where Envoy found no registered host."""
    log = digest("".join(f"{line}\n" for line in probe["access_log"]).encode())
    assert (log.parsed, log.lines) == (len(probe["access_log"]), len(probe["access_log"]))
    outcomes = [probe["verdict"]] if log.lines and probe["verdict"] in ("blocked", "passthrough") else []
    assert [entry.outcome for entry in log.entries] == outcomes
    assert {(e.ip, e.port) for e in log.entries} <= {(probe["ip"], probe["port"])}


def test_the_snapshots_are_there() -> None:
    """A checkout always has them, so the tests above never pass by having nothing to do."""
    assert len(observed(SNAPSHOTS)) > 10


@pytest.mark.parametrize("folder", [p.parent for p in sorted(SNAPSHOTS.glob("*/observed.json"))], ids=lambda p: p.name)
def test_ground_truth_is_no_evidence(folder: Path) -> None:
    """observed.json says what happened: a verdict resting on it would be no diagnosis."""
    documents = case_of(folder).capture.documents
    assert not [d for d in documents if "observed" in d or "expect" in d or "snapshot" in d]
