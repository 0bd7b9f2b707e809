"""How much of each kind of objects was read, as documents and objects turn out to be missing."""

from __future__ import annotations

from meshdoctor.model.coverage import Completeness, Coverage

_MOST = 3
"""Reasons that are named; the others are in `Mesh.unread`."""


class KindCoverage:
    """Gathers what is missing of each plural kind in `gaps`, which is that of the mesh."""

    def __init__(self, gaps: dict[str, Coverage]) -> None:
        self._gaps = gaps
        self._states: dict[str, list[Completeness]] = {}
        self._reasons: dict[str, dict[str, None]] = {}
        self._missing: dict[str, dict[str, None]] = {}
        self.unread: set[str] = set()
        """Kinds that have documents of which nothing was read."""

    def fall_short(self, plural: str, state: Completeness, because: str, missing: str) -> None:
        """Something of a kind is missing."""
        self._states.setdefault(plural, []).append(state)
        self._reasons.setdefault(plural, {})[because] = None
        self._missing.setdefault(plural, {})[missing] = None
        self._put(plural)

    def not_read(self, plural: str) -> None:
        """Nothing of a kind was read."""
        self.unread.add(plural)
        self._put(plural)

    def _put(self, plural: str) -> None:
        states = self._states.get(plural, [])
        if plural not in self.unread:
            is_contradicted = Completeness.CONTRADICTED in states
            state = Completeness.CONTRADICTED if is_contradicted else Completeness.PARTIAL
        else:
            state = Completeness.REFUSED if Completeness.REFUSED in states else Completeness.ABSENT
        reasons = list(self._reasons.get(plural, ()))
        more = f"; and {len(reasons) - _MOST} more" if len(reasons) > _MOST else ""
        because = "; ".join(reasons[:_MOST]) + more or f"none of the {plural} could be read"
        self._gaps[plural] = Coverage(state, because, tuple(self._missing.get(plural, (f"resources/{plural}.yaml",))))
