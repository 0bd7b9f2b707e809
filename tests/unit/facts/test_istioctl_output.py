"""The arrays of `istioctl proxy-config ... -o json`, pasted into files."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy.istioctl_output import read_pasted
from meshdoctor.model.evidence import Document
from tests import spellings
from tests.dumps import (
    NODE_ID,
    assignment,
    chain,
    cluster,
    dump,
    endpoint,
    listener,
    read,
    route,
    routes,
    tcp,
    virtual_host,
)

LISTENER = listener("0.0.0.0", 80, chain(tcp("c"), config="/apis/x"), bind_to_port=False)
CLUSTER = cluster("c", "STATIC", endpoint("10.0.0.1", 80))
ROUTES = routes("80", virtual_host("x", ["*"], route("c")))


def documents(**arrays: Any) -> dict[str, tuple[str, Document]]:
    """`listeners=[...]` as the file listeners.json; bytes are taken as they are."""
    made = {}
    for name, content in arrays.items():
        data = content if isinstance(content, bytes) else json.dumps(spellings.camel(content)).encode()
        file = f"{name}.json"
        made[file] = (file, Document(file, partial(bytes, data), len(data)))
    return made


def test_the_facts_are_those_of_a_dump() -> None:
    pasted = read_pasted(documents(listeners=[LISTENER], clusters=[CLUSTER], routes=[ROUTES]), "-/pasted")
    whole = read(dump([LISTENER], [CLUSTER], [ROUTES], [assignment("c")]))
    assert pasted.sections == {"listeners", "clusters", "routes"}
    mine, theirs = (one.listeners["0.0.0.0_80"].filter_chains[0].tcp for one in (pasted, whole))
    assert mine == theirs
    assert pasted.clusters["c"].endpoints[0].address == whole.clusters["c"].endpoints[0].address
    assert pasted.routes["80"].virtual_hosts[0].domains == ("*",)


def test_evidence_names_the_file_it_stands_in() -> None:
    pasted = read_pasted(documents(listeners=[LISTENER], clusters=[CLUSTER], routes=[ROUTES]), "-/pasted")
    objects = pasted.listeners["0.0.0.0_80"], pasted.clusters["c"], pasted.routes["80"].virtual_hosts[0].routes[0]
    found = [pasted.evidence(one.path) for one in objects]
    assert [(one.document, one.path) for one in found] == [
        ("listeners.json", "$[0]"),
        ("clusters.json", "$[0]"),
        ("routes.json", "$[0].virtual_hosts[0].routes[0]"),
    ]


def test_endpoints_are_statuses() -> None:
    host = {"address": {"socketAddress": {"address": "10.0.0.1", "portValue": 80}}, "healthStatus": {}}
    proxy = read_pasted(documents(endpoints=[{"name": "c", "hostStatuses": [host]}]), "-/pasted")
    assert proxy.sections == {"endpoints"}
    assert proxy.live_endpoints is not None
    assert proxy.live_endpoints["c"][0].address == "10.0.0.1"


def test_one_malformed_item_costs_only_itself() -> None:
    bad, worse = {"name": "bad", "filter_chains": 7}, {"name": "bad", "host_statuses": 7}
    proxy = read_pasted(documents(listeners=[bad, LISTENER], endpoints=[worse]), "-/pasted")
    assert list(proxy.listeners) == ["bad", "0.0.0.0_80"]
    assert [proxy.coverage(section).missing for section in ("listeners", "endpoints")] == [("bad",), ("bad",)]
    assert not proxy.coverage("listeners").names_all
    assert proxy.listeners["0.0.0.0_80"].path == "$[1]"


@pytest.mark.parametrize("data", [b"[{", b"{}", b"7", b"[" * 100_000, b'["\xff"]'], ids=lambda data: repr(data[:20]))
def test_what_is_no_array_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Unreadable, match=r"listeners\.json: (incomplete JSON|expected the array)"):
        read_pasted(documents(listeners=data), "-/pasted")


@pytest.mark.parametrize(
    "content", [{"bootstrap": {"node": {"id": NODE_ID, "metadata": {}}}}, {"node": {"id": NODE_ID}}]
)
def test_the_bootstrap_says_whose_proxy_it_is(content: Any) -> None:
    assert read_pasted(documents(listeners=[LISTENER], bootstrap=content), "-/pasted").key == "shop/web"


@pytest.mark.parametrize("content", [[], 7, {"bootstrap": []}, {"bootstrap": {"node": 7}}, {"node": {"id": []}}])
def test_an_odd_bootstrap_says_nothing(content: Any) -> None:
    assert read_pasted(documents(listeners=[LISTENER], bootstrap=content), "-/pasted").node.pod == ""
