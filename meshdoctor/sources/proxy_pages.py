"""A proxy's pages under names of their own: shown as the user finds them, filed as the capture layout wants them."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Document, Unread
from meshdoctor.sources.file_type import FileType, file_type
from meshdoctor.sources.limits import Limits
from meshdoctor.sources.source_tree import SourceFile


def as_page(found: SourceFile, shown: str, limits: Limits) -> Document:
    """A page by the name the user finds it under."""
    return found.as_document(shown, limits, found.origin)


def as_missing(shown: str, because: str) -> Document:
    """A dump that should be there and is not: reading it says why, so that its proxy is named and not forgotten."""
    return Document(shown, partial(_refuse, f"{shown} {because}"), 0)


def is_envoy(found: SourceFile, shown: str, unread: list[Unread]) -> bool:
    """Whether a dump is an Envoy's. One of a ztunnel is added to `unread`: that is no sidecar and is not judged."""
    try:
        head = found.head()
    except Unreadable:
        return True
    if not head.strip() or file_type(head, "config_dump") is FileType.CONFIG_DUMP:
        return True
    unread.append(Unread(shown, "of a ztunnel, not of an Envoy: what goes through it is not judged"))
    return False


def _refuse(because: str) -> NoReturn:
    raise Unreadable(because)
