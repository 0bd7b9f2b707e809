"""What counts as worse: one order of verdicts, for the preview of a fix and for its verification."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from meshdoctor.fixes.impact.comparison import predicted_change
from meshdoctor.fixes.impact.predicted_sidecar import PredictedVerdict
from meshdoctor.fixes.verify.verification import compare
from meshdoctor.model.fix import Baseline
from meshdoctor.model.verdict import UNREACHED, Severity, Verdict

POD = "shop/web-1"
KNOWN = [verdict for verdict in Verdict if verdict is not Verdict.UNKNOWN]


def seen(verdict: Verdict) -> Baseline:
    return Baseline(verdicts={"db.test:3306": {POD: verdict}}, proxies=(POD,))


@pytest.mark.parametrize(("before", "after"), list(product(Verdict, Verdict)))
def test_preview_and_verification_agree_on_every_transition(before: Verdict, after: Verdict) -> None:
    ends = [PredictedVerdict(verdict, "", "") for verdict in (before, after)]
    preview = predicted_change("db.test", 3306, (POD,), *ends).is_worse
    there, back = compare(seen(before), seen(after)), compare(seen(after), seen(before))
    assert preview == bool(there.regressions) == bool(back.improvements) == after.is_worse_than(before)
    assert bool(there.unread) == (after is Verdict.UNKNOWN and before is not after)


@pytest.mark.parametrize("verdict", Verdict)
def test_from_and_to_unknown_nothing_is_worse(verdict: Verdict) -> None:
    assert not verdict.is_worse_than(Verdict.UNKNOWN)
    assert not Verdict.UNKNOWN.is_worse_than(verdict)


def test_what_costs_the_user_more_is_worse() -> None:
    reached_unseen = {Verdict.BYPASSED, Verdict.PASSTHROUGH}
    levels = [{Verdict.DELIVERED}, reached_unseen, {Verdict.LEAKED}, set(UNREACHED)]
    assert set().union(*levels) == set(KNOWN)
    for better, worse in combinations(levels, 2):
        assert all(bad.is_worse_than(good) for bad, good in product(worse, better))
    assert not any(one.is_worse_than(other) for level in levels for one, other in product(level, level))


def test_the_order_of_summing_up_never_contradicts() -> None:
    assert sorted(verdict.rank for verdict in Verdict) == list(range(len(Verdict)))
    assert all(bad.rank < good.rank for bad, good in product(KNOWN, KNOWN) if bad.is_worse_than(good))


def test_what_is_neither_delivered_nor_reached_unseen_is_an_error() -> None:
    failing = {verdict for verdict in Verdict if verdict.severity is Severity.ERROR}
    assert failing == UNREACHED | {Verdict.LEAKED}
    assert {verdict.icon for verdict in failing} == {"error"}
    assert {verdict for verdict in Verdict if verdict.severity is None} == {Verdict.DELIVERED, Verdict.UNKNOWN}
