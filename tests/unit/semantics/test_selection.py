"""Which pod a user means, and what is offered where none or several fit."""

from __future__ import annotations

import pytest

from meshdoctor.errors import UsageError
from meshdoctor.model.mesh import Mesh, Pod
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.kubernetes.pod_selection import find_pod
from meshdoctor.text.nearest import nearest
from tests.dumps import dump, read


def pod(namespace: str, name: str, app: str, kind: str = "Deployment", tier: str = "front") -> Pod:
    return Pod(namespace, name, labels={"app": app, "tier": tier}, workload=ObjectRef(kind, namespace, app))


PODS = [
    pod("shop", "web-7d9c-aaaa", "web"),
    pod("shop", "web-7d9c-bbbb", "web"),
    pod("shop", "db-0", "db", "StatefulSet", "back"),
    pod("bank", "ledger-5f6b-cccc", "ledger"),
    pod("bank", "db-0", "db", "StatefulSet", "back"),
    Pod("shop", "loner"),
    Pod("shop", "loner-two"),
]


def mesh(*with_proxy: str) -> Mesh:
    proxy = read(dump())
    return Mesh(pods={p.key: p for p in PODS}, proxies={key: proxy for key in with_proxy})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("shop/db-0", "shop/db-0"),
        ("loner", "shop/loner"),
        ("ledger-5f6b-cccc", "bank/ledger-5f6b-cccc"),
        ("ledger", "bank/ledger-5f6b-cccc"),
        ("bank/led", "bank/ledger-5f6b-cccc"),
        ("loner-t", "shop/loner-two"),
        ("web-7d9c-b", "shop/web-7d9c-bbbb"),
        ("web", "shop/web-7d9c-aaaa"),
        ("deploy/web", "shop/web-7d9c-aaaa"),
        ("deployment/ledger", "bank/ledger-5f6b-cccc"),
        ("app=web", "shop/web-7d9c-aaaa"),
        ("pod/web-7d9c-bbbb", "shop/web-7d9c-bbbb"),
        ("app=ledger,tier=front", "bank/ledger-5f6b-cccc"),
        ("sts/db", "bank/db-0"),
    ],
)
def test_a_pod_as_people_name_it(text: str, wanted: str) -> None:
    assert find_pod(mesh(), text) == wanted


def test_of_replicas_the_one_whose_proxy_was_read() -> None:
    for text in ("web", "deploy/web", "app=web"):
        assert find_pod(mesh("shop/web-7d9c-bbbb"), text) == "shop/web-7d9c-bbbb"


def test_a_namespace_settles_it() -> None:
    assert find_pod(mesh(), "db-0", ["shop"]) == "shop/db-0"
    assert find_pod(mesh(), "sts/db", ["shop"]) == "shop/db-0"
    with pytest.raises(UsageError, match="no pod ledger"):
        find_pod(mesh(), "ledger", ["shop"])


@pytest.mark.parametrize(
    ("text", "named"), [("db-0", ["bank/db-0", "shop/db-0"]), ("lone", ["shop/loner", "shop/loner-two"])]
)
def test_several_different_pods_are_listed(text: str, named: list[str]) -> None:
    with pytest.raises(UsageError, match="matches several pods") as caught:
        find_pod(mesh(), text)
    assert all(key in str(caught.value) for key in named)


def test_many_that_fit_are_not_all_listed() -> None:
    many = Mesh(pods={f"shop/p{n}": Pod("shop", f"p{n}") for n in range(9)})
    with pytest.raises(UsageError, match="and 4 more"):
        find_pod(many, "shop/p")


@pytest.mark.parametrize(
    ("text", "offered"),
    [("ledgre", "bank/ledger-5f6b-cccc"), ("lonr", "shop/loner"), ("shop/lonner", "shop/loner")],
)
def test_an_unknown_pod_offers_the_nearest(text: str, offered: str) -> None:
    with pytest.raises(UsageError, match=f"no pod {text}. Did you mean") as caught:
        find_pod(mesh(), text)
    assert offered in str(caught.value)


@pytest.mark.parametrize("text", ["deploy/nothing", "app=nothing", "sts/web", "", "app="])
def test_what_names_no_pod(text: str) -> None:
    with pytest.raises(UsageError, match="no pod"):
        find_pod(mesh(), text)


def test_nothing_read_names_no_pod() -> None:
    with pytest.raises(UsageError, match="the evidence contains no pods"):
        find_pod(Mesh(), "web")


def test_a_pod_whose_dump_could_not_be_read_can_be_asked_about() -> None:
    assert find_pod(Mesh(proxies_unread={"shop/web": "cut short"}), "web") == "shop/web"


def test_nearest_is_part_of_a_sentence() -> None:
    names = ["tcp-port-clash", "double-tls"]
    assert nearest("tcp-port-clsh", names) == "Did you mean tcp-port-clash?"
    assert nearest("zzz", names) == "There are: tcp-port-clash, double-tls."
    assert nearest("zzz", []) == "There are none."


def test_of_replicas_one_that_is_good_is_taken() -> None:
    assert find_pod(mesh(), "deploy/web", is_good="shop/web-7d9c-bbbb".__eq__) == "shop/web-7d9c-bbbb"
    assert find_pod(mesh(), "deploy/web", is_good=lambda key: False) == "shop/web-7d9c-aaaa"
