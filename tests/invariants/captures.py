"""Captures that the invariants are asked of, held in memory: the bundled snapshots, and those beside the checkout."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
SNAPSHOTS = ROOT / "snapshots"
SHARED = ROOT.parent / "shared"
NOT_EVIDENCE = {"snapshot.yaml", "observed.json", "expect.yaml"}
CAPTURE_INFO = b"""\
schema: 1
tool: meshdoctor 0.1.0
captured_at: "2026-11-21T10:50:00Z"
unread:
- path: resources/sidecars.yaml
  because: "forbidden: it needs list on sidecars"
"""
LARGEST = 4 * 1024 * 1024
"""Bytes of a capture that is still tried thousands of times."""


class HeldCapture(NamedTuple):
    """A capture's name, and its files by path."""

    name: str
    files: dict[str, bytes]

    def write(self, folder: Path) -> Path:
        """Write all files below `folder`, and return it."""
        for path, data in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return folder


def bundled() -> list[HeldCapture]:
    """The snapshots of the checkout, and one of them as `meshdoctor capture` saves it where a kind is refused."""
    found = [held(folder, folder.name) for folder in sorted(SNAPSHOTS.iterdir()) if folder.is_dir()]
    clash = next(one for one in found if one.name == "tcp-port-clash")
    files = {path: data for path, data in clash.files.items() if path != "resources/sidecars.yaml"}
    return [*found, HeldCapture("saved-in-part", {**files, "capture.yaml": CAPTURE_INFO})]


def beside() -> list[HeldCapture]:
    """The captures beside the checkout, as folders and archives; none where they are not there."""
    return [one for top in ("captures", "cases", "gateways", "ambient") for one in below(SHARED / top)]


def below(folder: Path) -> list[HeldCapture]:
    """The captures right below `folder`, as folders and archives, but for large ones; itself where it is one."""
    if is_capture(folder):
        return [held(folder, folder.name)]
    found = [held(one, f"{folder.name}-{one.name}") for one in sorted(folder.glob("*")) if is_capture(one)]
    for path in sorted(folder.glob("*.tar.gz")):
        found += unpacked(path, folder.name)
    return [one for one in found if sum(map(len, one.files.values())) <= LARGEST]


def is_capture(folder: Path) -> bool:
    return (folder / "proxies").is_dir() or (folder / "resources").is_dir()


def held(folder: Path, name: str) -> HeldCapture:
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return HeldCapture(name, {key: path.read_bytes() for key, path in files.items() if key not in NOT_EVIDENCE})


def unpacked(path: Path, prefix: str) -> Iterator[HeldCapture]:
    """The captures of an archive, one for each folder that holds `proxies` or `resources`."""
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            root, _, key = _split(member.name)
            content = archive.extractfile(member) if member.isfile() and key else None
            if content is not None and key not in NOT_EVIDENCE:
                found.setdefault(root, {})[key] = content.read()
    for root, files in sorted(found.items()):
        if any(key.startswith(("proxies/", "resources/")) for key in files):
            inside = f"-{root.rsplit('/', 1)[-1]}" if len(found) > 1 else ""
            yield HeldCapture(f"{prefix}-{path.name.split('.')[0]}{inside}", files)


def _split(name: str) -> tuple[str, str, str]:
    """(root, "/", path in the capture) of an archive's member."""
    for top in ("proxies/", "resources/"):
        at = f"/{name}".find(f"/{top}")
        if at >= 0:
            return name[:at].rstrip("/"), "/", name[at:]
    return name.rpartition("/")
