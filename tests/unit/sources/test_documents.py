"""Documents that meshdoctor makes itself read as what they were made of."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from meshdoctor import yamlio
from meshdoctor.model.evidence import Document
from meshdoctor.sources.documents import list_document, packed_document

ITEMS: list[dict[str, Any]] = [
    {"kind": "Pod", "metadata": {"name": "a", "labels": {"on": "yes", "n": "0755"}}, "spec": {"containers": []}},
    {"kind": "ConfigMap", "data": {"text": "one\n  two\n\n\n", "empty": ""}, "nothing": None, "number": 1.5},
    {"kind": "Pod", "end": "trailing\n\n"},
]


@pytest.mark.parametrize("count", range(len(ITEMS) + 1))
def test_a_list_is_written_as_yaml_would_write_it_whole(count: int) -> None:
    document = list_document("resources/pods.yaml", ITEMS[:count])
    tree = {"apiVersion": "v1", "items": ITEMS[:count], "kind": "List"}
    assert document.read().decode() == yamlio.dump(tree)
    assert yamlio.load_documents(document.read(), "pods") == [tree]
    assert document.tree is not None
    assert document.tree() == tree


@pytest.mark.parametrize("content", [b"", b"small", b"large" * 5000])
def test_packed_content_comes_back(content: bytes) -> None:
    document = packed_document("proxies/a/b/stats.txt", content)
    assert (document.read(), document.read()) == (content, content)
    assert document.size <= len(content)


def kept_by(make: Callable[[], Document]) -> tuple[Document, int]:
    """A document, and the bytes that are allocated for it."""
    make()  # what is loaded and cached by the first call is not the document's
    tracemalloc.start()
    try:
        document = make()
        return document, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_packed_content_takes_no_more_than_its_size() -> None:
    content = b"a dump repeats itself " * 50_000 + os.urandom(5000)
    document, kept = kept_by(lambda: packed_document("proxies/a/b/config_dump.json", content))
    assert document.size < 7000
    assert kept < document.size + 2000


def test_a_list_keeps_no_objects() -> None:
    items = [
        {"kind": "Pod", "metadata": {"name": f"pod-{number}"}, "spec": {"containers": []}} for number in range(2000)
    ]
    document, kept = kept_by(lambda: list_document("resources/pods.yaml", items))
    assert kept < 50_000
    assert document.tree is not None
    assert document.tree()["items"] == items
