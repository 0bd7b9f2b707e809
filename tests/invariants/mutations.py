"""Seeded changes of a capture, each with what must hold of the result.

`DAMAGE` takes evidence away, hides or garbles it: every error stays, or the result says what it could not look at.
`WORLD` makes another capture that might have been taken just so: any result, as long as it is one.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection, Iterator
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from tests.invariants import trees
from tests.invariants.captures import HeldCapture
from tests.invariants.file_changes import changed_file
from tests.invariants.required import Witnesses, is_required, plural
from tests.invariants.trees import Path, at, changed, parsed, shown, some_path, without, written


class Promise(StrEnum):
    """What must hold after a mutation."""

    DAMAGE = "damage"
    WORLD = "world"


class Mutation(NamedTuple):
    """One document of a capture, changed; `data` is None where it is removed."""

    kind: str
    document: str
    what: str
    promise: Promise
    data: bytes | None

    def __str__(self) -> str:
        return f"{self.document}: {self.what} ({self.promise})"


UNORDERED = {
    "items", "configs", "dynamic_listeners", "static_listeners", "dynamic_active_clusters", "dynamic_route_configs",
    "static_route_configs", "dynamic_endpoint_configs", "virtual_hosts", "domains", "cluster_statuses", "server_names",
    "prefix_ranges", "hosts", "addresses",
}  # fmt: skip
"""Lists whose order means nothing."""


class Mutator:
    """The mutations of one capture.

    `names`: hosts and objects whose entries are changed more often than others. `documents`: a regular expression for
    the paths of those that are changed.
    """

    def __init__(self, capture: HeldCapture, names: Collection[str] = (), documents: str = "") -> None:
        self.capture = capture
        self._names = sorted(names)
        self._matching = documents
        self._trees = {path: tree for path, data in capture.files.items() if (tree := parsed(path, data)) is not None}
        self._named: dict[str, list[Path]] = {}
        self._witnesses = Witnesses(capture, self._trees)

    @cached_property
    def _documents(self) -> tuple[list[str], list[int]]:
        """The documents, and how often each is chosen: most by what hangs on it."""
        matching = [name for name in sorted(self.capture.files) if re.search(self._matching, name)]
        names = matching or sorted(self.capture.files)
        return names, [_weight(name, self.capture.files[name]) for name in names]

    def some(self, rng: random.Random) -> Mutation:
        """A random mutation, which changes something."""
        while True:
            names, weights = self._documents
            document = rng.choices(names, weights)[0]
            made = self._of_node(document, rng) if rng.random() < 0.7 else self._of_file(document, rng)
            if made is not None and made.data != self.capture.files[document]:
                return made

    def _of_file(self, document: str, rng: random.Random) -> Mutation | None:
        made = changed_file(document, self.capture.files[document], rng)
        if made is None:
            return None
        how, what, data = made
        return Mutation(f"{_sort(document)}: file {how}", document, what, Promise.DAMAGE, data)

    def _of_node(self, document: str, rng: random.Random) -> Mutation | None:
        tree = self._trees.get(document)
        if not isinstance(tree, dict | list) or not tree:
            return None
        path = self._some_path(document, tree, rng)
        how = rng.choice(
            ("delete", "delete", "delete", "null", "retype", "retype", "empty", "truncate", "duplicate", "swap")
        )
        made = getattr(self, f"_{how}")(document, tree, path, rng)
        if made is None:
            return None
        result, promise, what = made
        kind = f"{_sort(document)}: node {how}"
        return Mutation(kind, document, f"{shown(path)} {what}", promise, written(document, result))

    def _some_path(self, document: str, tree: Any, rng: random.Random) -> Path:
        start: Path
        stop = 0.25 if rng.random() < 0.3 else 0.08
        if self._names and rng.random() < 0.5:
            named = self._named_entries(document, tree)
            if named:
                start = rng.choice(named)
                return start + some_path(at(tree, start), rng, 0.06)
        if document.endswith("config_dump.json") and rng.random() < 0.7:
            sections = [
                (n, key)
                for n, config in enumerate(tree.get("configs") or ())
                for key in config
                if key.startswith(("dynamic_", "static_route"))
            ]
            if sections:
                start = ("configs", *rng.choice(sections))
                return start + (some_path(at(tree, start), rng, stop) if rng.random() < 0.95 else ())
        if plural(document) and rng.random() < 0.7:
            items = tree.get("items") if isinstance(tree, dict) else None
            if items:
                start = ("items", rng.randrange(len(items)))
                return start + (some_path(at(tree, start), rng, stop) if rng.random() < 0.85 else ())
        return some_path(tree, rng, stop)

    def _named_entries(self, document: str, tree: Any) -> list[Path]:
        """The entries of the lists near the top that hold one of the names."""
        if document not in self._named:
            lists = [path for path in _lists(tree) if path]
            entries = [(*path, n) for path in lists for n in range(len(at(tree, path)))]
            texts = {path: json.dumps(at(tree, path)) for path in entries}
            self._named[document] = [path for path in entries if any(name in texts[path] for name in self._names)]
        return self._named[document]

    def _is_missed(self, document: str, path: Path, tree: Any) -> bool:
        """Whether a capture without this node is no other world."""
        if isinstance(path[-1], int):
            return self._witnesses.show(document, path, tree)
        return is_required(document, path)

    def promise_of_deletion(self, document: str, path: Path, tree: Any) -> Promise:
        """What holds where a node is left out."""
        return Promise.DAMAGE if self._is_missed(document, path, tree) else Promise.WORLD

    def _delete(self, document: str, tree: Any, path: Path, rng: random.Random) -> Any:
        return without(tree, path), self.promise_of_deletion(document, path, tree), "deleted"

    def _null(self, document: str, tree: Any, path: Path, rng: random.Random) -> Any:
        # An entry of a list that is null is never written; a member that is null is one that is not set.
        promise = Promise.DAMAGE if isinstance(path[-1], int) else self.promise_of_deletion(document, path, tree)
        return changed(tree, path, lambda _: None), promise, "set to null"

    def _empty(self, document: str, tree: Any, path: Path, rng: random.Random) -> Any:
        value = at(tree, path)
        if not isinstance(value, dict | list | str) or not value:
            return None
        promise = self.promise_of_deletion(document, path, tree)
        if isinstance(value, dict) and isinstance(path[-1], int):
            promise = Promise.DAMAGE
        members = [*value] if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        if any(self._is_missed(document, (*path, member), tree) for member in members):
            promise = Promise.DAMAGE
        return changed(tree, path, lambda found: type(found)()), promise, "emptied"

    def _retype(self, document: str, tree: Any, path: Path, rng: random.Random) -> Any:
        old = at(tree, path)
        others = [one for one in ("text", 7, True, ["x"], {"x": "y"}, -1.5, [], {}) if not isinstance(one, type(old))]
        new = rng.choice(others)
        if isinstance(old, int) and rng.random() < 0.3:
            new = str(old)
        return changed(tree, path, lambda _: new), Promise.DAMAGE, f"retyped to {new!r}"

    def _truncate(self, document: str, tree: Any, path: Path, rng: random.Random) -> Any:
        value = at(tree, path)
        if not isinstance(value, str | list) or len(value) < 2:
            return None
        end = rng.randrange(1, len(value))
        promise = Promise.WORLD
        is_kind = bool(plural(document)) and (path == ("kind",) or path[2:] == ("kind",))
        if isinstance(value, str) and (is_kind or path[-1] == "@type" or "\n" in value):
            promise = Promise.DAMAGE
        if isinstance(value, list) and any(self._is_missed(document, (*path, n), tree) for n in range(end, len(value))):
            promise = Promise.DAMAGE
        return changed(tree, path, lambda found: found[:end]), promise, f"truncated to {end} of {len(value)}"

    def _duplicate(self, document: str, tree: Any, path: Path, rng: random.Random) -> Any:
        if isinstance(path[-1], int):
            twice = changed(tree, path[:-1], lambda found: [*found, found[path[-1]]])
            is_share = "weighted_clusters" in path
            return twice, Promise.WORLD if is_share else Promise.DAMAGE, "duplicated at the end of its list"
        value = at(tree, path)
        other: Any = rng.choice((value, None, "other", [], {}))
        place = rng.choice(("before", "after"))

        def twice_with(found: dict[str, Any]) -> dict[str, Any]:
            made: dict[str, Any] = {}
            for key, one in found.items():
                first, second = (other, one) if place == "before" else (one, other)
                made |= {key + trees.TWICE: first, key: second} if key == path[-1] else {key: one}
            return made

        what = f"twice in its object, {place} it {other!r:.60}"
        return changed(tree, path[:-1], twice_with), Promise.DAMAGE, what

    def _swap(self, document: str, tree: Any, path: Path, rng: random.Random) -> Any:
        parent = at(tree, path[:-1])
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        others = [key for key in keys if parent[key] != parent[path[-1]]]
        if not others:
            return None
        other = rng.choice(others)

        def exchanged(found: Any) -> Any:
            copy: Any = dict(found) if isinstance(found, dict) else list(found)
            copy[path[-1]], copy[other] = found[other], found[path[-1]]
            return copy

        is_retyped = type(parent[other]) is not type(parent[path[-1]])
        lists = [key for key in path if isinstance(key, str)]
        is_order = (
            isinstance(parent, list) and bool(lists) and lists[-1] in UNORDERED and plural(document) != "configmaps"
        )
        promise = Promise.DAMAGE if is_retyped or is_order else Promise.WORLD
        return changed(tree, path[:-1], exchanged), promise, f"swapped with {other}"


def _lists(tree: Any) -> Iterator[Path]:
    """The lists of objects right below the root of a document, or below the sections of a dump."""
    for key, value in tree.items() if isinstance(tree, dict) else ():
        if key == "configs" and isinstance(value, list):
            yield from (("configs", n, *path) for n, config in enumerate(value) for path in _lists(config))
        elif isinstance(value, list):
            yield (key,)


def _sort(document: str) -> str:
    """What kind of document it is, for the table."""
    return "resources" if document.startswith("resources/") else document.rsplit("/", 1)[-1]


def _weight(document: str, data: bytes) -> int:
    if document.endswith("config_dump.json"):
        return 40
    if document.startswith("resources/"):
        return 12 if len(data) > 200 else 1
    return 10
