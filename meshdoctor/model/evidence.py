"""Documents of a capture, and pointers from facts to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct


class Pointer(Struct, frozen=True):
    """A document of the capture, and a path in it."""

    document: str
    """Path inside the capture, `proxies/bookinfo/ratings-x/config_dump.json`, or the file's own name."""
    path: str = ""
    """JSONPath from the document's root, `$.configs[3].dynamic_listeners[2]`."""


class Evidence(Struct, frozen=True, omit_defaults=True):
    """The evidence of a finding or a trace step."""

    document: str
    path: str = ""
    value: str = ""
    """The deciding value, short, with control characters already made harmless."""
    line: int | None = None
    """1-based line, for YAML documents."""


class Document(Struct, frozen=True):
    """One file of a capture. `read` returns the whole content, decompressed, and may raise `Unreadable`."""

    path: str
    """Path in the capture layout, or the path of a bug-report's file."""
    read: Callable[[], bytes]
    size: int
    """Bytes as stored: of a compressed file, the compressed ones."""
    origin: str = ""
    """Path of the user's file for messages, where it differs from the capture layout."""
    tree: Callable[[], Any] | None = None
    """The parsed content, where the source already has it. Must not be changed."""
    is_named: bool = False
    """The user named this file, or its folder with -f: where it cannot be read, the command ends."""
    is_mixed: bool = False
    """Objects of other kinds are expected in it: a file with several kinds is given for each of them."""


class Unread(Struct, frozen=True):
    """Evidence that could not be read: its path, and the reason for the user."""

    path: str
    because: str


def proxy_of(path: str) -> tuple[str, str]:
    """(`namespace/pod`, file name) of a path of the capture layout; both empty where it is of no proxy."""
    parts = path.split("/")
    return (f"{parts[1]}/{parts[2]}", parts[3]) if len(parts) == 4 and parts[0] == "proxies" else ("", "")


class Capture(Struct, frozen=True):
    """All evidence of one run, by paths of the capture layout, from any source.

    A live run, an archive and a folder all end here. Nothing is parsed yet; `documents` are read on demand.
    """

    kind: str
    """`capture`, `bug-report`, `must-gather`, `dump`, `snapshot`, `manifests`, later `cluster`."""
    location: str
    documents: dict[str, Document]
    unread: tuple[Unread, ...] = ()
    captured_at: str | None = None
    notes: tuple[str, ...] = ()
    """What the user should know of the source although nothing is missing."""
    name: str = ""
    """A snapshot's name, else empty."""

    def proxy_documents(self) -> dict[str, dict[str, Document]]:
        """Documents under `proxies/`, by `namespace/pod` and then by file name."""
        found: dict[str, dict[str, Document]] = {}
        for path, document in self.documents.items():
            proxy, name = proxy_of(path)
            if proxy:
                found.setdefault(proxy, {})[name] = document
        return found
