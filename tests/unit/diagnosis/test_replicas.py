"""Many sidecars: who is judged for others, what is read and held meanwhile, and that neither shows in the result."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshdoctor import doctor
from meshdoctor.diagnosis.diagnosis_builder import in_order
from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun
from meshdoctor.diagnosis.proxy_checker import RuleResults
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.derived.missing_evidence import EvidenceGaps
from meshdoctor.facts.derived.replicas import proxies_to_check
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.facts.proxy_files import DumpProxies, OpenedDump
from meshdoctor.model.rule import Rule
from meshdoctor.rules.evaluate import evaluate
from tests.replicas import Crowd, Tree
from tests.unit.rules.rules import rule

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = sorted({dump.parents[3] for dump in (ROOT / "snapshots").glob("*/proxies/*/*/config_dump.json")})
"""Those with dumps: pasted pages are of one proxy, which has no replicas."""
SHARED = sorted(p.parent for p in (ROOT.parent / "shared" / "captures").glob("*/observed.json"))
CLASH = ROOT / "snapshots" / "tcp-port-clash"
RULES = doctor.load_catalogue()


def sheet_of(crowd: Crowd) -> FactSheet:
    return FactSheet(read_mesh(crowd.capture))


def judge(crowd: Crowd, rules: Sequence[Rule], workers: int = 0, *, alone: bool = False) -> RuleResults:
    case = doctor.Case(crowd.capture)
    run = DiagnosisRun(case, FactSheet(case.mesh), rules, alone=alone)
    run.drain(workers)
    return run.results()


def judged_for_themselves(crowd: Crowd) -> set[str]:
    sheet = sheet_of(crowd)
    found = proxies_to_check(sheet.mesh, sheet.registry, sheet.names)
    return {look.place.pod for look in found if look.case is not None}


def dumps_of(crowd: Crowd) -> list[str]:
    return [path for path in crowd.capture.documents if path.endswith("config_dump.json")]


# What comes out


@pytest.mark.parametrize("folder", [*FOLDERS, *SHARED], ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_together_alone_and_shared_out_are_the_same(folder: Path) -> None:
    crowd = Crowd(folder, replicas=4)
    together = judge(crowd, RULES, workers=1)
    assert together.findings == judge(crowd, RULES, workers=1, alone=True).findings
    assert together == judge(crowd, RULES, workers=3)
    sheet = sheet_of(crowd)
    assert together[:2] == evaluate(RULES, sheet.facts, EvidenceGaps(sheet.mesh).of)
    assert all(len(finding.pods) % 4 == 0 for finding in together.findings)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_hosts_are_the_same_alone_together_and_one_by_one(folder: Path) -> None:
    crowd = Crowd(folder)
    tables = []
    for workers, alone in ((1, False), (1, True), (len(dumps_of(crowd)), False)):
        case = doctor.Case(crowd.capture)
        run = DiagnosisRun(case, FactSheet(case.mesh), (), alone=alone)
        run.drain(workers)
        tables.append(run.hosts())
    assert tables[0] == tables[1] == tables[2]
    assert tables[0].hosts


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_of_replicas_one_is_judged(folder: Path) -> None:
    crowd = Crowd(folder, replicas=4)
    assert 4 * len(judged_for_themselves(crowd)) == len(dumps_of(crowd))


def test_evidence_stands_in_each_replicas_own_documents() -> None:
    crowd = Crowd(ROOT / "snapshots" / "http-ok", replicas=3)
    fires = rule("r", select="$.upstreams[*]", when="fact.client == 'http'", message="r.")
    evidence = [piece for finding in judge(crowd, [fires], workers=1).findings for piece in finding.evidence]
    shown = [piece for piece in evidence if "dynamic_route_configs" in piece.path]
    assert len({piece.document for piece in shown}) > 1
    for piece in shown:
        found = json.loads(crowd.document(piece.document))
        assert piece.value in json.dumps(_at(found, piece.path))


def _at(value: Any, path: str) -> Any:
    for step in path.removeprefix("$.").replace("]", "").replace("[", ".").split("."):
        value = value[int(step)] if step.isdigit() else value[step]
    return value


# Who is like whom


def _listener(dump: Tree) -> None:
    section = next(s for s in dump["configs"] if "Listeners" in s["@type"])
    section["dynamic_listeners"][0]["active_state"]["listener"]["listener_filters_timeout"] = "7s"


def _node(**metadata: Any) -> Callable[[Tree], None]:
    def change(dump: Tree) -> None:
        dump["configs"][0]["bootstrap"]["node"]["metadata"].update(metadata)

    return change


def _refused(dump: Tree) -> None:
    section = next(s for s in dump["configs"] if "Listeners" in s["@type"])
    section["dynamic_listeners"][0]["error_state"] = {"details": "no"}


def _without_routes(dump: Tree) -> None:
    dump["configs"] = [s for s in dump["configs"] if "Routes" not in s["@type"]]


@pytest.mark.parametrize(
    "change",
    [_listener, _refused, _without_routes, _node(DNS_CAPTURE="true"), _node(INSTANCE_IPS="fd00::1")],
    ids=["listener", "refused", "section", "dns-capture", "address-family"],
)
def test_a_pod_whose_dump_differs_is_judged_for_itself(change: Callable[[Tree], None]) -> None:
    crowd = Crowd(CLASH)
    path = dumps_of(crowd)[-1]
    made: Tree = json.loads(crowd.document(path))
    change(made)
    crowd.add(path, json.dumps(made, indent=1).encode())
    _assert_apart(crowd, path.split("/")[2])


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"annotations": {"traffic.sidecar.istio.io/excludeOutboundPorts": "443"}}},
        {"metadata": {"namespace": "elsewhere"}},
        {"spec": {"hostNetwork": True}},
    ],
    ids=["annotation", "namespace", "host-network"],
)
def test_a_pod_that_looks_out_from_elsewhere_is_judged_for_itself(change: Tree) -> None:
    crowd = Crowd(CLASH)
    name = dumps_of(crowd)[-1].split("/")[2]
    pods: Tree = yaml.safe_load(crowd.document("resources/pods.yaml"))
    pod = next(item for item in pods["items"] if item["metadata"]["name"] == name)
    for part, fields in change.items():
        pod[part] |= fields
    pod["spec"]["initContainers"] = []
    crowd.add("resources/pods.yaml", yaml.safe_dump(pods).encode())
    _assert_apart(crowd, name)


def test_a_pod_that_wants_another_host_is_judged_for_itself() -> None:
    crowd = Crowd(CLASH)
    name = dumps_of(crowd)[-1].split("/")[2]
    pods: Tree = yaml.safe_load(crowd.document("resources/pods.yaml"))
    pod = next(item for item in pods["items"] if item["metadata"]["name"] == name)
    pod["spec"]["containers"][0].setdefault("env", []).append({"name": "A", "value": "https://else.example:8443"})
    crowd.add("resources/pods.yaml", yaml.safe_dump(pods).encode())
    _assert_apart(crowd, name)
    missing = [f for f in judge(crowd, RULES).findings if f.host == "else.example"]
    assert [pod.split("/")[1] for finding in missing for pod in finding.pods] == [name]


def test_a_pod_whose_endpoints_are_ruled_out_is_judged_for_itself() -> None:
    crowd = Crowd(CLASH)
    path = [p for p in crowd.capture.documents if p.endswith("/clusters.json")][-1]
    page: Tree = json.loads(crowd.document(path))
    status = next(s for s in page["cluster_statuses"] if s.get("host_statuses"))
    status["host_statuses"][0]["health_status"] = {"failed_active_health_check": True}
    crowd.add(path, json.dumps(page, indent=1).encode())
    _assert_apart(crowd, path.split("/")[2])


def _assert_apart(crowd: Crowd, name: str) -> None:
    judged = {key.split("/")[1] for key in judged_for_themselves(crowd)}
    assert name in judged
    assert len(judged) == 2
    together, alone = (judge(crowd, RULES, workers=1, alone=alone) for alone in (False, True))
    assert together == alone


@pytest.mark.parametrize(
    "given",
    [
        {"when": "fact.pod.endsWith('bbbbd')"},
        {"when": "fact.evidence.exists(e, e.document.contains('bbbbd'))"},
        {"select": "$.claims[?(@.pod == 'bookinfo/ratings-v2-mysql-6c8d9f7b5-x2x4qbbbbd')]", "when": "true"},
        {"when": "true", "grades": [{"when": "fact.pod.endsWith('bbbbd')", "severity": "warning"}]},
        {"when": "true", "subject": {"host": "", "port": "", "about": "{fact.pod}"}},
    ],
    ids=["when", "evidence", "select", "grade", "subject"],
)
def test_a_rule_that_looks_at_the_pods_name_hears_every_pod(given: Tree) -> None:
    crowd = Crowd(CLASH)
    rules = [rule("r", **given)]
    sheet = sheet_of(crowd)
    assert judge(crowd, rules, workers=1).findings == evaluate(rules, sheet.facts, lambda rule: ())[0] != ()


def test_a_rule_about_pods_with_a_port_is_explained_by_what_their_proxies_do() -> None:
    crowd = Crowd(CLASH)
    clash = next(f for f in judge(crowd, RULES, workers=1).findings if f.rule == "tcp-port-clash")
    subject = {"host": clash.host, "port": str(clash.port)}
    added: list[Rule] = [
        *RULES,
        rule("r", select="$.pods[*]", when="true", subject=subject, explained_by=["tcp-port-clash"]),
    ]
    found = next(f for f in judge(crowd, added, workers=1).findings if f.rule == "r")
    assert (found.pods, found.caused_by) == (clash.pods, (clash.fingerprint,))


# What is read and held


def test_check_and_hosts_read_each_document_of_a_proxy_once() -> None:
    crowd = Crowd(CLASH, replicas=4)
    for work in (lambda case: doctor.diagnose(case), lambda case: doctor.hosts(case)):
        crowd.reads.clear()
        work(doctor.Case(crowd.capture))
        assert {crowd.reads[path] for path in crowd.capture.documents if path.startswith("proxies/")} <= {0, 1}
        assert {crowd.reads[path] for path in dumps_of(crowd)} == {1}


def test_check_reads_each_dump_once_where_nothing_else_knows_addresses() -> None:
    crowd = Crowd(CLASH, replicas=4)
    documents = {
        p: d for p, d in crowd.capture.documents.items() if p != "dns.json" and not p.endswith("clusters.json")
    }
    capture = crowd.capture.__class__("capture", "crowd", documents)
    crowd.reads.clear()
    doctor.diagnose(doctor.Case(capture))
    assert {crowd.reads[path] for path in dumps_of(crowd)} == {1}


def test_trace_opens_one_dump() -> None:
    crowd = Crowd(CLASH, replicas=4)
    path = dumps_of(crowd)[2]
    doctor.trace(doctor.Case(crowd.capture), path.split("/")[2], "github.com", 443)
    assert [p for p in dumps_of(crowd) if crowd.reads[p]] == [path]


def test_a_sidecar_that_leads_to_a_gateway_opens_the_gateways_dump_beside_its_own() -> None:
    crowd = Crowd(ROOT / "snapshots" / "egress-gateway", replicas=2)
    sheet = sheet_of(crowd)
    sidecar = next(key for key in sheet.names if key.startswith("bookinfo/"))
    [look] = proxies_to_check(sheet.mesh, sheet.registry, [sidecar])
    assert look.case is not None
    crowd.reads.clear()
    assert [fact.pod for name in ("gateway_hops",) for fact in sheet.facts(name)]
    opened = {path.split("/")[1] for path in dumps_of(crowd) if crowd.reads[path]}
    assert opened == {"bookinfo", "istio-system"}


@pytest.mark.parametrize("alone", [False, True])
def test_few_dumps_are_held_at_once(alone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: weakref.WeakSet[OpenedDump] = weakref.WeakSet()
    counts = []

    class Counted(OpenedDump):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            alive.add(self)
            counts.append(len(alive))

    monkeypatch.setattr("meshdoctor.facts.found_proxies.OpenedDump", Counted)
    monkeypatch.setattr(DumpProxies.__init__, "__kwdefaults__", {"held": 1})
    crowd = Crowd(CLASH, replicas=5)
    gc.disable()
    try:
        judge(crowd, RULES, workers=1, alone=alone)
    finally:
        gc.enable()
    assert len(counts) == 5
    assert max(counts) <= 2


def test_a_dump_among_replicas_that_cannot_be_read_is_named_wherever_it_was_read() -> None:
    crowd = Crowd(CLASH, replicas=4)
    crowd.add(dumps_of(crowd)[1], b'{"configs": [')
    crowd.add(dumps_of(crowd)[3].replace("config_dump", "clusters"), b"no page")
    seen = []
    for workers in (1, 2, 4):
        case = doctor.Case(crowd.capture)
        run = DiagnosisRun(case, FactSheet(case.mesh), RULES)
        run.drain(workers)
        seen.append((run.results(), in_order(case.mesh), case.mesh.istio_versions))
    assert seen[0] == seen[1] == seen[2]
    assert [note.path for note in seen[0][1]] == [
        dumps_of(crowd)[1].removesuffix("/config_dump.json"),
        dumps_of(crowd)[3].replace("config_dump", "clusters"),
    ]
