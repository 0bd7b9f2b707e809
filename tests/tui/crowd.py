"""A mesh of any size as events, without a capture."""

from __future__ import annotations

from meshdoctor.diagnosis.events import Event, Pair, PodChecked
from meshdoctor.model.verdict import Verdict
from tests.unit.tui.events import host, listed, pod

_VERDICTS = (*[Verdict.DELIVERED] * 3, Verdict.MISROUTED, Verdict.BLOCKED, Verdict.BROKEN)


def crowd(pods: int, hosts: int) -> list[Event]:
    """So many pods in twelve namespaces, each wanting a dozen of so many hosts."""
    keys = [f"space-{at % 12}/worker-{at:04d}-6c8d9f7b5-x2x4q" for at in range(pods)]
    pairs: list[Pair] = [(f"api-{at:03d}.outside.test", (443, 3306, 80)[at % 3]) for at in range(hosts)]
    wants = {key: {pairs[(at * 7 + step * 11) % hosts] for step in range(12)} for at, key in enumerate(keys)}
    rows = [host(pair, *(k for k in keys if pair in wants[k]), by=[f"ServiceEntry shop/e-{pair[0]}"]) for pair in pairs]
    events: list[Event] = [listed([pod(key, app="worker") for key in keys], rows)]
    for at, key in enumerate(keys):
        verdicts = {
            pair: (_VERDICTS[(at + number) % 6] if pair in wants[key] else Verdict.BLOCKED, "", None)
            for number, pair in enumerate(pairs)
        }
        events.append(PodChecked(key, "1.30.0", "REGISTRY_ONLY", verdicts))
    return events
