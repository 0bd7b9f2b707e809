"""What the fixes write is what a cluster takes: asked of a real API server, by dry runs, and of a real sidecar."""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from meshdoctor import doctor, yamlio
from meshdoctor.model.finding import Finding
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.admission import refusals
from tests.lab.api import Object, Refused
from tests.lab.lab import Lab
from tests.lab.scenario import read_scenario
from tests.lab.test_scenarios import SCENARIOS

HERE = Path(__file__).resolve().parents[2]
CAPTURES = [
    *sorted(path for path in (HERE / "snapshots").iterdir() if (path / "resources").is_dir()),
    *sorted(path for path in (HERE.parent / "shared" / "captures").glob("*") if (path / "resources").is_dir()),
]


def dry_run(lab: Lab, given: Object) -> str:
    """Why the API server would not take an object; empty where it would."""
    query = "?fieldManager=lab-dry&force=true&dryRun=All&fieldValidation=Strict"
    try:
        lab.api.request("PATCH", lab.api.path(given) + query, given, "application/apply-patch+yaml")
    except Refused as refused:
        return str(refused)
    return ""


def manifests(folder: Path) -> Iterator[tuple[str, Object]]:
    """Every manifest of every fix of a capture, with the rule and the fix's id."""
    for finding in doctor.diagnose(doctor.open_case(doctor.Source(folder))).findings:
        for fix in finding.fixes:
            for text in fix.manifests:
                yield (
                    f"{folder.parent.name}/{folder.name}: {finding.rule} {fix.id}",
                    yamlio.load_documents(text.encode(), "manifest")[0],
                )


@pytest.mark.lab
def test_the_api_server_takes_every_manifest_of_every_fix(empty_lab: Lab) -> None:
    made = [one for folder in CAPTURES for one in manifests(folder)]
    assert len(made) > 20
    empty_lab.add_namespaces(*{one["metadata"]["namespace"] for _, one in made})
    refused = [f"{where}: {because}" for where, one in made if (because := dry_run(empty_lab, one))]
    assert not refused, "\n".join(refused)


OPEN = {
    ("default-export", "scope"),
    ("dynamic-dns", "http-by-name"),
    ("egress-proxy", "export-to-namespace"),
    ("none-with-selector", "set-addresses"),
    ("sidecar-egress-ports", "list-in-sidecar"),
    ("sidecar-egress-ports", "tcp-by-address"),
}
"""Fixes of a scenario that bring another error: to be mended, or no longer offered where their prediction says so."""


@pytest.mark.lab
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_after_its_own_fix_a_finding_is_gone_and_nothing_worse_came(lab: Lab, path: Path, tmp_path: Path) -> None:
    scenario = read_scenario(path)
    lab.load(scenario)
    before = found(lab, tmp_path / "before")
    failed: list[tuple[str, str]] = []
    ready = [(f, fix) for f in before for fix in f.fixes if fix.manifests and not fix.steps]
    for number, (finding, fix) in enumerate(ready):
        if number:
            lab.load(scenario)
        lab.apply(*(yamlio.load_documents(text.encode(), "manifest")[0] for text in fix.manifests))
        lab.delete(*(deleted(one) for one in fix.deletes))
        after = found(lab, tmp_path / f"after-{number}")
        if finding.fingerprint in {f.fingerprint for f in after}:
            failed.append((fix.id, f"{finding.rule}: {fix.id} leaves it"))
        errors = {f.fingerprint for f in before if f.severity == "error"}
        failed += [
            (fix.id, f"{finding.rule}: {fix.id} brings {f.rule} for {f.host}:{f.port}")
            for f in after
            if f.severity == "error" and f.fingerprint not in errors
        ]
    assert not [said for fix_id, said in failed if (path.stem, fix_id) not in OPEN]
    if failed:
        pytest.xfail("; ".join(said for _, said in failed))


def found(lab: Lab, folder: Path) -> tuple[Finding, ...]:
    """What `check` finds in the lab as it is."""
    return doctor.diagnose(doctor.open_case(doctor.Source(lab.capture(folder)))).findings


def deleted(one: ObjectRef) -> Object:
    """Enough of an object to delete it."""
    metadata = {"name": one.name, "namespace": one.namespace}
    return {"apiVersion": "networking.istio.io/v1", "kind": one.kind, "metadata": metadata}


@pytest.mark.lab
def test_what_the_api_server_refuses_is_known(empty_lab: Lab) -> None:
    """The CEL rules of the CRD alone: istiod's webhook, which refuses more, is not part of the lab."""
    empty_lab.add_namespaces("shop")
    dice = random.Random(20261121)
    unknown, taken = [], 0
    for _ in range(400):
        given = random_entry(dice)
        because = dry_run(empty_lab, given)
        taken += not because
        if because and not refusals(given):
            unknown.append(f"{given['spec']}: {because}")
    assert not unknown, "\n".join(unknown)
    assert 0 < taken < 400


def random_entry(dice: random.Random) -> Object:
    """A ServiceEntry with anything in it that a fix may write, and much that it may not."""
    spec: Object = {"hosts": dice.sample(["a.example", "b.example", "*.c.example", "*"], dice.choice([1, 1, 2]))}
    spec["resolution"] = dice.choice(["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN"])
    spec["ports"] = [_port(dice) for _ in range(dice.choice([1, 1, 2, 3]))]
    if dice.random() < 0.5:
        pool = ["203.0.113.1", "203.0.113.2/32", "198.51.100.0/24", "2001:db8::1", "2001:db8::/64"]
        spec["addresses"] = dice.sample(pool, dice.choice([1, 2]))
    if dice.random() < 0.4:
        spec["endpoints"] = [{"address": a} for a in dice.sample(["203.0.113.7", "203.0.113.8", "x.example"], 2)]
    if dice.random() < 0.2:
        spec["workloadSelector"] = {"labels": {"app": "x"}}
    if dice.random() < 0.4:
        spec["exportTo"] = dice.sample([".", "*", "~", "shop", "bank"], dice.choice([1, 2]))
    metadata = {"name": "random", "namespace": "shop"}
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": metadata, "spec": spec}


def _port(dice: random.Random) -> dict[str, Any]:
    number = dice.choice([80, 443, 5432])
    protocol = dice.choice(["HTTP", "TLS", "TCP", "HTTPS"])
    return {"number": number, "name": dice.choice([f"p-{number}", "p"]), "protocol": protocol}


@pytest.mark.lab
def test_the_patch_that_refers_to_a_secret_takes_the_password_out(lab: Lab, tmp_path: Path) -> None:
    lab.load(read_scenario(next(path for path in SCENARIOS if path.stem == "mysql-missing-entry")))
    [told] = [f for f in found(lab, tmp_path / "capture") if f.rule == "plaintext-credentials"]
    [line] = [line for line in told.fixes[0].steps.splitlines() if "kubectl patch" in line]
    _, _, owner, _, namespace, _, patch = shlex.split(line)
    kind, name = owner.split("/")
    path = f"/apis/apps/v1/namespaces/{namespace}/{kind}s/{name}"
    made = lab.api.request("PATCH", path, json.loads(patch), "application/strategic-merge-patch+json")
    [reference] = json.loads(patch)["spec"]["template"]["spec"]["containers"][0]["env"]
    env = {e["name"]: e for c in made["spec"]["template"]["spec"]["containers"] for e in c.get("env", ())}
    assert env[reference["name"]] == {"name": reference["name"], "valueFrom": reference["valueFrom"]}


@pytest.mark.lab
def test_a_pod_made_anew_under_dns_capture_has_a_listener_for_each_entry(lab: Lab, tmp_path: Path) -> None:
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "tcp-port-clash"))
    lab.load(replace(scenario, istiod={"PILOT_ENABLE_IP_AUTOALLOCATE": "true"}))
    (clash,) = [f for f in found(lab, tmp_path / "before") if f.rule == "tcp-port-clash"]
    (fix,) = [fix for fix in clash.fixes if fix.id == "dns-capture"]
    (config,) = [yamlio.load_documents(text.encode(), "manifest")[0] for text in fix.manifests]
    lab.apply(config)
    assert config["spec"]["environmentVariables"]["ISTIO_META_DNS_CAPTURE"] == "true"
    assert config["spec"]["selector"]["matchLabels"].items() <= scenario.pods[0].labels.items()
    # nobody injects in the lab: what the webhook makes of the ProxyConfig is set on the new pod
    lab.load(
        replace(
            scenario,
            istiod={"PILOT_ENABLE_IP_AUTOALLOCATE": "true"},
            pods=[replace(scenario.pods[0], dns_capture=True)],
        )
    )
    seen = lab.connect(*scenario.probes[:2])
    assert [one.verdict for one in seen] == ["delivered", "delivered"]
    assert "tcp-port-clash" not in {f.rule for f in found(lab, tmp_path / "after")}
    lab.api.delete(config)
