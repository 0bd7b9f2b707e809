"""What stands in the fake cluster: a bundled snapshot, or pods made for one test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from meshdoctor import yamlio
from tests.cluster.apiserver import FakeApi
from tests.cluster.envoy import Envoy, Manner

SNAPSHOTS = Path(__file__).resolve().parents[2] / "snapshots"
RATINGS = "bookinfo/ratings-v2-mysql-6c8d9f7b5-x2x4q"
"""The pod of most snapshots."""
PAGES = {
    "config_dump.json": "/config_dump?include_eds",
    "server_info.json": "/server_info",
    "clusters.json": "/clusters?format=json",
    "stats.txt": "/stats?usedonly",
}
SERVER_INFO = (
    b'{"version": "c0ffee/1.36.4/Clean/RELEASE/BoringSSL", "state": "LIVE", "hot_restart_version": "disabled"}'
)
STATS = b"cluster_manager.cds.update_rejected: 0\nlistener_manager.lds.update_rejected: 0\n"


def objects_of(snapshot: str) -> dict[str, list[dict[str, Any]]]:
    """Objects of a snapshot by plural kind."""
    found = {}
    for path in sorted((SNAPSHOTS / snapshot / "resources").iterdir()):
        (tree,) = yamlio.load_documents(path.read_bytes(), str(path))
        found[path.stem] = json.loads(json.dumps(tree["items"], default=str))
    return found


def pages_of(snapshot: str, pod: str = RATINGS) -> dict[str, bytes]:
    """A sidecar's admin pages by path and query, as the snapshot has them."""
    folder = SNAPSHOTS / snapshot / "proxies" / pod
    stored = {name: (folder / name).read_bytes() for name in PAGES if (folder / name).is_file()}
    return {PAGES[name]: text for name, text in {"server_info.json": SERVER_INFO, "stats.txt": STATS, **stored}.items()}


def put_snapshot(api: FakeApi, snapshot: str) -> None:
    """Makes the cluster the one that the snapshot was taken of."""
    api.objects = objects_of(snapshot)
    for place in (SNAPSHOTS / snapshot / "proxies").glob("*/*"):
        pod = place.relative_to(SNAPSHOTS / snapshot / "proxies").as_posix()
        api.envoys[pod] = Envoy(pages_of(snapshot, pod))


def copy_pod(api: FakeApi, name: str, *manners: Manner, like: str = RATINGS, to: str = "") -> str:
    """Another pod like one that is there, whose sidecar answers in this manner. Gives its namespace/name.

    It is in the same namespace, or in namespace `to`.
    """
    at, known = like.split("/")
    namespace = to or at
    (body,) = [p for p in api.objects["pods"] if p["metadata"]["name"] == known]
    body = json.loads(json.dumps(body))
    body["metadata"] |= {"name": name, "namespace": namespace}
    api.objects["pods"].append(body)
    api.envoys[f"{namespace}/{name}"] = Envoy(api.envoys[like].pages, *manners)
    return f"{namespace}/{name}"
