"""Evidence of one replica told of another."""

from __future__ import annotations

from array import array

import pytest

from meshdoctor.model.evidence import Evidence, Pointer
from meshdoctor.model.pod_evidence import PodEvidence

ROUTES = "$.configs[4].dynamic_route_configs"
ONE = PodEvidence(
    "a/x-1", "proxies/a/x-1/", Pointer("resources/pods.yaml", "$.items[1]"), {ROUTES: array("I", [2, 0, 1])}
)
TWO = PodEvidence(
    "a/x-2", "proxies/a/x-2/", Pointer("resources/pods.yaml", "$.items[7]"), {ROUTES: array("I", [0, 1, 2])}
)


@pytest.mark.parametrize(
    ("document", "path", "told", "told_path"),
    [
        ("proxies/a/x-1/config_dump.json", f"{ROUTES}[2].x[3]", "proxies/a/x-2/config_dump.json", f"{ROUTES}[0].x[3]"),
        ("proxies/a/x-1/config_dump.json", "$.configs[3].y[2]", "proxies/a/x-2/config_dump.json", "$.configs[3].y[2]"),
        ("proxies/a/x-1/clusters.json", "", "proxies/a/x-2/clusters.json", ""),
        ("resources/pods.yaml", "$.items[1]", "resources/pods.yaml", "$.items[7]"),
        ("resources/pods.yaml", "$.items[1].spec", "resources/pods.yaml", "$.items[7].spec"),
    ],
)
def test_own_evidence_is_told_of_the_replica(document: str, path: str, told: str, told_path: str) -> None:
    piece = Evidence(document, path, "v", 3)
    assert ONE.owns(piece)
    assert ONE.retold(piece, TWO) == Evidence(told, told_path, "v", 3)
    assert TWO.retold(ONE.retold(piece, TWO), ONE) == piece


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("resources/pods.yaml", "$.items[11].spec"),
        ("resources/serviceentries.yaml", "$.items[1]"),
        ("proxies/a/x-11/config_dump.json", f"{ROUTES}[2]"),
    ],
)
def test_what_is_everybodys_or_anothers_stays(document: str, path: str) -> None:
    piece = Evidence(document, path)
    assert not ONE.owns(piece)
    assert ONE.retold(piece, TWO) == piece


def test_a_pod_without_a_folder_owns_nothing() -> None:
    piece = Evidence("proxies/a/x-1/config_dump.json", f"{ROUTES}[2]")
    assert not PodEvidence("a/x-1").owns(piece)
    assert PodEvidence("a/x-1").retold(piece, TWO) == piece
