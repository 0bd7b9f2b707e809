"""A mend's disposition made honest: what would harm anybody is not offered as safe."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from meshdoctor.fixes.forecast import counted
from meshdoctor.model.finding import Fix
from meshdoctor.model.mend import Change, Touched
from meshdoctor.model.mesh import Mesh


def honest(mesh: Mesh, fix: Fix, changes: Sequence[Change], touched: Touched) -> Fix:
    """The fix as it may be offered. A `safe` one that does harm is `review`, and its trade-off names the harm.

    Others stay as they are.
    """
    if fix.disposition != "safe" or not changes:
        return fix
    harm = harm_of(touched)
    if not harm:
        return fix
    tradeoff = f"{fix.tradeoff.rstrip()} {harm}".strip()
    return structs.replace(fix, disposition="review", tradeoff=tradeoff)


def harm_of(touched: Touched) -> str:
    """The worst that a mend does, in one sentence; empty where it does no harm that is known."""
    worse = [effect for effect in touched.effects if effect.worse]
    if worse:
        first = worse[0]
        more = f", and {len(worse) - 1} more connections change for the worse" if len(worse) > 1 else ""
        return (
            f"It turns {first.host}:{first.port} from {first.was} to {first.becomes} for {counted(first.pods)}{more}."
        )
    if touched.faults:
        fault = touched.faults[0]
        more = f", and {len(touched.faults) - 1} more" if len(touched.faults) > 1 else ""
        return f"It newly breaks {fault.rule} for {fault.host}:{fault.port} in {counted(fault.pods)}{more}."
    return ""
