"""recognise: the first bytes tell what a file is."""

from __future__ import annotations

import pytest

from meshdoctor.sources.file_type import FileType, file_type


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        (b'{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.Boot', FileType.CONFIG_DUMP),
        (b'{\n "configs": {\n  "bootstrap": {"@type": "type.googleapis.com/envoy.admin.v2alpha', FileType.CONFIG_DUMP),
        (b'\xef\xbb\xbf  {"configs": [', FileType.CONFIG_DUMP),
        (b'{"bootstrap": {"node": {"id": "sidecar~', FileType.BOOTSTRAP),
        (b'[{"name": "virtualOutbound", "address": {"socketAddress', FileType.LISTENERS),
        (b'[{"name": "x", "filterChains": [', FileType.LISTENERS),
        (b'[{"name": "BlackHoleCluster", "type": "STATIC"', FileType.CLUSTERS),
        (
            b'[{"transportSocketMatches": [{"address": "a decoy"}], "name": "x", "edsClusterConfig": {',
            FileType.CLUSTERS,
        ),
        (b'[{"name": "bare"}, {"name": "80", "virtualHosts": [', FileType.ROUTES),
        (b'[{"name": "outbound|80||a", "addedViaApi": true, "hostStatuses": [', FileType.ENDPOINTS),
        (b'[{"apiVersion": "v1", "kind": "Pod"', FileType.RESOURCES),
        (b'{"cluster_statuses": [', FileType.CLUSTER_STATUS),
        (b'{"version": "1/1.30", "state": "LIVE", "hot_restart_version": "disabled"', FileType.SERVER_INFO),
        (b'{"resolved_from": "pod", "answers": {', FileType.DNS),
        (b'{"apiVersion": "v1", "kind": "List", "items": [', FileType.RESOURCES),
        (b"# made by hand\n---\nkind: ServiceEntry\napiVersion: networking.istio.io/v1\n", FileType.RESOURCES),
        (b"- apiVersion: v1\n  kind: Pod\n", FileType.RESOURCES),
        (b'{"metadata": {"configs": 1}, "text": "\\"configs\\": "}', None),
        (b'{"hello": "world"}', None),
        (b"[1, 2, 3]", None),
        (b"<html><body>upstream connect error</body></html>", None),
        (b"\x00\x01\x02", None),
        (b"", None),
    ],
)
def test_shapes(head: bytes, shape: FileType | None) -> None:
    assert file_type(head, "pasted.json") is shape


@pytest.mark.parametrize(
    ("name", "shape"),
    [("endpoints.json", FileType.ENDPOINTS), ("my-Listener.json", FileType.LISTENERS), ("x.json", None)],
)
def test_an_empty_array_is_known_by_its_name_only(name: str, shape: FileType | None) -> None:
    assert file_type(b"[ ]\n", name) is shape
