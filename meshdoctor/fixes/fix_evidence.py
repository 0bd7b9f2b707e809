"""What a fix needs of a diagnosis: the mesh it is planned on, and what it is compared with afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from meshdoctor.model.fix import Baseline
from meshdoctor.model.mesh import Mesh

Answer = TypeVar("Answer")


class FixEvidence(Protocol):
    """A diagnosis together with the mesh that was diagnosed."""

    namespaces: tuple[str, ...]
    """Whose pods were diagnosed; empty: all."""
    labels: str
    """The label selector of those pods; empty: all."""
    is_whole: bool
    """Every pod of the mesh was read, whichever were diagnosed."""

    def using(self, work: Callable[[Mesh], Answer]) -> Answer:
        """What `work` makes of the mesh, while nobody else opens its dumps."""

    def baseline(self) -> Baseline:
        """What a verification compares with."""


Diagnose = Callable[[tuple[str, ...], str], FixEvidence]
"""Reads and diagnoses the pods of some namespaces (none: all) with some labels, now."""
