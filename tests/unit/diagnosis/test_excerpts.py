from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from meshdoctor import yamlio
from meshdoctor.diagnosis.excerpts import excerpt, resource
from meshdoctor.model.evidence import Capture, Document, Evidence
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.text.marks import REDACTED

DUMP = "proxies/shop/web-1/config_dump.json"
PODS = "resources/pods.yaml"


def capture(**documents: Any) -> Capture:
    """`dump` as JSON, `pods` as a List."""
    contents = {}
    if "dump" in documents:
        contents[DUMP] = json.dumps(documents["dump"]).encode()
    if "pods" in documents:
        contents[PODS] = yamlio.dump({"apiVersion": "v1", "items": documents["pods"], "kind": "List"}).encode()
    made = {path: Document(path, partial(bytes, data), len(data)) for path, data in contents.items()}
    return Capture("capture", "here", made)


def pod(name: str, **env: str) -> dict[str, Any]:
    settings = [{"name": key, "value": value} for key, value in env.items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "managedFields": [{"manager": "kubectl"}]},
        "spec": {"containers": [{"name": "app", "env": settings}]},
    }


def test_the_part_of_a_dump_around_the_place_is_cut_out_and_no_more() -> None:
    big = {"configs": [{"x": "y" * 9000, "listeners": [{"name": "a", "chains": [{"cluster": "c"}]}, {"name": "b"}]}]}
    found = excerpt(capture(dump=big), Evidence(DUMP, "$.configs[0].listeners[0].chains[0].cluster", "c"))
    assert found.at == "$.configs[0].listeners"
    assert found.inner == (0, "chains", 0, "cluster")
    assert found.tree == big["configs"][0]["listeners"]
    assert found.form == "json"


@pytest.mark.parametrize("path", ["$.configs[7].x", "$.nothing", "$.configs.x", "$..x", "$.configs[0].x.y.z"])
def test_a_place_that_is_not_there_says_so(path: str) -> None:
    found = excerpt(capture(dump={"configs": [{"x": 1}]}), Evidence(DUMP, path, "v"))
    assert found.tree is None
    assert path in found.because
    assert found.value == "v"


def test_a_document_that_was_not_read_says_so() -> None:
    assert "was not read" in excerpt(capture(), Evidence("resources/pods.yaml", "$.items[0]")).because


def test_a_document_that_is_torn_says_so() -> None:
    torn = Capture("capture", "here", {DUMP: Document(DUMP, lambda: b'{"configs": [', 9)})
    assert excerpt(torn, Evidence(DUMP, "$.configs[0]")).because


def test_an_object_is_shown_whole_and_without_its_secrets() -> None:
    given = capture(pods=[pod("other"), pod("web-1", DB_PASSWORD="hunter2", DB_HOST="db.test")])
    found = excerpt(given, Evidence(PODS, "$.items[1].spec.containers[0].env[1].value", "db.test", 20))
    assert found.at == "$.items[1]"
    assert found.tree["metadata"] == {"name": "web-1", "namespace": "shop"}
    assert found.inner == ("spec", "containers", 0, "env", 1, "value")
    values = [item["value"] for item in found.tree["spec"]["containers"][0]["env"]]
    assert values == [REDACTED, "db.test"]


def test_a_dump_is_shown_without_its_secrets() -> None:
    dump = {"configs": [{"node": {"metadata": {"DB_PASSWORD": "hunter2hunter2", "NAME": "web"}}}]}
    found = excerpt(capture(dump=dump), Evidence(DUMP, "$.configs[0].node.metadata.NAME", "web"))
    assert "hunter2" not in json.dumps(found.tree)
    found = excerpt(capture(dump=dump), Evidence(DUMP, "$.configs[0].node.metadata.DB_PASSWORD", ""))
    assert "hunter2" not in json.dumps(found.tree)


def test_the_documents_own_tree_is_used_and_stays_as_it_is() -> None:
    tree = {"kind": "PodList", "items": [pod("web-1", API_TOKEN="abcdef0123456789")]}
    given = Capture("cluster", "here", {PODS: Document(PODS, lambda: b"", 0, tree=lambda: tree)})
    found = excerpt(given, Evidence(PODS, "$.items[0].spec"))
    assert "abcdef" not in json.dumps(found.tree)
    assert "abcdef" in json.dumps(tree)


def test_an_object_is_found_by_its_name() -> None:
    given = capture(pods=[pod("other"), pod("web-1")])
    found = resource(given, ObjectRef("Pod", "shop", "web-1"))
    assert (found.at, found.tree["metadata"]["name"]) == ("$.items[1]", "web-1")
    assert resource(given, ObjectRef("Pod", "else", "web-1")).because
    assert resource(given, ObjectRef("Deployment", "shop", "web")).because
