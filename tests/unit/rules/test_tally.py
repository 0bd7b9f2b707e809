"""The tally: shared out or not, repeated or added, the findings are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.model.evidence import Pointer
from meshdoctor.model.fact import Fact
from meshdoctor.model.pod_evidence import PodEvidence
from meshdoctor.model.sheet import Claim
from meshdoctor.rules.causes import explained
from meshdoctor.rules.evaluate import by_pod, hits_of
from meshdoctor.rules.tally import Tally
from tests.build import fact
from tests.unit.rules.rules import rule

RULES = [
    rule("r", grades=[{"when": "fact.policy == 'ALLOW_ANY'", "severity": "info"}], subject={"host": "{fact.host}"}),
    rule("s", explained_by=["r"]),
]


def claim(pod: str, number: int, reason: str, policy: str) -> Any:
    own = {"document": f"proxies/{pod}/config_dump.json", "path": f"$.configs[{number}]"}
    common = {"document": "resources/serviceentries.yaml", "path": f"$.items[{number}]"}
    object_of_pod = {"document": "resources/pods.yaml", "path": f"$.items[{pod[-1]}].spec"}
    return fact(
        Claim,
        pod=pod,
        host="db.example",
        port=3306,
        reason=reason,
        policy=policy,
        resources=[{"kind": "ServiceEntry", "namespace": "ns", "name": f"e{number}", "role": "loser"}],
        evidence=[own, common, object_of_pod, own],
    )


KINDS = st.tuples(st.integers(0, 3), st.sampled_from(["r", "s", "r s"]), st.sampled_from(["ALLOW_ANY", "unknown"]))
CONFIGURATIONS = st.lists(st.lists(KINDS, max_size=4), min_size=1, max_size=3)
"""What may be wrong in each of some configurations."""
PODS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=8)
"""Of each pod its configuration and the share it falls into."""


def place(pod: str) -> PodEvidence:
    return PodEvidence(pod, f"proxies/{pod}/", Pointer("resources/pods.yaml", f"$.items[{pod[-1]}]"))


def facts_of(pod: str, kinds: Sequence[tuple[int, str, str]]) -> list[Fact]:
    return [claim(pod, *kind) for kind in kinds]


def hits(facts: list[Fact]) -> Any:
    return by_pod(hits_of(RULES, lambda name: facts, {}))


@given(CONFIGURATIONS, PODS)
def test_repeating_and_merging_give_what_adding_gives(
    configurations: list[list[tuple[int, str, str]]], pods: list[tuple[int, int]]
) -> None:
    plain, shares = Tally(), (Tally(), Tally())
    added: dict[tuple[int, int], Any] = {}
    for number, (configuration, share) in enumerate(pods):
        kinds = configurations[configuration % len(configurations)]
        name = f"ns/web-{number}"
        for found in hits(facts_of(name, kinds)).values():
            plain.add(explained(found), PodEvidence(name))
        known = added.get((configuration, share))
        if known is None:
            found = hits(facts_of(name, kinds)).get(name, [])
            added[configuration, share] = (place(name), shares[share].add(explained(found), place(name)))
        else:
            shares[share].repeat(known[1], known[0], place(name))
    shares[0].merge(shares[1])
    assert shares[0].findings() == plain.findings()


def test_only_evidence_that_may_be_shown_is_kept() -> None:
    tally = Tally()
    [found] = hits(facts_of("ns/web-0", [(0, "r", "unknown")])).values()
    shares = tally.add(explained(found), place("ns/web-0"))
    for number in range(1, 400):
        tally.repeat(shares, place("ns/web-0"), place(f"ns/web-{number:03d}"))
    [part] = (share.part for share in shares)
    assert len(part.own) < 30
    [finding] = tally.findings()
    assert len(finding.pods) == 400
    assert len(finding.evidence) + finding.evidence_left_out == 400 * 2 + 1


def test_a_finding_has_the_pods_of_one_severity_wherever_they_were_added() -> None:
    first, second = Tally(), Tally()
    for tally, pod, policy in ((first, "ns/web-0", "ALLOW_ANY"), (second, "ns/web-1", "unknown")):
        for found in hits(facts_of(pod, [(0, "r", policy)])).values():
            tally.add(explained(found), place(pod))
    first.merge(second)
    told = [(finding.severity, finding.message, finding.pods) for finding in first.findings()]
    assert told == [("error", "r for ns/web-1.", ("ns/web-1",)), ("info", "r for ns/web-0.", ("ns/web-0",))]
