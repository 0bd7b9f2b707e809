"""Builds captures on disk and in archives, honest and hostile."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

DUMP = b'{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump"}]}'
PODS = b"apiVersion: v1\nkind: List\nitems: []\n"
PROXY = "proxies/shop/web-1/"
CAPTURE = {
    PROXY + "config_dump.json": DUMP,
    PROXY + "stats.txt": b"listener_manager.lds.update_rejected: 0\n",
    "resources/pods.yaml": PODS,
    "dns.json": b'{"answers": {}}',
}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """`files` below `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def member(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    """One entry of an archive, of any kind and name."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info, content


def tar_of(files: Mapping[str, bytes], extra: Iterable[tuple[tarfile.TarInfo, bytes]] = ()) -> bytes:
    """A tar archive of `files`, then of `extra`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, content in [*(member(name, content) for name, content in files.items()), *extra]:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def gzipped(content: bytes) -> bytes:
    """`content` as gzip, the same at any time of day: test ids are made of it."""
    return gzip.compress(content, 6, mtime=0)
