"""Invariants 4 and 5: the dump decides and contradictions are told; every proxy is called what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.report import text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.view import check as check_view
from tests.invariants import trees
from tests.invariants.answers import BAD, Answer, ask
from tests.invariants.captures import HeldCapture, bundled
from tests.invariants.known import OPEN

CAPTURES = {one.name: one for one in bundled()}
ENTRIES = "resources/serviceentries.yaml"


def known(invariant: str, name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(strict=True, reason="in known.OPEN")] if name in OPEN.get(invariant, ()) else []


def dump_of(capture: HeldCapture) -> str:
    return next((path for path in sorted(capture.files) if path.endswith("config_dump.json")), "")


def with_files(capture: HeldCapture, folder: Path, **changed: bytes) -> Path:
    return HeldCapture(capture.name, capture.files | changed).write(folder)


def entries_in_force(capture: HeldCapture) -> Iterator[tuple[int, dict[str, Any]]]:
    """(place in the List, entry) of each ServiceEntry of whose hosts the first dump has a cluster."""
    dump = capture.files.get(dump_of(capture), b"").decode()
    tree = trees.parsed(ENTRIES, capture.files.get(ENTRIES, b"")) or {}
    for place, item in enumerate(tree.get("items") or ()):
        if any(f'||{host}"' in dump for host in item["spec"]["hosts"]):
            yield place, item


def cases(invariant: str) -> list[Any]:
    found = [(name, place) for name, capture in CAPTURES.items() for place, _ in entries_in_force(capture)]
    return [pytest.param(*one, marks=known(invariant, f"{one[0]}-{one[1]}"), id=f"{one[0]}-{one[1]}") for one in found]


def traced(case: doctor.Case | None, host: str, port: int) -> dict[str, Verdict]:
    assert case is not None
    sidecars = [key for key in sorted(case.mesh.proxy_names) if (s := case.mesh.summary(key)) and s.role == "sidecar"]
    return {pod: doctor.trace(case, pod, host, port).verdict for pod in sidecars}


def about(answer: Answer, host: str, name: str) -> bool:
    """Whether a finding of weight, or a gap, names the host or the object."""
    assert answer.diagnosis is not None
    weighty = [one for one in answer.diagnosis.findings if one.severity is not Severity.INFO]
    return bool(answer.gaps) or any(
        one.host == host or any(ref.name == name for ref in one.resources) for one in weighty
    )


@pytest.mark.parametrize(("name", "place"), cases("an entry less"))
def test_without_an_entry_that_the_dump_shows_verdicts_stay_and_that_is_told(
    name: str, place: int, tmp_path: Path
) -> None:
    capture = CAPTURES[name]
    tree = trees.parsed(ENTRIES, capture.files[ENTRIES])
    entry = tree["items"][place]
    less = trees.written(ENTRIES, trees.without(tree, ("items", place)))
    before = ask(capture.write(tmp_path / "before"))
    after = ask(with_files(capture, tmp_path / "after", **{ENTRIES: less}))
    for host in entry["spec"]["hosts"]:
        for port in [one["number"] for one in entry["spec"]["ports"]]:
            was, now = traced(before.case, host, port), traced(after.case, host, port)
            changed = {pod: (was[pod], now[pod]) for pod in was if now[pod] not in (was[pod], Verdict.UNKNOWN)}
            assert changed == {}
    assert about(after, entry["spec"]["hosts"][0], entry["metadata"]["name"])


@pytest.mark.parametrize(("name", "place"), cases("a cluster less"))
def test_a_cluster_less_than_the_entries_show_is_told(name: str, place: int, tmp_path: Path) -> None:
    capture = CAPTURES[name]
    entry = trees.parsed(ENTRIES, capture.files[ENTRIES])["items"][place]
    changed: dict[str, bytes] = {}
    for path in [path for path in capture.files if path.endswith(("config_dump.json", "clusters.json"))]:
        tree = json.loads(capture.files[path])
        for config in tree.get("configs", []):
            for key in ("dynamic_active_clusters", "dynamic_endpoint_configs"):
                config[key] = [one for one in config.get(key, []) if not names(one, entry["spec"]["hosts"])]
        if "cluster_statuses" in tree:
            tree["cluster_statuses"] = [
                one for one in tree["cluster_statuses"] if not names(one, entry["spec"]["hosts"])
            ]
        changed[path] = json.dumps(tree).encode()
    after = ask(with_files(capture, tmp_path, **changed))
    assert about(after, entry["spec"]["hosts"][0], entry["metadata"]["name"])
    for host in entry["spec"]["hosts"]:
        assert Verdict.DELIVERED not in traced(after.case, host, entry["spec"]["ports"][0]["number"]).values()


def names(item: Any, hosts: list[str]) -> bool:
    return any(f'||{host}"' in json.dumps(item) for host in hosts)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=known("a newer entry", name)) for name in CAPTURES if ENTRIES in CAPTURES[name].files],
)
def test_an_entry_that_no_dump_has_is_told(name: str, tmp_path: Path) -> None:
    """Not applied, not pushed, refused, or the dump is older: it does not count as in force."""
    capture = CAPTURES[name]
    tree = trees.parsed(ENTRIES, capture.files[ENTRIES])
    namespace = dump_of(capture).split("/")[1]
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "newer", "namespace": namespace, "creationTimestamp": "2026-11-30T00:00:00Z"},
        "spec": {
            "hosts": ["newer.test"],
            "ports": [{"name": "tls", "number": 8443, "protocol": "TLS"}],
            "resolution": "DNS",
        },
    }
    more = trees.written(ENTRIES, tree | {"items": [*(tree["items"] or ()), entry]})
    after = ask(with_files(capture, tmp_path, **{ENTRIES: more}))
    assert Verdict.DELIVERED not in traced(after.case, "newer.test", 8443).values()
    assert about(after, "newer.test", "newer")


NODES = {
    "router": "router~10.0.0.9~egress-1.istio-system~istio-system.svc.cluster.local",
    "waypoint": "waypoint~10.0.0.9~waypoint-1.shop~shop.svc.cluster.local",
    "ztunnel": "ztunnel~10.0.0.9~ztunnel-1.istio-system~istio-system.svc.cluster.local",
    "nobody's": "front-proxy-7",
    "consul": "web-sidecar-proxy",
}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=known("what it is", kind)) for kind in NODES])
@pytest.mark.parametrize("name", ["mysql-tcp-ok", "tcp-port-clash", "healthy", "envoy-v2"])
def test_what_is_no_sidecar_is_neither_counted_nor_judged_as_one(name: str, kind: str, tmp_path: Path) -> None:
    """The dump alone, of a proxy that its node id calls otherwise."""
    capture = CAPTURES[name]
    tree = json.loads(capture.files[dump_of(capture)])
    for config in tree["configs"]:
        if "bootstrap" in config:
            config["bootstrap"]["node"] = {"id": NODES[kind], "cluster": "x"}
    renamed = json.dumps(tree)
    if kind in ("nobody's", "consul"):
        for word in ("PassthroughCluster", "BlackHoleCluster", "virtual", "bound|", "istio", "ds-grpc"):
            renamed = renamed.replace(word, "other")
    (tmp_path / "dump.json").write_text(renamed)
    answer = ask(tmp_path / "dump.json")
    if answer.diagnosis is None:
        assert answer.code in (3, 4)
        return
    report = text.render(check_view.report(answer.diagnosis, verbose=True), TextWriter())
    assert "1 sidecar" not in report
    assert "found nothing" not in report
    assert answer.diagnosis.pod_kinds.get("sidecar", 0) == 0
    assert answer.hosts is not None
    assert [v for row in answer.hosts.hosts for v in row.verdicts if v.verdict in (*BAD, Verdict.DELIVERED)] == []
