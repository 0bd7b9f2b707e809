"""Several bundled snapshots as one mesh, each in a namespace of its own: something to see on a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from meshdoctor.bundled import snapshots_dir

PARTS = {
    "mysql-blocked": ("payments", "ledger-v1"),
    "tcp-port-clash": ("bookinfo", "ratings-v2-mysql"),
    "double-tls": ("checkout", "cart-v3"),
    "http-ok": ("catalogue", "prices-v1"),
    "mysql-tcp-ok": ("orders", "orders-v2"),
    "mysql-declared-http": ("stock", "stock-sync"),
    "bypass-annotation": ("reports", "monthly"),
}
"""Namespace and workload by snapshot. In each of them both are called as in the second."""


def put_together(folder: Path) -> Path:
    """Writes the mesh and gives its folder. Every ServiceEntry is for its own namespace, as its dump has it."""
    resources: dict[str, list[Any]] = {}
    answers: dict[str, Any] = {}
    for name, (namespace, workload) in PARTS.items():
        called = {"bookinfo": namespace, "ratings-v2-mysql": workload}

        def named(text: str, called: dict[str, str] = called) -> str:
            for old, new in called.items():
                text = text.replace(old, new)
            return text

        for path in sorted((snapshots_dir() / name).rglob("*")):
            if not path.is_file() or path.name == "snapshot.yaml":
                continue
            place = Path(named(str(path.relative_to(snapshots_dir() / name))))
            text = named(path.read_text(encoding="utf-8"))
            if place.parts[0] == "resources":
                resources.setdefault(place.name, []).extend(yaml.safe_load(text)["items"])
            elif place.name == "dns.json":
                answers |= json.loads(text)["answers"]
            elif place.parts[0] == "proxies":
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                (folder / place).write_text(text, encoding="utf-8")
    (folder / "resources").mkdir()
    for file, items in resources.items():
        for item in items:
            if item["kind"] == "ServiceEntry":
                item["spec"]["exportTo"] = ["."]
        (folder / "resources" / file).write_text(yaml.safe_dump({"items": items}), encoding="utf-8")
    (folder / "dns.json").write_text(json.dumps({"answers": answers}), encoding="utf-8")
    return folder
