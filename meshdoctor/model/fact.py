"""Fields that all facts of the sheet have."""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.object_ref import ObjectRef


class Fact(Struct, frozen=True, kw_only=True):
    """Fields that all facts have."""

    pod: str
    """`namespace/name` of the pod; empty where the fact is about no single pod."""
    host: str
    """The affected external host; empty where there is none."""
    port: int
    """Its port; 0 where there is none."""
    policy: str
    """This proxy's outbound policy: `REGISTRY_ONLY`, `ALLOW_ANY` or `unknown`."""
    resources: tuple[ObjectRef, ...] = ()
    """Objects involved, each with its role."""
    evidence: tuple[Evidence, ...] = ()
    """Its evidence, the deciding one first."""
