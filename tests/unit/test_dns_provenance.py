"""Where DNS was asked: an answer from outside the mesh is told as such, and what rests on it is only likely."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.evidence import Document
from tests.meshes import Mesh, Tree, cluster, dump, entry, listener, outbound, pod, tcp

HOST, LISTED, OTHER = "db.example", "203.0.113.1", "203.0.113.2"
LAPTOP = "this machine, not a pod"


def mesh(resolved_from: Any, answers: tuple[str, ...] = (LISTED, OTHER), env: Tree | None = None) -> Mesh:
    """A sidecar whose entry lists one of two addresses; without `resolved_from` where it is None."""
    proxy = dump([listener(LISTED, 5432, tcp(outbound(HOST, 5432)))], [cluster(HOST, 5432, "ORIGINAL_DST")])
    made = Mesh(proxy, pod(env), entry("db", HOST, "5432/TCP", "NONE", addresses=[LISTED]))
    told: Tree = {"answers": {HOST: answers}} | ({} if resolved_from is None else {"resolved_from": resolved_from})
    content = json.dumps(told).encode()
    made.documents["dns.json"] = Document("dns.json", lambda: content, len(content))
    return made


@pytest.mark.parametrize(
    ("told", "read", "elsewhere"),
    [
        (None, None, ""),
        ("", None, ""),
        (7, None, ""),
        ("pod shop/web", "pod shop/web", ""),
        (LAPTOP, LAPTOP, LAPTOP),
        (" the\x1b host ", "the\\x1b host", "the\\x1b host"),
    ],
)
def test_what_dns_json_says(told: Any, read: str | None, elsewhere: str) -> None:
    found = read_mesh(mesh(told).capture)
    assert (found.dns_from, found.dns_from_elsewhere, found.unread) == (read, elsewhere, [])


@pytest.mark.parametrize("told", [None, "pod shop/web"])
def test_answers_from_a_pod_or_from_nobody_knows_where_are_taken_as_they_are(told: str | None) -> None:
    found = doctor.diagnose(mesh(told).case, rules=("incomplete-address-list",))
    (finding,) = found.findings
    assert (finding.severity, finding.confidence, found.notes) == ("error", "certain", ())
    assert f"also resolves to {OTHER}, which" in finding.message


def test_answers_from_elsewhere_make_it_likely_and_are_told() -> None:
    found = doctor.diagnose(mesh(LAPTOP).case, rules=("incomplete-address-list",))
    (finding,) = found.findings
    assert (finding.severity, finding.confidence) == ("error", "likely")
    assert f"also resolves to {OTHER} (as resolved from {LAPTOP}), which" in finding.message
    assert [note for note in found.notes if LAPTOP in note]


def test_what_the_mesh_itself_confirms_rests_on_no_laptop() -> None:
    env = {"DB_HOST": HOST, "DB_PORT": "5432", "DB_IP": OTHER}
    (fact,) = mesh(LAPTOP, env=env).facts("entry_ports")
    assert (fact.uncovered, fact.dns_from, fact.as_resolved) == ((OTHER,), "", "")
