"""What a verification may say: gone is what was looked for again, where the connection is no longer as bad."""

from __future__ import annotations

from msgspec.structs import replace

from meshdoctor.fixes.verify.verification import compare
from meshdoctor.model.fix import Baseline, FindingSummary, FixTarget, JournalEntry
from meshdoctor.model.verdict import Severity, Verdict

RULE, HOST, PORT = "missing-service-entry", "db.test", 3306
AT = f"{HOST}:{PORT}"
WEB, JOB = "shop/web-1", "shop/job-1"

BEFORE = Baseline(
    findings={"f1": FindingSummary(RULE, HOST, PORT, Severity.ERROR, "nobody registered it")},
    verdicts={AT: {WEB: Verdict.BLOCKED, JOB: Verdict.DELIVERED}},
    proxies=(JOB, WEB),
    workloads={WEB: "Deployment shop/web"},
    rules=(RULE,),
)
AFTER = Baseline(
    verdicts={AT: {WEB: Verdict.DELIVERED, JOB: Verdict.DELIVERED}},
    proxies=(JOB, WEB),
    workloads=BEFORE.workloads,
    rules=(RULE,),
)
FIX = JournalEntry(
    id=1,
    state="applied",
    at="",
    place=FixTarget(),
    fingerprint="f1",
    rule=RULE,
    subject=AT,
    fix="x",
    title="x",
    pods=(WEB,),
)


def test_gone_and_delivered_is_verified() -> None:
    assert compare(BEFORE, AFTER, FIX).holds


def test_a_rule_that_was_not_judged_again_verifies_nothing() -> None:
    for after in (replace(AFTER, rules=()), replace(AFTER, gaps={RULE: (WEB,)})):
        verification = compare(BEFORE, after, FIX)
        assert (verification.unread, verification.holds) == ((WEB,), False)


def test_a_gap_that_was_there_before_or_is_of_other_pods_hinders_no_verification() -> None:
    assert compare(BEFORE, replace(AFTER, gaps={RULE: (JOB,)}), FIX).holds
    before = replace(BEFORE, gaps={RULE: (WEB,)})
    assert compare(before, replace(AFTER, gaps={RULE: (WEB,)}), FIX).holds


def test_a_connection_that_nobody_is_seen_to_want_any_more_is_not_verified() -> None:
    verification = compare(BEFORE, replace(AFTER, verdicts={AT: {JOB: Verdict.DELIVERED}}), FIX)
    assert (verification.unread, verification.holds) == ((WEB,), False)


def test_a_finding_that_is_gone_while_its_connection_fails_as_before_is_not_verified() -> None:
    verification = compare(BEFORE, replace(AFTER, verdicts=BEFORE.verdicts), FIX)
    assert [(turn.pod, turn.before, turn.after) for turn in verification.still_failing] == [(WEB, "blocked", "blocked")]
    assert verification.is_gone
    assert not verification.holds


def test_a_pod_made_anew_stands_for_the_one_before() -> None:
    anew = replace(
        AFTER,
        verdicts={AT: {"shop/web-2": "blocked", JOB: Verdict.DELIVERED}},
        proxies=(JOB, "shop/web-2"),
        workloads={"shop/web-2": "Deployment shop/web"},
    )
    assert [turn.pod for turn in compare(BEFORE, anew, FIX).still_failing] == [WEB]
    gone = replace(anew, workloads={})
    assert compare(BEFORE, gone, FIX).unread == (WEB,)


def test_one_connection_that_got_better_is_enough() -> None:
    both = replace(FIX, pods=(JOB, WEB))
    before = replace(BEFORE, verdicts={AT: {WEB: Verdict.MISROUTED, JOB: Verdict.MISROUTED}})
    after = replace(AFTER, verdicts={AT: {WEB: Verdict.DELIVERED, JOB: Verdict.MISROUTED}})
    assert compare(before, after, both).holds
    assert not compare(before, replace(after, verdicts=before.verdicts), both).holds
