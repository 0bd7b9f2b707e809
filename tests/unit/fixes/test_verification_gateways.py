"""A finding that shows in a gateway's dump is not gone because that dump could not be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshdoctor.diagnosis.recorded import DiagnosisRequest
from meshdoctor.doctor import Source
from meshdoctor.fixes.verify.verification import compare
from meshdoctor.model.fix import Baseline, FixTarget, JournalEntry
from tests.unit.diagnosis.test_cache import dump_of, write
from tests.unit.diagnosis.test_cache_scope import give_the_gateway_an_endpoint


def baseline(folder: Path, namespaces: tuple[str, ...]) -> Baseline:
    return DiagnosisRequest(Source(path=folder), namespaces).open(to_compare=True).baseline()


@pytest.mark.parametrize("namespaces", [(), ("bookinfo",)])
@pytest.mark.parametrize("how", ["torn", "gone"])
def test_a_gateway_that_cannot_be_read_verifies_nothing(tmp_path: Path, namespaces: tuple[str, ...], how: str) -> None:
    pods = write(tmp_path, "egress-gateway", 1)
    gateway = next(pod for pod in pods if "gateway" in pod)
    (sidecar,) = set(pods) - {gateway}
    give_the_gateway_an_endpoint(dump_of(tmp_path, sidecar).with_name("clusters.json"))
    objects = tmp_path / "resources" / "pods.yaml"
    first, args, rest = objects.read_text("utf-8").rpartition("- sidecar\n")
    objects.write_text(f"{first}- router\n{rest}" if args else "", "utf-8")
    dump = json.loads(dump_of(tmp_path, gateway).read_bytes())
    for one in dump["configs"]:
        if one["@type"].endswith("ListenersConfigDump"):
            one["dynamic_listeners"] = []
    dump_of(tmp_path, gateway).write_text(json.dumps(dump), "utf-8")
    before = baseline(tmp_path, namespaces)
    (mark,) = [mark for mark, one in before.findings.items() if one.rule == "egress-gateway-broken"]
    if how == "torn":
        dump_of(tmp_path, gateway).write_text("{", "utf-8")
    else:
        dump_of(tmp_path, gateway).unlink()
    entry = JournalEntry(
        id=1,
        state="applied",
        at="2026-11-21T10:00:00Z",
        place=FixTarget(),
        fingerprint=mark,
        rule="egress-gateway-broken",
        subject="",
        fix="",
        title="",
        pods=(sidecar,),
    )
    verification = compare(before, baseline(tmp_path, namespaces), entry)
    assert sidecar in verification.unread
    assert not verification.holds
