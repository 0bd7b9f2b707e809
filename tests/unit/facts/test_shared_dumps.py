"""Dumps of old sidecars: read without loss, and as facts of the same kinds as those of today's."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdoctor.facts.envoy.config_dump import read_dump
from meshdoctor.model.proxy import Proxy

DUMPS = Path(__file__).resolve().parents[4] / "shared" / "dumps"
FILES = sorted(path for path in DUMPS.rglob("*.json") if b"Dump" in path.read_bytes())
TYPES = {"STATIC", "EDS", "STRICT_DNS", "LOGICAL_DNS", "ORIGINAL_DST"}

pytestmark = pytest.mark.skipif(not FILES, reason="needs the shared dumps beside the checkout")
each_dump = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DUMPS)))


def read(path: Path) -> Proxy:
    return read_dump(path.read_bytes(), path.name)


@each_dump
def test_nothing_is_lost(path: Path) -> None:
    proxy = read(path)
    assert not proxy.unknown_types
    assert proxy.sections
    for name in proxy.clusters:
        assert proxy.clusters[name].type in TYPES, name
    for name in proxy.routes:
        assert all(route.action != "other" for v in proxy.routes[name].virtual_hosts for route in v.routes)


@each_dump
def test_every_outbound_chain_says_where_it_goes(path: Path) -> None:
    proxy = read(path)
    outbound = [one for one in proxy.listeners.values() if not one.is_static and one.traffic_direction != "INBOUND"]
    assert outbound or "listeners" not in proxy.sections
    for listener in outbound:
        assert listener.addresses
        for chain in listener.chains():
            assert chain.tcp or chain.http, f"{listener.name}: {chain.filters}"
            assert all(cluster.name for cluster in (chain.tcp.clusters if chain.tcp else ()))
            if chain.http is not None:
                assert chain.http.route_config_name or chain.http.route_config is not None
