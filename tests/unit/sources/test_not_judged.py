"""Files that are recognised and not judged say what they are, and what to give instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.sources import read_capture
from tests.unit.sources.sources import write

TYPE = "type.googleapis.com/envoy.admin.v3."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"workloads": [], "services": [], "policies": [], "certificates": []}, "the dump of a ztunnel"),
        ({"versionInfo": "1", "resources": [], "typeUrl": "x"}, "an xDS DiscoveryResponse"),
        ({"listener_statuses": [{"name": "a"}]}, "GET /listeners"),
        ({"cluster_statuses": []}, "used only beside one config dump"),
        ({"dynamicActiveSecrets": [{"name": "default"}]}, "a list of secrets"),
        ({"ecdsFilters": []}, "ECDS"),
        ({"bootstrap": {"node": {"id": "sidecar~1.2.3.4~a.b~c"}}}, "is a bootstrap"),
        ([{"name": "outbound|80||a", "hostStatuses": []}], "is a list of endpoints"),
        ({"configs": [{"@type": TYPE + "SecretsConfigDump"}]}, "has only Secrets"),
        ({"configs": [{"@type": TYPE + "EndpointsConfigDump"}]}, "has only Endpoints"),
        (
            {"configs": [{"@type": TYPE + "EcdsConfigDump"}, {"@type": TYPE + "ScopedRoutesConfigDump"}]},
            "only Ecds, Sco",
        ),
        (
            "ADDRESSES     PORT  MATCH     DESTINATION\n10.96.0.1     443   ALL  x\n",
            "table of istioctl proxy-config listeners",
        ),
        ("ADDRESS     PORT     TYPE\n", "table of istioctl proxy-config listeners"),
        ("SERVICE FQDN     PORT     SUBSET\n", "proxy-config clusters"),
        ("NAME     VHOST NAME     DOMAINS     MATCH\n", "proxy-config routes"),
        ("NAME     DOMAINS     MATCH     VIRTUAL SERVICE\n", "proxy-config routes"),
        ("ENDPOINT     STATUS     OUTLIER CHECK     CLUSTER\n", "proxy-config endpoints"),
        ("RESOURCE NAME     TYPE     STATUS\n", "proxy-config secret"),
        ("NAME       CLUSTER        CDS        LDS\n", "proxy-status"),
        ("a::observability_name::a\n", "GET /clusters as text"),
        ("0.0.0.0_443::0.0.0.0:443\n", "GET /listeners as text"),
    ],
)
def test_it_says_what_it_is(tmp_path: Path, content: object, words: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    write(tmp_path, {"it": text.encode()})
    with pytest.raises(Unreadable) as told:
        read_capture(tmp_path / "it")
    assert words in str(told.value)
    assert str(tmp_path / "it") in str(told.value)
    assert "Give " in str(told.value)
