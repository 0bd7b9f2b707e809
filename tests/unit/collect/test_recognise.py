"""recognise: the first bytes tell what a file is."""

from __future__ import annotations

import pytest

from meshdoctor.collect.recognise import Shape, recognise


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        (b'{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.Boot', Shape.CONFIG_DUMP),
        (b'{\n "configs": {\n  "bootstrap": {"@type": "type.googleapis.com/envoy.admin.v2alpha', Shape.CONFIG_DUMP),
        (b'\xef\xbb\xbf  {"configs": [', Shape.CONFIG_DUMP),
        (b'{"bootstrap": {"node": {"id": "sidecar~', Shape.BOOTSTRAP),
        (b'[{"name": "virtualOutbound", "address": {"socketAddress', Shape.LISTENERS),
        (b'[{"name": "x", "filterChains": [', Shape.LISTENERS),
        (b'[{"name": "BlackHoleCluster", "type": "STATIC"', Shape.CLUSTERS),
        (b'[{"transportSocketMatches": [{"address": "a decoy"}], "name": "x", "edsClusterConfig": {', Shape.CLUSTERS),
        (b'[{"name": "bare"}, {"name": "80", "virtualHosts": [', Shape.ROUTES),
        (b'[{"name": "outbound|80||a", "addedViaApi": true, "hostStatuses": [', Shape.ENDPOINTS),
        (b'[{"apiVersion": "v1", "kind": "Pod"', Shape.RESOURCES),
        (b'{"cluster_statuses": [', Shape.CLUSTER_STATUS),
        (b'{"version": "1/1.30", "state": "LIVE", "hot_restart_version": "disabled"', Shape.SERVER_INFO),
        (b'{"resolved_from": "pod", "answers": {', Shape.DNS),
        (b'{"apiVersion": "v1", "kind": "List", "items": [', Shape.RESOURCES),
        (b"# made by hand\n---\nkind: ServiceEntry\napiVersion: networking.istio.io/v1\n", Shape.RESOURCES),
        (b"- apiVersion: v1\n  kind: Pod\n", Shape.RESOURCES),
        (b'{"metadata": {"configs": 1}, "text": "\\"configs\\": "}', None),
        (b'{"hello": "world"}', None),
        (b"[1, 2, 3]", None),
        (b"<html><body>upstream connect error</body></html>", None),
        (b"\x00\x01\x02", None),
        (b"", None),
    ],
)
def test_shapes(head: bytes, shape: Shape | None) -> None:
    assert recognise(head, "pasted.json") is shape


@pytest.mark.parametrize(
    ("name", "shape"),
    [("endpoints.json", Shape.ENDPOINTS), ("my-Listener.json", Shape.LISTENERS), ("x.json", None)],
)
def test_an_empty_array_is_known_by_its_name_only(name: str, shape: Shape | None) -> None:
    assert recognise(b"[ ]\n", name) is shape
