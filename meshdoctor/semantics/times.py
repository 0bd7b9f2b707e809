"""Moments as meshdoctor writes them: RFC 3339 in UTC, to the second, `2026-11-21T10:00:00Z`."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """A moment with a time zone. Raises `OverflowError` where UTC has no such year."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> str:
    """This moment."""
    return rfc3339(datetime.now(UTC))
