"""What a verification says in words: of whom it speaks, of whom it does not, and with what it compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from meshdoctor.model.fix import FixResult, FixTarget, OwnershipChange, Verification
from meshdoctor.report.text_writer import some
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.times import apart, seconds_apart

Mark = Literal["fine", "unknown"]

_PODS = 3
_YOUNGEST = "what is deleted is made anew by an undo, and the oldest goes first"
_OLD = 600
"""Seconds from which on it is said how old the first look was."""


def nothing_worse(made: FixResult) -> tuple[Mark, str]:
    """That nothing else got worse, as far as was checked, with its mark. For a verification without regressions."""
    verification = made.verification
    predicted = verification is not None and (verification.predicted or verification.predicted_findings)
    text = f"nothing else got worse{_in_scope(made.entry.place)}{' but what was predicted' if predicted else ''}"
    return _mark(made), f"{text}{left_out(made)}"


def ownership_change_lines(found: Iterable[OwnershipChange], *, has_happened: bool = False) -> Iterator[str]:
    """What an undo does not give back, each a sentence; `has_happened`: it was undone."""
    for one in found:
        where, pods = host_port(one.host, one.port), some(one.pods, _PODS)
        done = f"{where} went" if has_happened else f"an undo would give {where}"
        yield f"{done} to {one.after}, not back to {one.before} ({pods}): {_YOUNGEST}"


def as_before(made: FixResult) -> tuple[Mark, str]:
    """The same of an undo: that it brought back what was."""
    return _mark(made), f"every verdict{_in_scope(made.entry.place)} is what it was before it{left_out(made)}"


def in_short(made: FixResult) -> str:
    """The same in few words, for the journal."""
    return f"the finding is gone and nothing is worse{_in_scope(made.entry.place)}{left_out(made)}"


def left_out(made: FixResult) -> str:
    """Of whom is not spoken: who was not looked at, and who was not seen to take it; empty where that is nobody."""
    place = made.entry.place
    others = "; others were not looked at" if place.namespaces or place.labels else ""
    unseen = made.unevaluated
    return others + (f"; not evaluated, as they were not seen to take it: {some(unseen, _PODS)}" if unseen else "")


def _mark(made: FixResult) -> Mark:
    return "unknown" if made.unevaluated else "fine"


def _in_scope(place: FixTarget) -> str:
    """Of whose pods is spoken, ` in namespace shop`; empty for all."""
    words = ""
    if place.namespaces:
        words = f" in namespace{'s' * (len(place.namespaces) > 1)} {' and '.join(place.namespaces)}"
    return words + (f" for pods with labels {place.labels}" if place.labels else "")


def age(verification: Verification) -> str:
    """When the look before was, where that is long ago; else empty."""
    seconds = seconds_apart(verification.before_at, verification.after_at)
    if seconds is None or seconds < _OLD:
        return ""
    return (
        f"compared with what was seen at {verification.before_at}, "
        f"{apart(verification.before_at, verification.after_at)} before: what others changed since counts as well"
    )
