"""Times in RFC 3339, in UTC, to the second: `2026-11-21T10:00:00Z`."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """A time with a time zone as text. Raises `OverflowError` where UTC has no such year."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_apart(earlier: str, later: str) -> float | None:
    """Seconds between two RFC 3339 times; None where one is malformed."""
    try:
        return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
    except (ValueError, TypeError):
        return None


def apart(earlier: str, later: str) -> str:
    """Time between two RFC 3339 times, `1 h 2 min 3 s`; `some time` where one is malformed."""
    between = seconds_apart(earlier, later)
    if between is None:
        return "some time"
    days, rest = divmod(int(between), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "0 s"


def now() -> str:
    """The current time."""
    return rfc3339(datetime.now(UTC))
