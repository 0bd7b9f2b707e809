"""The sum of a run of random meshes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from meshdoctor.model.trace import Trace
from meshdoctor.model.verdict import Verdict
from tests.lab.agreement import differences, not_vouched_for
from tests.lab.probes import Seen


class Tally:
    """Every connection is in exactly one of: agreed, disagreed, unknown, not vouched for."""

    def __init__(self) -> None:
        self.meshes = self.agreed = self.unknown = 0
        self.not_vouched: Counter[str] = Counter()
        self.disagreements: list[str] = []

    @property
    def connections(self) -> int:
        """All of them."""
        return self.agreed + self.unknown + self.not_vouched.total() + len(self.disagreements)

    def add(self, seed: int, judged: Iterable[tuple[Seen, Trace]]) -> None:
        """The connections of one mesh, each with what trace said of it."""
        self.meshes += 1
        for seen, trace in judged:
            if because := not_vouched_for(seen):
                self.not_vouched[because] += 1
            elif trace.verdict is Verdict.UNKNOWN:
                self.unknown += 1
            elif found := differences(trace, seen):
                self.disagreements.append(disagreement(seed, seen, trace, found))
            else:
                self.agreed += 1

    def lines(self) -> list[str]:
        """The summary, one disagreement a line."""
        judged = self.agreed + len(self.disagreements)
        share = f"{100 * self.agreed / judged:.2f} %" if judged else "none"
        counts = f"{self.agreed} of {judged} agreed ({share}), {self.unknown} unknown"
        lines = [f"{self.meshes} meshes, {self.connections} connections: {counts}"]
        lines += [f"not vouched for: {count}, {because}" for because, count in self.not_vouched.most_common()]
        return lines + self.disagreements


def disagreement(seed: int, seen: Seen, trace: Trace, found: list[str]) -> str:
    """One line: the seed, the probe, what trace says, what the log shows."""
    said = f"{trace.verdict} {trace.reason} {trace.cluster or '-'} {','.join(trace.expect.response_flags) or '-'}"
    return f"seed {seed} {seen.probe.pod} {seen.line} | trace: {said} | {'; '.join(found)}"
