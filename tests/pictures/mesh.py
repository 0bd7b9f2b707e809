"""Several bundled snapshots as one mesh, each in a namespace of its own: something to see on a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from meshdoctor.bundled import snapshots_dir

PANELS = {
    "mysql-blocked": ("payments", "ledger-v1"),
    "tcp-port-clash": ("bookinfo", "ratings-v2-mysql"),
    "double-tls": ("checkout", "cart-v3"),
    "http-ok": ("catalogue", "prices-v1"),
    "mysql-tcp-ok": ("orders", "orders-v2"),
    "mysql-declared-http": ("stock", "stock-sync"),
    "bypass-annotation": ("reports", "monthly"),
}
"""Namespace and workload by snapshot. In all of them they are called as in the second."""


def put_together(folder: Path) -> Path:
    """Writes the mesh and gives its folder. Every ServiceEntry is for its own namespace, as its dump has it."""
    resources: dict[str, list[Any]] = {}
    answers: dict[str, Any] = {}
    for name, called in PANELS.items():
        for place, text in _files(name, called):
            if place.parts[0] == "resources":
                resources.setdefault(place.name, []).extend(yaml.safe_load(text)["items"])
            elif place.name == "dns.json":
                answers |= json.loads(text)["answers"]
            elif place.parts[0] == "proxies":
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                (folder / place).write_text(text, encoding="utf-8")
    (folder / "resources").mkdir()
    for file, found in resources.items():
        items = list({(one["metadata"].get("namespace"), one["metadata"]["name"]): one for one in found}.values())
        for item in (one for one in items if one["kind"] == "ServiceEntry"):
            item["spec"]["exportTo"] = ["."]
        (folder / "resources" / file).write_text(yaml.safe_dump({"items": items, "kind": "List"}), encoding="utf-8")
    (folder / "dns.json").write_text(json.dumps({"answers": answers}), encoding="utf-8")
    return folder


def _files(name: str, called: tuple[str, str]) -> Iterator[tuple[Path, str]]:
    """Path and text of each file of a snapshot, with other names in both."""
    top = snapshots_dir() / name

    def named(text: str) -> str:
        return text.replace("bookinfo", called[0]).replace("ratings-v2-mysql", called[1])

    for path in sorted(top.rglob("*")):
        if path.is_file():
            yield Path(named(str(path.relative_to(top)))), named(path.read_text(encoding="utf-8"))
