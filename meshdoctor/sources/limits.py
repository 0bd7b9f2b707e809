"""What is kept of one source: enough for a real mesh, too little for a hostile file to fill the machine."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

MIB = 1024 * 1024


class Limits(Struct, frozen=True):
    """Bounds of one source, in bytes unless said otherwise."""

    document: int = 512 * MIB
    """One file, unpacked. A sidecar that sees 1,800 services has a dump of 32 MiB."""
    stored: int = 2048 * MIB
    """All that is kept of one archive, in memory; a folder is read file by file."""
    unpacked: int = 64 * 1024 * MIB
    """All content of one archive, unpacked. Most of a bug-report is logs and core dumps, which are skipped."""
    log: int = 8 * MIB
    """The end of one log that is kept."""
    logs: int = 256 * MIB
    """All that is kept of logs, part of `stored`."""
    files: int = 20_000
    """Files of one source: four for each of 5,000 proxies."""
    entries: int = 200_000
    """Entries of one archive or folder, evidence or not."""
    depth: int = 10
    """Folders inside folders. `top/proxies/namespace/pod/` is four; logs of a must-gather are nine deep."""
    ratio: int = 250
    """Unpacked bytes per compressed byte, beyond `ratio_from`. A real capture of 46 MiB reaches 52."""
    ratio_from: int = 128 * MIB
    """Up to here the ratio does not matter."""


class Retention(Enum):
    """What a source keeps of a file, by its name."""

    WHOLE = "whole"
    END = "end"
    """The last `Limits.log` bytes of a log, from the start of a line on."""
    NAME = "name"
    """Its name without its content."""
    NOTHING = "nothing"
    """Nothing: it is not evidence."""


def in_words(size: int) -> str:
    """`size` bytes for a message: `512 MiB`, `2 GiB`."""
    for unit, name in ((1024 * MIB, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"
