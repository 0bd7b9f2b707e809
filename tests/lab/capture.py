"""A capture of the lab's mesh, written without meshdoctor's own code: the yardstick for its live source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.api import Object
from tests.lab.kinds import CAPTURED

if TYPE_CHECKING:
    from tests.lab.lab import Lab

PAGES = {
    "config_dump.json": "/config_dump?include_eds",
    "server_info.json": "/server_info",
    "clusters.json": "/clusters?format=json",
    "stats.txt": "/stats?usedonly",
}


def write_capture(lab: Lab, folder: Path) -> Path:
    """Write resources, proxies and DNS answers below `folder`, which is made; gives it back."""
    (folder / "resources").mkdir(parents=True)
    for version, plurals in CAPTURED.items():
        for plural in plurals:
            found = lab.api.listed(version, plural)
            for item in found["items"]:
                _trim(item)
            # JSON is YAML; the capture's reader asks for nothing else.
            (folder / "resources" / f"{plural}.yaml").write_text(json.dumps(found, indent=1))
    for running in lab.pods.values():
        proxy = folder / "proxies" / running.pod.namespace / running.pod.name
        proxy.mkdir(parents=True)
        for name, page in PAGES.items():
            (proxy / name).write_bytes(running.admin(page))
    answers = {name: ips for host in lab.hosts for name, ips in host.answers.items()}
    (folder / "dns.json").write_text(json.dumps({"resolved_from": "the lab's outside hosts", "answers": answers}))
    return folder


def _trim(item: Object) -> None:
    item["metadata"].pop("managedFields", None)
