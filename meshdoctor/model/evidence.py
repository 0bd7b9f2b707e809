"""What was read, and how a fact points back to the place it came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct


class Pointer(Struct, frozen=True):
    """A place in the evidence: a document of the capture, and where in it."""

    document: str
    """Path inside the capture, `proxies/bookinfo/ratings-x/config_dump.json`, or the file's own name."""
    path: str = ""
    """JSONPath from the document's root, `$.configs[3].dynamic_listeners[2]`."""


class Evidence(Struct, frozen=True, omit_defaults=True):
    """One piece of evidence as a finding or a trace step shows it."""

    document: str
    path: str = ""
    value: str = ""
    """The deciding value, short, with control characters already made harmless."""
    line: int | None = None
    """1-based line, for YAML documents."""


class Document(Struct, frozen=True):
    """One file of a capture. `read` returns the whole content, decompressed, and may raise `Unreadable`."""

    path: str
    """What the user finds it under: its name in the capture layout, or that of a bug-report's file."""
    read: Callable[[], bytes]
    size: int
    """Bytes as stored: of a compressed file, the compressed ones."""
    origin: str = ""
    """The user's own file, for messages, where it is not named as in the capture layout."""
    tree: Callable[[], Any] | None = None
    """The parsed content, where the source has it already: what a reader of `read` would get, and may not change."""


class Unread(Struct, frozen=True):
    """Something that should have been evidence and is not: its path and why, in words for the user."""

    path: str
    because: str


def proxy_of(path: str) -> tuple[str, str]:
    """(`namespace/pod`, file name) of a path of the capture layout; both empty where it is of no proxy."""
    parts = path.split("/")
    return (f"{parts[1]}/{parts[2]}", parts[3]) if len(parts) == 4 and parts[0] == "proxies" else ("", "")


class Capture(Struct, frozen=True):
    """All evidence of one run, by the paths of the capture layout, whatever source it came from.

    A live run, an archive and a folder all end here. Nothing is parsed yet; `documents` are read on demand.
    """

    kind: str
    """`capture`, `bug-report`, `must-gather`, `dump`, `snapshot`, `manifests`, later `cluster`."""
    location: str
    documents: dict[str, Document]
    unread: tuple[Unread, ...] = ()
    captured_at: str | None = None
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
