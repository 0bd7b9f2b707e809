"""What a proof says in words: of whom it speaks, of whom it does not, and with what it compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from meshdoctor.model.mend import Handover, Place, Proof, Result
from meshdoctor.report.paper import some
from meshdoctor.semantics.hosts import host_port
from meshdoctor.semantics.times import apart, seconds_apart

Mark = Literal["fine", "unknown"]

_PODS = 3
_YOUNGEST = "what is deleted is made anew by an undo, and the oldest goes first"
_OLD = 600
"""Seconds from which on it is said how old the first look was."""


def nothing_worse(made: Result) -> tuple[Mark, str]:
    """That nothing else got worse, as far as that was looked at, with its mark. For a proof without anything worse."""
    proof = made.proof
    foretold = proof is not None and (proof.foretold or proof.foretold_new)
    text = f"nothing else got worse{_in_scope(made.entry.place)}{' but what was foretold' if foretold else ''}"
    return _mark(made), f"{text}{left_out(made)}"


def handed_over(found: Iterable[Handover], *, has_happened: bool = False) -> Iterator[str]:
    """What an undo does not give back, each a sentence; `has_happened`: it was undone."""
    for one in found:
        where, pods = host_port(one.host, one.port), some(one.pods, _PODS)
        done = f"{where} went" if has_happened else f"an undo would give {where}"
        yield f"{done} to {one.becomes}, not back to {one.was} ({pods}): {_YOUNGEST}"


def as_before(made: Result) -> tuple[Mark, str]:
    """The same of an undo: that it brought back what was."""
    return _mark(made), f"every verdict{_in_scope(made.entry.place)} is what it was before it{left_out(made)}"


def in_short(made: Result) -> str:
    """The same in few words, for the journal."""
    return f"the finding is gone and nothing is worse{_in_scope(made.entry.place)}{left_out(made)}"


def left_out(made: Result) -> str:
    """Of whom is not spoken: who was not looked at, and who was not seen to take it; empty where that is nobody."""
    place = made.entry.place
    others = "; others were not looked at" if place.namespaces or place.labels else ""
    unseen = made.unevaluated
    return others + (f"; not evaluated, as they were not seen to take it: {some(unseen, _PODS)}" if unseen else "")


def _mark(made: Result) -> Mark:
    return "unknown" if made.unevaluated else "fine"


def _in_scope(place: Place) -> str:
    """Of whose pods is spoken, ` in namespace shop`; empty for all."""
    words = ""
    if place.namespaces:
        words = f" in namespace{'s' * (len(place.namespaces) > 1)} {' and '.join(place.namespaces)}"
    return words + (f" for pods with labels {place.labels}" if place.labels else "")


def age(proof: Proof) -> str:
    """When the look before was, where that is long ago; else empty."""
    seconds = seconds_apart(proof.before_at, proof.after_at)
    if seconds is None or seconds < _OLD:
        return ""
    return (
        f"compared with what was seen at {proof.before_at}, {apart(proof.before_at, proof.after_at)} before: what "
        "others changed since counts as well"
    )
