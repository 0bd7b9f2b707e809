"""What tools print before a document is no part of it, and costs no line number."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from meshdoctor.sources import read_capture
from meshdoctor.sources.preamble import as_text
from tests.unit.sources.sources import DUMP

DEFAULTED = b'Defaulted container "istio-proxy" out of: istio-proxy, app, istio-init (init)\n'
HEADERS = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nserver: envoy\r\n\r\n"


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"\n\n \n",
        codecs.BOM_UTF8,
        codecs.BOM_UTF8 + b"\n" + DEFAULTED,
        DEFAULTED,
        DEFAULTED.replace(b"\n", b"\r\n"),
        b"Defaulting container name to istio-proxy.\nUse 'kubectl describe pod/web-1 -n shop' to see all.\n",
        b"Unable to use a TTY - input is not a terminal or the right kind of file\n",
        HEADERS,
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEADERS,
        b"HTTP/2 200\ncontent-type: application/json\n\n",
        b"Forwarding from 127.0.0.1:15000 -> 15000\nHandling connection for 15000\n",
        b"W1130 10:00:00.123456    7 warnings.go:70] v1beta1 is deprecated\n",
        b"$ kubectl exec web-1 -- curl -s localhost:15000/config_dump\n" + DEFAULTED + HEADERS,
    ],
)
def test_a_dump_behind_it_is_read(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "dump.json"
    path.write_bytes(before + DUMP)
    (document,) = read_capture(path).documents.values()
    content = document.read()
    assert content.strip() == DUMP
    assert content.count(b"\n") == before.count(b"\n")


@pytest.mark.parametrize(
    "text",
    [b"kind: Pod\n", b"# made by hand\nkind: Pod\n", b"---\nkind: Pod\n", b"a.b.c: 1\nx: 2\n", b"<html></html>", b""],
)
def test_other_text_stays_as_it_is(text: bytes) -> None:
    assert as_text(text) == text
