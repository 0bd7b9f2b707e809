"""Which pods and ConfigMaps a live run reads, and that what it may not read is never taken for what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor import live
from meshdoctor.collect.live import objects
from tests.cluster.apiserver import FakeApi, status
from tests.cluster.conftest import MakeSource
from tests.cluster.meshes import put_snapshot
from tests.cluster.test_live import CHECK, reasons
from tests.conftest import Cli

pytestmark = pytest.mark.usefixtures("kubeconfig")


def test_gateways_are_not_taken_for_the_pods_that_were_asked_for(cli: Cli, api: FakeApi, tmp_path: Any) -> None:
    put_snapshot(api, "egress-gateway")
    gateways = {pod.split("/")[0] for pod in api.envoys} - {"bookinfo"}
    for scope in (("-l", "app=nobody"), ("-l", "app=nobody", "-n", gateways.pop())):
        done = cli("capture", str(tmp_path / "saved"), "--dns", "off", "--logs", "0", *scope)
        assert (done.code, done.out) == (3, "")
        assert "labels app=nobody" in done.err
    assert "pods/portforward" not in {asked.resource for asked in api.asked}


@pytest.mark.parametrize("code", [400, 403, 500])
def test_gateways_that_cannot_be_listed_cost_only_themselves(cli: Cli, api: FakeApi, code: int) -> None:
    put_snapshot(api, "egress-gateway")
    api.faults.append(
        lambda asked: status(code, "no") if asked.resource == "pods" and "labelSelector" in asked.query else None
    )
    done = cli(*CHECK, "-n", "bookinfo")
    assert done.code in (0, 1)
    assert reasons(done.out)["resources/pods.yaml"].startswith("gateways with ")


def kinds_of(source: MakeSource) -> set[str]:
    return {path.split("/")[1].split(".")[0] for path in live.read_cluster(source()).capture().documents}


def test_configmaps_that_could_not_be_read_are_no_empty_list(
    api: FakeApi, source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.objects["configmaps"] = []
    assert "configmaps" in kinds_of(source)
    api.faults.append(lambda asked: status(503, "etcd is down") if asked.resource == "configmaps" else None)
    assert "configmaps" not in kinds_of(source)
    monkeypatch.setattr(objects, "SECONDS", 0.5)
    api.faults[:] = [lambda asked: api.never(asked) if asked.resource == "configmaps" else None]
    assert "configmaps" not in kinds_of(source)


def test_configmaps_forbidden_in_one_namespace(api: FakeApi, source: MakeSource) -> None:
    api.objects["configmaps"] = [
        {"kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": "{}"}}
    ]
    container = {"name": "app", "envFrom": [{"configMapRef": {"name": name}} for name in ("one", "two")]}
    api.objects["pods"][0]["spec"]["containers"].append(container)
    api.forbidden = lambda asked: asked.resource == "configmaps" and asked.namespace == "bookinfo"
    capture = live.read_cluster(source()).capture()
    assert "resources/configmaps.yaml" in capture.documents
    (note,) = [note for note in capture.unread if note.path == "resources/configmaps.yaml"]
    assert 'namespace "bookinfo"' in note.because
