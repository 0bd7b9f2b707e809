"""The crowd looks like pods with sidecars to whoever asks the API server."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest

from tests.lab.crowd import add_crowd
from tests.lab.lab import Lab


@pytest.mark.lab
def test_every_pod_of_the_crowd_answers_as_itself(empty_lab: Lab, root: Path) -> None:
    extras = add_crowd(empty_lab, root / "snapshots", 40)
    assert len({(extra.namespace, extra.name) for extra in extras}) == 40
    listed = {(p["metadata"]["namespace"], p["metadata"]["name"]) for p in empty_lab.api.items("v1", "pods")}
    assert listed == {(extra.namespace, extra.name) for extra in extras}
    forwards = empty_lab.api.items("kwok.x-k8s.io/v1alpha1", "portforwards")
    target = {f["metadata"]["name"]: f["spec"]["forwards"][0]["target"] for f in forwards}
    for extra in extras:
        where = target[extra.name]
        connection = http.client.HTTPConnection(where["address"], where["port"], timeout=10)
        connection.request("GET", "/config_dump?include_eds")
        dump = json.loads(connection.getresponse().read())
        connection.close()
        node = next(c["bootstrap"]["node"]["id"] for c in dump["configs"] if "bootstrap" in c)
        assert f"~{extra.name}.{extra.namespace}~" in node
