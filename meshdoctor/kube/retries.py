"""When a request that failed is sent again: after growing pauses, or when the server says (`Retry-After`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, repeat

PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
_RETRIED = frozenset({429, 500, 502, 503, 504})


class Retries:
    """The pauses of one request, in seconds."""

    def __init__(self) -> None:
        self._few = iter(PAUSES)
        self._patient: Iterator[float] = chain(PAUSES, repeat(PAUSES[-1]))

    def after_error(self, status: int, retry_after: float | None) -> float | None:
        """The pause after an error answer, None where another try is no use.

        Where the server says when to come back there is no limit but the deadline of the request.
        """
        if status not in _RETRIED:
            return None
        return next(self._few, None) if retry_after is None else max(retry_after, next(self._patient))

    def after_silence(self) -> float:
        """The pause where a server that has answered before does not answer."""
        return next(self._patient)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the server wants nobody to come back for, by its `Retry-After`: a number or a date."""
    from urllib3 import Retry
    from urllib3.exceptions import InvalidHeader

    text = headers.get("Retry-After") or headers.get("retry-after")
    try:
        return float(Retry().parse_retry_after(text)) if text else None
    except (InvalidHeader, ValueError, OverflowError):
        return None
