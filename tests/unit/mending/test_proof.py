"""Before and after: what counts as gone, as worse, as foretold, and what nobody can know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.mending.proof import compare, rank
from meshdoctor.model.mend import Baseline, Change, Effect, Entry, Judged, NewFault, ObjectKey, Proof, Turn, Written
from meshdoctor.model.trace import VERDICTS
from tests.golden.mends import entry

POD, OTHER, HEIR = "shop/web-1", "shop/api-1", "shop/web-2"
DB, MAPS = "db.test:3306", "maps.test:443"
LOST = Judged("missing-service-entry", "db.test", 3306, "error", "blocked")
ADDED = ObjectKey("networking.istio.io/v1", "ServiceEntry", "shop", "db")


def seen(verdicts: dict[str, dict[str, str]], **findings: Judged) -> Baseline:
    pods = sorted({pod for judged in verdicts.values() for pod in judged})
    return Baseline(findings=findings, verdicts=verdicts, proxies=tuple(pods))


def mend(**given_: Any) -> Entry:
    change = Change(key=ADDED, after={"spec": {"hosts": ["DB.test"]}})
    return entry(fingerprint="lost", written=(Written(change=change),), **given_)


BEFORE = seen({DB: {POD: "blocked"}, MAPS: {POD: "delivered", OTHER: "delivered"}}, lost=LOST)
MENDED = {DB: {POD: "delivered"}, MAPS: {POD: "delivered", OTHER: "delivered"}}


def test_gone_and_nothing_else_turned() -> None:
    proof = compare(BEFORE, seen(MENDED), mend())
    assert proof == Proof(is_gone=True, better=(Turn(POD, DB, "blocked", "delivered"),))
    assert proof.holds


@pytest.mark.parametrize("mark", ["lost", "under another fingerprint"])
def test_a_finding_that_is_still_there(mark: str) -> None:
    proof = compare(BEFORE, seen(MENDED, **{mark: LOST}), mend())
    assert (proof.is_gone, proof.holds, proof.new) == (False, False, ())


def test_another_name_for_what_has_not_turned_is_no_mend_and_nothing_new() -> None:
    renamed = Judged("port-hijacked", "db.test", 3306, "error", "somebody else's listener")
    still = compare(BEFORE, seen(BEFORE.verdicts, new=renamed), mend())
    assert (still.is_gone, still.new, still.is_worse) == (False, (), False)
    turned = {**BEFORE.verdicts, DB: {POD: "misrouted"}}
    other = compare(BEFORE, seen(turned, new=renamed), mend())
    assert (other.is_gone, other.new) == (True, (renamed,))


def test_a_connection_that_got_worse() -> None:
    proof = compare(BEFORE, seen({**MENDED, MAPS: {POD: "blocked", OTHER: "delivered"}}), mend())
    assert proof.worse == (Turn(POD, MAPS, "delivered", "blocked"),)
    assert (proof.is_worse, proof.holds) == (True, False)


def test_what_was_foretold_is_its_price_and_only_that() -> None:
    effect = Effect("maps.test", 443, (POD,), "delivered", "blocked", True, "")
    after = seen({**MENDED, MAPS: {POD: "blocked", OTHER: "blocked"}})
    proof = compare(BEFORE, after, mend(effects=(effect,)))
    assert proof.foretold == (Turn(POD, MAPS, "delivered", "blocked"),)
    assert proof.worse == (Turn(OTHER, MAPS, "delivered", "blocked"),)
    paid = compare(BEFORE, seen({**MENDED, MAPS: {POD: "blocked", OTHER: "delivered"}}), mend(effects=(effect,)))
    assert paid.holds


def test_findings_that_were_foretold_that_are_new_and_that_nobody_could_know() -> None:
    known = Judged("tcp-hosts-ignored", "maps.test", 443, "warning", "")
    named = Judged("tcp-hosts-ignored", "db.test", 3306, "warning", "")
    unheard = Judged("missing-service-entry", "news.test", 443, "error", "")
    hostless = Judged("config-rejected", "", 0, "error", "")
    hint = Judged("egress-open", "maps.test", 443, "info", "")
    after = seen(MENDED, a=known, b=named, c=unheard, d=hostless, e=hint)
    proof = compare(BEFORE, after, mend())
    assert set(proof.new) == {known, named, hostless}
    assert proof.first_seen == (unheard,)
    fault = NewFault("tcp-hosts-ignored", "db.test", 3306, (POD,), "")
    assert compare(BEFORE, after, mend(faults=(fault,))).foretold_new == (named,)
    assert compare(BEFORE, seen(MENDED, c=unheard), mend()).holds


def test_what_cannot_be_judged_again_is_named_and_no_proof() -> None:
    proof = compare(BEFORE, seen({DB: {POD: "delivered"}, MAPS: {POD: "unknown"}}), mend())
    assert (proof.unread, proof.worse, proof.holds) == ((OTHER, POD), (), False)


def test_a_pod_made_anew_is_compared_with_the_one_before_it() -> None:
    before = Baseline(verdicts={DB: {POD: "blocked"}}, proxies=(POD,), workloads={POD: "Deployment shop/web"})
    after = Baseline(verdicts={DB: {HEIR: "delivered"}}, proxies=(HEIR,), workloads={HEIR: "Deployment shop/web"})
    assert compare(before, after, mend()).better == (Turn(POD, DB, "blocked", "delivered"),)
    stranger = Baseline(verdicts={DB: {HEIR: "delivered"}}, proxies=(HEIR,), workloads={HEIR: "Deployment shop/x"})
    assert compare(before, stranger, mend()).unread == (POD,)


VERDICT = st.sampled_from(VERDICTS)
MESH = st.dictionaries(
    st.sampled_from([DB, MAPS]), st.dictionaries(st.sampled_from([POD, OTHER, HEIR]), VERDICT, min_size=1)
)


@given(MESH, MESH)
def test_there_and_back(one: dict[str, dict[str, str]], two: dict[str, dict[str, str]]) -> None:
    """Nothing is worse than itself; what is worse one way is better the other; unknown is neither."""
    there, back = compare(seen(one), seen(two)), compare(seen(two), seen(one))
    same = compare(seen(one), seen(one))
    assert (same.worse, same.better, same.new) == ((), (), ())
    turned = {(turn.pod, turn.host) for turn in there.worse}
    assert turned == {(turn.pod, turn.host) for turn in back.better}
    assert all(rank(turn.was) < rank(turn.is_now) and turn.is_now != "unknown" for turn in there.worse)
