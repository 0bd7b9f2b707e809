"""Envoy's /clusters page as text says what its JSON says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy.cluster_reader import live_endpoints, status_endpoints
from tests.conftest import ROOT
from tests.unit.sources.bug_reports import as_text

NAME = "outbound|443||api.example.com"
HEAD = f"{NAME}::observability_name::{NAME};\n"


def hosts(text: str) -> list[tuple[str, int, str, str]]:
    found = live_endpoints(text.encode())
    return [(e.address, e.port, e.hostname, e.health) for e in status_endpoints(found[NAME])]


@pytest.mark.parametrize("page", sorted(ROOT.glob("snapshots/*/proxies/*/*/clusters.json")), ids=lambda p: p.parts[-5])
def test_both_forms_give_the_same_endpoints(page: Path) -> None:
    from_json = live_endpoints(page.read_bytes())
    from_text = live_endpoints(as_text(json.loads(page.read_bytes())))
    assert {name: status_endpoints(status) for name, status in from_text.items()} == {
        name: status_endpoints(status) for name, status in from_json.items()
    }


def test_the_real_page_of_a_bug_report(shared: Path) -> None:
    import tarfile

    with tarfile.open(shared / "bug-report" / "bug-report.tar.gz") as archive:
        member = next(m for m in archive if m.name.endswith("/clusters"))
        opened = archive.extractfile(member)
        assert opened is not None
        found = live_endpoints(opened.read())
    addresses = [(e.address, e.port, e.health) for e in status_endpoints(found["outbound|443||github.com"])]
    assert addresses == [("198.51.100.20", 443, "HEALTHY")]
    assert status_endpoints(found["BlackHoleCluster"]) == ()
    assert status_endpoints(found["sds-grpc"])[0].address.startswith("unix:./var/run/")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7:443", ("203.0.113.7", 443)),
        ("[2001:db8::7]:443", ("2001:db8::7", 443)),
        ("./var/run/x.sock", ("unix:./var/run/x.sock", 0)),
        ("envoy://connect_originate/10.0.0.1:15008", ("unix:envoy://connect_originate/10.0.0.1:15008", 0)),
    ],
)
def test_addresses(address: str, expected: tuple[str, int]) -> None:
    told = hosts(f"{HEAD}{NAME}::{address}::cx_active::0\n{NAME}::{address}::health_flags::healthy\n")
    assert told == [(*expected, "", "HEALTHY")]


@pytest.mark.parametrize(
    ("flags", "health"),
    [
        ("healthy", "HEALTHY"),
        ("/failed_active_hc", "failed_active_health_check"),
        ("/failed_outlier_check/pending_active_hc", "failed_outlier_check, pending_active_hc"),
        ("/failed_eds_health", "UNHEALTHY"),
        ("/degraded_eds_health", "HEALTHY"),
        ("/eds_status_draining", "DRAINING"),
    ],
)
def test_health_is_judged_as_in_json(flags: str, health: str) -> None:
    at = f"{NAME}::203.0.113.7:443"
    assert hosts(f"{HEAD}{at}::hostname::api.example.com\n{at}::health_flags::{flags}\n") == [
        ("203.0.113.7", 443, "api.example.com", health)
    ]


def test_an_older_envoy_begins_a_cluster_with_its_limits() -> None:
    assert hosts(f"{NAME}::default_priority::max_connections::1024\n{NAME}::1.2.3.4:80::health_flags::healthy\n") == [
        ("1.2.3.4", 80, "", "HEALTHY")
    ]


def test_a_cluster_without_hosts_has_none() -> None:
    assert hosts(f"{HEAD}{NAME}::added_via_api::true\n") == []


def test_other_text_is_refused() -> None:
    with pytest.raises(Unreadable, match="no line of it names a cluster"):
        live_endpoints(b"upstream connect error\n")
