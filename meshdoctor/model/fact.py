"""What every fact of the sheet carries."""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.object_ref import ObjectRef


class Fact(Struct, frozen=True, kw_only=True):
    """What every fact carries."""

    pod: str
    """`namespace/pod` the fact holds for; empty where it holds for no pod in particular."""
    host: str
    """The external host that is lost or at stake; empty where there is none."""
    port: int
    """Its port; 0 where there is none."""
    policy: str
    """This proxy's outbound policy: `REGISTRY_ONLY`, `ALLOW_ANY` or `unknown`."""
    resources: tuple[ObjectRef, ...] = ()
    """Objects involved, each with its role."""
    evidence: tuple[Evidence, ...] = ()
    """Where it was seen, the deciding piece first."""
