"""Admin pages of proxies whose file names differ from those of the capture layout."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Document, Unread
from meshdoctor.sources.file_type import FileType, file_type
from meshdoctor.sources.limits import Limits
from meshdoctor.sources.source_tree import SourceFile


def as_page(found: SourceFile, shown: str, limits: Limits) -> Document:
    """A page, shown by the name of its file."""
    return found.as_document(shown, limits, found.origin)


def as_missing(shown: str, because: str) -> Document:
    """A dump that is missing: reading it raises the reason, so that its proxy is reported as not read."""
    return Document(shown, partial(_refuse, f"{shown} {because}"), 0)


def is_envoy(found: SourceFile, shown: str, unread: list[Unread]) -> bool:
    """Whether a dump is of an Envoy. One of a ztunnel is added to `unread`."""
    try:
        head = found.head()
    except Unreadable:
        return True
    if not head.strip() or file_type(head, "config_dump") is FileType.CONFIG_DUMP:
        return True
    unread.append(Unread(shown, "is the dump of a ztunnel, not of an Envoy: its connections are not judged"))
    return False


def _refuse(because: str) -> NoReturn:
    raise Unreadable(because)
