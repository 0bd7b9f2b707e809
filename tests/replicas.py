"""Captures of one sidecar made into captures of many: replicas with names, addresses, times and orders of their own."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from meshdoctor.model.evidence import Capture, Document
from meshdoctor.sources.read_source import read_capture

Tree = dict[str, Any]
UNORDERED = ("dynamic_route_configs", "static_endpoint_configs", "dynamic_endpoint_configs")
"""What Envoy keeps in hash maps."""


class Crowd:
    """A capture in which each pod has replicas. `reads` counts how often each document was read."""

    def __init__(self, folder: Path, replicas: int = 3, seed: int = 0) -> None:
        self.reads: Counter[str] = Counter()
        self._documents: dict[str, Document] = {}
        self._random = random.Random(seed)
        capture = read_capture(folder)
        kept = {path: document.read() for path, document in capture.documents.items()}
        names = {key: [key, *(f"{key}{_suffix(n)}" for n in range(1, replicas))] for key in _keys(kept)}
        for path, data in kept.items():
            if path.startswith("resources/pods."):
                self.add(path, self._pods(data, names))
            elif path.startswith("proxies/"):
                _, namespace, pod, file = path.split("/")
                for number, name in enumerate(names[f"{namespace}/{pod}"]):
                    self.add(f"proxies/{name}/{file}", self._replica(file, data, pod, name.split("/")[1], number))
            else:
                self.add(path, data)

    def add(self, path: str, data: bytes) -> None:
        """Put a document in."""
        self._documents[path] = Document(path, partial(self._read, path, data), len(data))

    def document(self, path: str) -> bytes:
        """What a document holds."""
        return self._documents[path].read()

    def _read(self, path: str, data: bytes) -> bytes:
        self.reads[path] += 1
        return data

    @property
    def capture(self) -> Capture:
        """The capture."""
        return Capture("capture", "crowd", dict(sorted(self._documents.items())))

    def _pods(self, data: bytes, names: dict[str, list[str]]) -> bytes:
        found: Tree = yaml.safe_load(data)
        items = []
        for item in found["items"]:
            meta = item["metadata"]
            for number, name in enumerate(names.get(f"{meta['namespace']}/{meta['name']}", [None])):
                made = copy.deepcopy(item)
                if name is not None and number:
                    made["metadata"] |= {"name": name.split("/")[1], "uid": f"uid-{number}"}
                    made.setdefault("status", {})["podIP"] = f"10.244.{number // 250}.{number % 250}"
                items.append(made)
        self._random.shuffle(items)
        return yaml.safe_dump({**found, "items": items}).encode()

    def _replica(self, file: str, data: bytes, pod: str, name: str, number: int) -> bytes:
        if not number or not file.endswith(".json"):
            return data
        found: Tree = json.loads(data.replace(pod.encode(), name.encode()))
        if file == "config_dump.json":
            for section in found["configs"]:
                self._configure(section, number)
        elif file == "clusters.json":
            self._random.shuffle(found.get("cluster_statuses", []))
            for status in found.get("cluster_statuses", []):
                status["added_via_api"] = bool(number % 2)
        return json.dumps(found, indent=1).encode()  # as Envoy does

    def _configure(self, section: Tree, number: int) -> None:
        """Another node, another time, another order."""
        section["version_info"] = f"2026-11-21T10:{number % 60:02d}:00Z/{number}"
        node = section.get("bootstrap", {}).get("node", {})
        if node:
            role, _, rest = node["id"].split("~", 2)
            node["id"] = f"{role}~10.244.{number // 250}.{number % 250}~{rest}"
            node.get("metadata", {})["INSTANCE_IPS"] = f"10.244.{number // 250}.{number % 250}"
        for name in UNORDERED:
            if name in section:
                self._random.shuffle(section[name])
        for entries in section.values():
            for entry in entries if isinstance(entries, list) else ():
                entry["last_updated"] = f"2026-11-21T10:{number % 60:02d}:00.000Z"


def _suffix(number: int) -> str:
    """As Kubernetes draws them: `bbbbc`."""
    drawn = "bcdfghjklmnpqrstvwxz"
    return "".join(drawn[number // len(drawn) ** place % len(drawn)] for place in range(4, -1, -1))


def _keys(kept: dict[str, bytes]) -> set[str]:
    return {"/".join(path.split("/")[1:3]) for path in kept if path.startswith("proxies/")}
