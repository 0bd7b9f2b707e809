"""Before and after: what counts as gone, as worse, as predicted, and what nobody can know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.fixes.verify.verification import compare
from meshdoctor.model.fix import (
    Baseline,
    Change,
    ConnectionChange,
    FindingSummary,
    JournalEntry,
    PredictedChange,
    Regression,
    Verification,
    WrittenChange,
)
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.verdict import Severity, Verdict
from tests.golden.fixes import entry

POD, OTHER, HEIR = "shop/web-1", "shop/api-1", "shop/web-2"
DB, MAPS = "db.test:3306", "maps.test:443"
LOST = FindingSummary("missing-service-entry", "db.test", 3306, Severity.ERROR, "blocked")
ADDED = ObjectRef("ServiceEntry", "shop", "db", api_version="networking.istio.io/v1")


def seen(verdicts: dict[str, dict[str, Verdict]], **findings: FindingSummary) -> Baseline:
    pods = sorted({pod for judged in verdicts.values() for pod in judged})
    return Baseline(findings=findings, verdicts=verdicts, proxies=tuple(pods))


def fix(**given_: Any) -> JournalEntry:
    change = Change(key=ADDED, after={"spec": {"hosts": ["DB.test"]}})
    return entry(fingerprint="lost", written=(WrittenChange(change=change),), **given_)


BEFORE = seen({DB: {POD: Verdict.BLOCKED}, MAPS: {POD: Verdict.DELIVERED, OTHER: Verdict.DELIVERED}}, lost=LOST)
FIXED = {DB: {POD: Verdict.DELIVERED}, MAPS: {POD: Verdict.DELIVERED, OTHER: Verdict.DELIVERED}}


def test_gone_and_nothing_else_turned() -> None:
    verification = compare(BEFORE, seen(FIXED), fix())
    assert verification == Verification(
        is_gone=True, improvements=(ConnectionChange(POD, DB, Verdict.BLOCKED, Verdict.DELIVERED),)
    )
    assert verification.holds


@pytest.mark.parametrize("mark", ["lost", "under another fingerprint"])
def test_a_finding_that_is_still_there(mark: str) -> None:
    verification = compare(BEFORE, seen(FIXED, **{mark: LOST}), fix())
    assert (verification.is_gone, verification.holds, verification.new_findings) == (False, False, ())


def test_another_name_for_what_has_not_turned_is_no_fix_and_nothing_new() -> None:
    renamed = FindingSummary("port-hijacked", "db.test", 3306, Severity.ERROR, "somebody else's listener")
    still = compare(BEFORE, seen(BEFORE.verdicts, new=renamed), fix())
    assert (still.is_gone, still.new_findings, still.is_worse) == (False, (), False)
    turned = {**BEFORE.verdicts, DB: {POD: Verdict.MISROUTED}}
    other = compare(BEFORE, seen(turned, new=renamed), fix())
    assert (other.is_gone, other.new_findings) == (True, (renamed,))


def test_a_connection_that_got_worse() -> None:
    verification = compare(BEFORE, seen({**FIXED, MAPS: {POD: Verdict.BLOCKED, OTHER: Verdict.DELIVERED}}), fix())
    assert verification.regressions == (ConnectionChange(POD, MAPS, Verdict.DELIVERED, Verdict.BLOCKED),)
    assert (verification.is_worse, verification.holds) == (True, False)


def test_what_was_predicted_is_its_price_and_only_that() -> None:
    effect = PredictedChange("maps.test", 443, (POD,), "delivered", "blocked", True, "")
    after = seen({**FIXED, MAPS: {POD: Verdict.BLOCKED, OTHER: Verdict.BLOCKED}})
    verification = compare(BEFORE, after, fix(connections=(effect,)))
    assert verification.predicted == (ConnectionChange(POD, MAPS, Verdict.DELIVERED, Verdict.BLOCKED),)
    assert verification.regressions == (ConnectionChange(OTHER, MAPS, Verdict.DELIVERED, Verdict.BLOCKED),)
    paid = compare(
        BEFORE, seen({**FIXED, MAPS: {POD: Verdict.BLOCKED, OTHER: Verdict.DELIVERED}}), fix(connections=(effect,))
    )
    assert paid.holds


def test_findings_that_were_predicted_that_are_new_and_that_nobody_could_know() -> None:
    known = FindingSummary("tcp-hosts-ignored", "maps.test", 443, Severity.WARNING, "")
    named = FindingSummary("tcp-hosts-ignored", "db.test", 3306, Severity.WARNING, "")
    unheard = FindingSummary("missing-service-entry", "news.test", 443, Severity.ERROR, "")
    hostless = FindingSummary("config-rejected", "", 0, Severity.ERROR, "")
    hint = FindingSummary("egress-open", "maps.test", 443, Severity.INFO, "")
    after = seen(FIXED, a=known, b=named, c=unheard, d=hostless, e=hint)
    verification = compare(BEFORE, after, fix())
    assert set(verification.new_findings) == {known, named, hostless}
    assert verification.first_seen == (unheard,)
    fault = Regression("tcp-hosts-ignored", "db.test", 3306, (POD,), "")
    assert compare(BEFORE, after, fix(regressions=(fault,))).predicted_findings == (named,)
    assert compare(BEFORE, seen(FIXED, c=unheard), fix()).holds


def test_what_cannot_be_judged_again_is_named_and_no_verification() -> None:
    verification = compare(BEFORE, seen({DB: {POD: Verdict.DELIVERED}, MAPS: {POD: Verdict.UNKNOWN}}), fix())
    assert (verification.unread, verification.regressions, verification.holds) == ((OTHER, POD), (), False)


def test_a_pod_made_anew_is_compared_with_the_one_before_it() -> None:
    before = Baseline(verdicts={DB: {POD: Verdict.BLOCKED}}, proxies=(POD,), workloads={POD: "Deployment shop/web"})
    after = Baseline(verdicts={DB: {HEIR: Verdict.DELIVERED}}, proxies=(HEIR,), workloads={HEIR: "Deployment shop/web"})
    assert compare(before, after, fix()).improvements == (
        ConnectionChange(POD, DB, Verdict.BLOCKED, Verdict.DELIVERED),
    )
    stranger = Baseline(
        verdicts={DB: {HEIR: Verdict.DELIVERED}}, proxies=(HEIR,), workloads={HEIR: "Deployment shop/x"}
    )
    assert compare(before, stranger, fix()).unread == (POD,)


VERDICT = st.sampled_from(Verdict)
MESH = st.dictionaries(
    st.sampled_from([DB, MAPS]), st.dictionaries(st.sampled_from([POD, OTHER, HEIR]), VERDICT, min_size=1)
)


@given(MESH, MESH)
def test_there_and_back(one: dict[str, dict[str, Verdict]], two: dict[str, dict[str, Verdict]]) -> None:
    """Nothing is worse than itself; what is worse one way is better the other; unknown is neither."""
    there, back = compare(seen(one), seen(two)), compare(seen(two), seen(one))
    same = compare(seen(one), seen(one))
    assert (same.regressions, same.improvements, same.new_findings) == ((), (), ())
    turned = {(turn.pod, turn.host) for turn in there.regressions}
    assert turned == {(turn.pod, turn.host) for turn in back.improvements}
