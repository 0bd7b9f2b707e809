"""Proxies that are read when asked for: what is held, what stays known, what is refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest

from meshdoctor.facts.proxy_files import DumpProxies, OpenedDump, ProxyNotes, ProxySource
from tests.meshes import Mesh, Tree, cluster, dump

NAMES = ("shop/a", "shop/b", "shop/c")


class Shelf:
    """Dumps of three pods, one of which can be damaged; counts who was opened."""

    def __init__(self, broken: str = "", held: int = 1) -> None:
        self.opened: Counter[str] = Counter()
        self.refused: list[str] = []
        sources = {name: ProxySource(self._opener(name, name == broken), 100) for name in NAMES}
        self.proxies = DumpProxies(sources, lambda key, because: self.refused.append(key), held=held)

    def _opener(self, key: str, broken: bool) -> Callable[[], OpenedDump]:
        def opened() -> OpenedDump:
            self.opened[key] += 1
            data = b"{" if broken else json.dumps(dump(key=key, ISTIO_VERSION=f"1.{key[-1]}")).encode()
            return OpenedDump(key, f"proxies/{key}/config_dump.json", data)

        return opened


def test_names_open_nothing() -> None:
    shelf = Shelf()
    assert tuple(shelf.proxies.names) == NAMES
    assert shelf.proxies.size("shop/a") == 100
    assert not shelf.opened


def test_a_proxy_is_made_once_while_it_is_held_and_again_after() -> None:
    shelf = Shelf()
    assert shelf.proxies["shop/a"] is shelf.proxies["shop/a"]
    assert shelf.proxies["shop/b"].key == "shop/b"
    assert shelf.opened == {"shop/a": 1, "shop/b": 1}
    assert shelf.proxies["shop/a"].key == "shop/a"
    assert shelf.opened["shop/a"] == 2


def test_what_fits_is_held() -> None:
    shelf = Shelf(held=1 << 20)
    for _ in range(3):
        assert list(shelf.proxies) == list(NAMES)
        assert len(shelf.proxies) == 3
    assert set(shelf.opened.values()) == {1}


def test_the_brief_stays_when_the_dump_is_put_away() -> None:
    shelf = Shelf()
    versions = [summary.version for summary in map(shelf.proxies.summary, NAMES) if summary]
    assert versions == ["1.a", "1.b", "1.c"]
    assert [shelf.proxies.summary(name) is not None for name in NAMES] == [True] * 3
    assert set(shelf.opened.values()) == {1}
    assert all(name in shelf.proxies for name in NAMES)
    assert set(shelf.opened.values()) == {1}


def test_a_damaged_dump_is_opened_once_and_told_once() -> None:
    shelf = Shelf(broken="shop/b")
    for _ in range(2):
        assert list(shelf.proxies) == ["shop/a", "shop/c"]
        assert shelf.proxies.summary("shop/b") is None
        with pytest.raises(KeyError):
            shelf.proxies["shop/b"]
    assert shelf.refused == ["shop/b"]
    assert shelf.opened["shop/b"] == 1


def test_whether_there_is_any_takes_one_that_can_be_read() -> None:
    shelf = Shelf()
    assert shelf.proxies
    assert sum(shelf.opened.values()) == 1


def test_what_another_process_learnt_needs_no_look() -> None:
    one, other = Shelf(broken="shop/b"), Shelf(broken="shop/b")
    assert len(one.proxies) == 2
    other.proxies.learn(one.proxies.learnt())
    other.proxies.learn(ProxyNotes({}, {"shop/b": "again"}))
    assert list(other.proxies) == ["shop/a", "shop/c"]
    assert other.refused == ["shop/b"]
    assert not other.opened


def test_gaps_found_while_a_proxy_was_looked_at_stay() -> None:
    made: Tree = dump([], [cluster("a.example", 443)])
    clusters = next(s for s in made["configs"] if "Clusters" in s["@type"])["dynamic_active_clusters"]
    clusters[0]["cluster"]["transport_socket_matches"] = "none"
    found = Mesh({"shop/a": made, "shop/b": dump(key="shop/b")}).sheet().mesh
    proxy = found.proxies["shop/a"]
    assert len(list(proxy.clusters.values())) == len(proxy.clusters)
    summary = found.summary("shop/a")
    assert summary is not None
    assert summary.coverage("clusters").missing == ("outbound|443||a.example",)
