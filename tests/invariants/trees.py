"""Parsed documents as trees: nodes by path, changed without touching the original, and written again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from meshdoctor import yamlio

Path = tuple[str | int, ...]
TWICE = "__twice"
"""At the end of a key: it is written without this, so that the key stands there twice."""


def parsed(path: str, data: bytes) -> Any:
    """The tree of a document; None where it has none (text, or several YAML documents)."""
    try:
        if path.endswith(".json"):
            return json.loads(data)
        documents = yamlio.load_documents(data, path) if path.endswith((".yaml", ".yml")) else []
    except Exception:
        return None
    return documents[0] if len(documents) == 1 else None


def written(path: str, tree: Any) -> bytes:
    """The tree as the text of such a document."""
    text = json.dumps(tree, indent=1) if path.endswith(".json") else yamlio.dump(tree)
    return text.replace(TWICE, "").encode()


def at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def changed(tree: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    """The tree with one node changed; all others are shared with the original."""
    if not path:
        return change(tree)
    copy: Any = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = changed(tree[path[0]], path[1:], change)
    return copy


def without(tree: Any, path: Path) -> Any:
    """The tree without one node."""

    def remove(parent: Any) -> Any:
        if isinstance(parent, dict):
            return {key: value for key, value in parent.items() if key != path[-1]}
        return [value for index, value in enumerate(parent) if index != path[-1]]

    return changed(tree, path[:-1], remove)


def shown(path: Path) -> str:
    """`$.configs[3].name`"""
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


def some_path(tree: Any, rng: random.Random, stop: float) -> Path:
    """A random node: from the root down, at each node with probability `stop` no further."""
    path: list[str | int] = []
    while isinstance(tree, dict | list) and tree and (not path or rng.random() > stop):
        key = rng.choice(list(tree)) if isinstance(tree, dict) else rng.randrange(len(tree))
        path.append(key)
        tree = tree[key]
    return tuple(path)
