"""Verdicts and severities."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class Severity(StrEnum):
    """Severity of a finding, the most severe first."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the most severe."""
        return _SEVERITY_RANKS[self]


_SEVERITY_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Verdict(StrEnum):
    """What the sidecar does with a connection, in the order in which verdicts are decided."""

    UNKNOWN = "unknown"
    BYPASSED = "bypassed"
    BROKEN = "broken"
    BLOCKED = "blocked"
    PASSTHROUGH = "passthrough"
    LEAKED = "leaked"
    MISROUTED = "misrouted"
    DELIVERED = "delivered"

    @property
    def rank(self) -> int:
        """0 for the worst: the order by which several addresses of one host, or several pods, are summed up."""
        return _RANKS[self]

    @property
    def severity(self) -> Severity | None:
        """Severity for the user; None where the connection works, and where that is not known."""
        return _SEVERITIES[_LEVELS[self]]

    @property
    def icon(self) -> Literal["error", "warning", "fine", "unknown"]:
        """The icon and the tone it is shown with."""
        if self.severity is None:
            return "fine" if self is Verdict.DELIVERED else "unknown"
        return "error" if self.severity is Severity.ERROR else "warning"

    def is_worse_than(self, other: Verdict) -> bool:
        """Whether turning from `other` to this costs the user something.

        What does not reach its host is equally bad in each way. From and to `unknown` nothing is better or worse.
        """
        return Verdict.UNKNOWN not in (self, other) and _LEVELS[self] < _LEVELS[other]


_CONSEQUENCES: tuple[tuple[Severity | None, tuple[Verdict, ...]], ...] = (
    # The host is not reached.
    (Severity.ERROR, (Verdict.BLOCKED, Verdict.BROKEN, Verdict.MISROUTED)),
    # The address dialled is reached, by the rules of another host's entry.
    (Severity.ERROR, (Verdict.LEAKED,)),
    (None, (Verdict.UNKNOWN,)),
    # The host is reached, by no rule of the mesh.
    (Severity.WARNING, (Verdict.BYPASSED, Verdict.PASSTHROUGH)),
    (None, (Verdict.DELIVERED,)),
)
"""The worst first. An unknown verdict may be any of them: it is worse than one that reaches the host."""

_LEVELS = {verdict: level for level, (_, verdicts) in enumerate(_CONSEQUENCES) for verdict in verdicts}
_SEVERITIES = tuple(severity for severity, _ in _CONSEQUENCES)
_RANKS = {verdict: rank for rank, verdict in enumerate(_LEVELS)}

UNREACHED = frozenset(_CONSEQUENCES[0][1])
"""Verdicts of a connection that does not reach its host."""
