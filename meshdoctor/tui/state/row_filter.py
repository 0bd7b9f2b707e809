"""A filter as k9s users type it: `text` is somewhere in the row, `!text` is not, `-l app=web` are labels of the pod.

k9s docs, "Commands": `/filter`, `/!filter`, `/-l label-selector`.
"""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.errors import UsageError
from meshdoctor.semantics.kubernetes.label_selectors import Requirement, fits, read_selector
from meshdoctor.tui.state.rows import PodRow

LONGEST = 200
"""Characters of a filter; a paste may be of any size."""


class Filter(Struct, frozen=True):
    """A filter. The empty one matches everything."""

    typed: str = ""
    text: str = ""
    """Lower case."""
    negated: bool = False
    labels: tuple[Requirement, ...] = ()
    problem: str = ""
    """Why it is not valid yet; until then it matches everything."""

    def __bool__(self) -> bool:
        return bool(self.text or self.labels)

    def matches(self, text: str) -> bool:
        """Whether a row with this text matches."""
        return not self.text or (self.text in text) is not self.negated

    def matches_pod(self, pod: PodRow) -> bool:
        """Whether a pod matches."""
        return fits(self.labels, pod.labels) if self.labels else self.matches(pod.text)


def read_filter(typed: str) -> Filter:
    """Parses what was typed; never raises."""
    typed = typed[:LONGEST].strip()
    if typed == "-l" or typed.startswith("-l "):
        try:
            return Filter(typed, labels=read_selector(typed[2:].strip()))
        except UsageError as problem:
            return Filter(typed, problem=str(problem))
    negated = typed.startswith("!")
    return Filter(typed, typed[negated:].strip().lower(), negated)
