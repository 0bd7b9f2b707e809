"""What a fix needs of a diagnosis: the mesh to plan it on, and the baseline to verify it with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from meshdoctor.model.fix import Baseline
from meshdoctor.model.mesh import Mesh

Answer = TypeVar("Answer")


class FixEvidence(Protocol):
    """A diagnosis together with the mesh that was diagnosed."""

    namespaces: tuple[str, ...]
    """Namespaces whose pods were diagnosed; empty: all."""
    labels: str
    """The label selector of those pods; empty: all."""
    is_whole: bool
    """Every pod of the mesh was read, even where only some were diagnosed."""

    def using(self, work: Callable[[Mesh], Answer]) -> Answer:
        """The result of `work` on the mesh; no other thread reads its config dumps meanwhile."""

    def baseline(self) -> Baseline:
        """What a verification compares."""


Diagnose = Callable[[tuple[str, ...], str], FixEvidence]
"""Reads and diagnoses the pods of some namespaces (none: all) with some labels, now."""
