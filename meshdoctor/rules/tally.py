"""Groups hits into findings: one root cause is one finding, whatever the number of pods.

Hits with the same `hits.identity` make one finding. Where pods differ in severity (one proxy blocks what another lets
through) there is one finding for each severity. Pods for which another finding explains it are reported separately, as
information that names its cause.

Hits are added pod by pod and not kept: of each finding only the representative hit is kept, and no more evidence than
is shown. The result depends neither on the order of pods nor on how they were divided among tallies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.finding import Finding
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.pod_evidence import PodEvidence
from meshdoctor.rules.finding_builder import EVIDENCE_SHOWN, finding_of, order_of
from meshdoctor.rules.hits import Hit, identity

Rank = tuple[bool, int, str, int, int]
"""Sort key of the representative hit: unexplained first, then the most severe, the pod's name, and its position in that
pod's hits."""


class FindingPart:
    """A finding under construction."""

    def __init__(self) -> None:
        self.best: tuple[Rank, Hit] | None = None
        self.pods: list[str] = []
        self.causes: set[str] = set()
        self.resources: dict[ObjectRef, Rank] = {}
        self.shared: dict[Evidence, Rank] = {}
        """Evidence that several pods may share."""
        self.own: list[tuple[Rank, Evidence]] = []
        """The first pieces of evidence of single pods."""
        self.own_pieces = 0

    def speak(self, rank: Rank, hit: Hit) -> None:
        """Make a hit the representative if it sorts before the current one."""
        if self.best is None or rank < self.best[0]:
            self.best = (rank, hit)

    def offer(self, rank: Rank, piece: Evidence) -> None:
        """Keep a piece of one pod's evidence, if it may be shown."""
        self.own.append((rank, piece))
        if len(self.own) > 4 * EVIDENCE_SHOWN:
            self.cut()

    def cut(self) -> None:
        """Drop single pods' evidence that will not be shown."""
        self.own = sorted(self.own, key=lambda item: item[0])[:EVIDENCE_SHOWN]

    def is_full(self, rank: Rank) -> bool:
        """Whether no piece after this rank can be shown any more."""
        return sum(kept < rank for kept, _ in self.own) >= EVIDENCE_SHOWN

    def merge(self, other: FindingPart) -> None:
        """Add another tally's part of the same finding."""
        if other.best is not None:
            self.speak(*other.best)
        self.pods += other.pods
        self.causes |= other.causes
        for resource, rank in other.resources.items():
            _first(self.resources, resource, rank)
        for piece, rank in other.shared.items():
            _first(self.shared, piece, rank)
        self.own += other.own
        self.own_pieces += other.own_pieces
        self.cut()

    def finding(self, first: Hit) -> Finding:
        """The finding."""
        self.cut()
        ranked = [*self.own, *((rank, piece) for piece, rank in self.shared.items())]
        evidence = [piece for _, piece in sorted(ranked, key=lambda item: item[0])]
        resources = sorted(self.resources, key=self.resources.__getitem__)
        causes = sorted(self.causes) if first.caused_by else ()
        pieces = self.own_pieces + len(self.shared)
        return finding_of(first, sorted(set(self.pods)), resources, evidence, pieces, causes)


class FindingShare(NamedTuple):
    """One pod's part of a finding, so that a replica can add the same."""

    part: FindingPart
    pieces: int
    """The pod's own evidence."""
    shown: tuple[tuple[Rank, Evidence], ...]
    """Pieces whose counterpart of a replica may still be shown."""


class Tally:
    """Findings under construction."""

    def __init__(self) -> None:
        self._parts: dict[tuple[tuple[str, ...], str], FindingPart] = {}

    def add(self, hits: Sequence[Hit], place: PodEvidence) -> list[FindingShare]:
        """Add all hits of one pod; `place` says which evidence is that pod's own."""
        groups: dict[tuple[str, ...], list[Hit]] = {}
        for hit in hits:
            groups.setdefault(identity(hit), []).append(hit)
        shares = []
        for named, group in groups.items():
            group.sort(key=lambda hit: (bool(hit.caused_by), hit.rank))
            kind = "explained" if group[0].caused_by else group[0].severity
            part = self._parts.setdefault((named, kind), FindingPart())
            shares.append(_add(part, group, place))
        return shares

    def repeat(self, shares: Sequence[FindingShare], first: PodEvidence, replica: PodEvidence) -> None:
        """Add the same hits for a replica of a pod that was added; its name sorts after that pod's."""
        for part, pieces, shown in shares:
            part.pods.append(replica.pod)
            part.own_pieces += pieces
            for (is_consequence, severity, _, at, index), piece in shown:
                part.offer((is_consequence, severity, replica.pod, at, index), first.retold(piece, replica))

    def merge(self, other: Tally) -> None:
        """Add everything from another tally with other pods, which is not changed."""
        for key, part in other._parts.items():
            self._parts.setdefault(key, FindingPart()).merge(part)

    def findings(self) -> tuple[Finding, ...]:
        """The findings, the most severe first."""
        return tuple(sorted((p.finding(p.best[1]) for p in self._parts.values() if p.best), key=order_of))


def _add(part: FindingPart, hits: list[Hit], place: PodEvidence) -> FindingShare:
    seen: set[Evidence] = set()
    own: list[tuple[Rank, Evidence]] = []
    if place.pod:
        part.pods.append(place.pod)
    for at, hit in enumerate(hits):
        start = (bool(hit.caused_by), hit.rank, place.pod, at)
        part.speak((*start, 0), hit)
        part.causes.update([hit.caused_by] if hit.caused_by else [])
        for index, resource in enumerate(hit.fact.resources):
            _first(part.resources, resource, (*start, index))
        for index, piece in enumerate(hit.fact.evidence):
            if not place.owns(piece):
                _first(part.shared, piece, (*start, index))
            elif piece not in seen:
                seen.add(piece)
                own.append(((*start, index), piece))
    shown = tuple(item for item in own if not part.is_full(item[0]))
    for item in own:
        part.offer(*item)
    part.own_pieces += len(own)
    return FindingShare(part, len(own), shown)


def _first(ranks: dict[ObjectRef, Rank] | dict[Evidence, Rank], item: ObjectRef | Evidence, rank: Rank) -> None:
    known: dict[object, Rank] = ranks  # type: ignore[assignment]
    if item not in known or rank < known[item]:
        known[item] = rank
