"""Hits into findings: one root cause is one finding, whatever the number of pods.

Hits with the same `hits.identity` make one finding. Where pods differ in severity (one proxy blocks what another lets
through) the finding has the worst of them and names all pods; its words, evidence and fixes come from a pod that has
the worst. Pods for which another finding explains it are reported apart, as information that names its cause.

Hits are taken in pod by pod and forgotten: of each finding only the hit that speaks for it is kept, and no more
evidence than it may show. What comes out does not depend on the order of pods, nor on how they were
shared out among tallies.
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
"""What goes first in a finding: no consequence, the most severe, the pod's name, then the place in that pod's hits."""


class FindingPart:
    """One finding in the making."""

    def __init__(self) -> None:
        self.best: tuple[Rank, Hit] | None = None
        self.pods: list[str] = []
        self.causes: set[str] = set()
        self.resources: dict[ObjectRef, Rank] = {}
        self.shared: dict[Evidence, Rank] = {}
        """Evidence that several pods may have in common."""
        self.own: list[tuple[Rank, Evidence]] = []
        """The first pieces of evidence that only one pod has."""
        self.own_pieces = 0

    def speak(self, rank: Rank, hit: Hit) -> None:
        """Let a hit speak for the finding if it goes before the one that does."""
        if self.best is None or rank < self.best[0]:
            self.best = (rank, hit)

    def offer(self, rank: Rank, piece: Evidence) -> None:
        """Keep a piece that only one pod has, if it may be shown."""
        self.own.append((rank, piece))
        if len(self.own) > 4 * EVIDENCE_SHOWN:
            self.cut()

    def cut(self) -> None:
        """Forget own pieces that will not be shown."""
        self.own = sorted(self.own, key=lambda item: item[0])[:EVIDENCE_SHOWN]

    def is_full(self, rank: Rank) -> bool:
        """Whether no piece after this rank can be shown any more."""
        return sum(kept < rank for kept, _ in self.own) >= EVIDENCE_SHOWN

    def merge(self, other: FindingPart) -> None:
        """Take in what another tally has of the same finding."""
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
    """What one pod added to a finding, so that a replica can add the same."""

    part: FindingPart
    pieces: int
    """Own pieces of evidence."""
    shown: tuple[tuple[Rank, Evidence], ...]
    """Those a replica's of which may still be shown."""


class Tally:
    """Findings in the making."""

    def __init__(self) -> None:
        self._parts: dict[tuple[tuple[str, ...], bool], FindingPart] = {}

    def add(self, hits: Sequence[Hit], place: PodEvidence) -> list[FindingShare]:
        """Take in all hits of one pod; `place` tells which evidence is that pod's alone."""
        groups: dict[tuple[str, ...], list[Hit]] = {}
        for hit in hits:
            groups.setdefault(identity(hit), []).append(hit)
        shares = []
        for named, group in groups.items():
            explained = all(hit.caused_by for hit in group)
            part = self._parts.setdefault((named, explained), FindingPart())
            shares.append(_add(part, sorted(group, key=lambda hit: (bool(hit.caused_by), hit.rank)), place))
        return shares

    def repeat(self, shares: Sequence[FindingShare], first: PodEvidence, replica: PodEvidence) -> None:
        """Take in the same hits for a replica of the pod that was added; its name sorts after that pod's."""
        for part, pieces, shown in shares:
            part.pods.append(replica.pod)
            part.own_pieces += pieces
            for (is_consequence, severity, _, at, index), piece in shown:
                part.offer((is_consequence, severity, replica.pod, at, index), first.retold(piece, replica))

    def merge(self, other: Tally) -> None:
        """Take in everything of another tally, which had other pods. That one stays as it is."""
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
