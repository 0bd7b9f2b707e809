"""The lines that `--export` prints, run by a real kubectl against a real API server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from meshdoctor.fixes.files.export import export
from meshdoctor.model.fix import Change
from meshdoctor.model.object_ref import ObjectRef
from tests.lab.api import Object, Refused
from tests.lab.lab import Lab

API = "networking.istio.io/v1"
PORTS = [{"number": 443, "name": "tls", "protocol": "TLS"}]


def made(kind: str, name: str, api: str, spec: dict[str, Any]) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def entry(name: str, **spec: Any) -> Object:
    return made("ServiceEntry", name, API, {"hosts": [f"{name}.test"], "resolution": "DNS", "ports": PORTS, **spec})


def change(before: Object | None, after: Object | None) -> Change:
    there: Any = before or after
    key = ObjectRef(there["kind"], "default", there["metadata"]["name"], api_version=there["apiVersion"])
    return Change(key=key, before=before, after=after)


def spec_of(lab: Lab, given: Object) -> Any:
    """What the API server holds under the fields that `given` has, None where the object is not there."""
    try:
        return lab.api.request("GET", lab.api.path(given))["spec"]
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return None


def run(line: str, lab: Lab) -> None:
    environment = {**os.environ, "KUBECONFIG": str(lab.kubeconfig)}
    done = subprocess.run(line, shell=True, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{line}: {done.stderr}"


@pytest.mark.lab
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_the_lines_do_and_undo_what_they_say(empty_lab: Lab, tmp_path: Path) -> None:
    lab = empty_lab
    github, old, new = entry("github", exportTo=["."]), entry("old"), entry("new")
    fixed = entry("github", addresses=["198.51.100.20"])
    service = made("Service", "api", "v1", {"ports": [{"port": n, "name": f"p{n}"} for n in (80, 81)]})
    narrowed = made("Service", "api", "v1", {"ports": [{"port": 80, "name": "http"}]})
    for given in (github, old, service):
        lab.api.apply(given)
    done = export(
        [change(github, fixed), change(old, None), change(None, new), change(service, narrowed)], tmp_path / "a fix"
    )
    for command in done.commands:
        run(command.do, lab)
    assert [spec_of(lab, given) for given in (fixed, old, new)] == [fixed["spec"], None, new["spec"]]
    assert [port["name"] for port in spec_of(lab, service)["ports"]] == ["http"]
    for command in reversed(done.commands):
        assert command.undo is not None
        run(command.undo, lab)
    assert [spec_of(lab, given) for given in (github, old, new)] == [github["spec"], old["spec"], None]
    assert [port["name"] for port in spec_of(lab, service)["ports"]] == ["p80", "p81"]
    lab.api.delete_all([github, old, service])
