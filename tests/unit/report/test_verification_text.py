"""What a verification claims: of whom it speaks, and that it says so where it does not speak of all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from meshdoctor.model.fix import Acceptance, FixResult, FixTarget, Verification
from meshdoctor.report import text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.view.blocks import Block
from meshdoctor.view.verification import in_short, result, undone
from tests.golden.fixes import entry
from tests.golden.results import POD

HOLDS, ALL, TAKEN = Verification(is_gone=True), FixTarget(server="s"), Acceptance()
SOME = FixTarget(namespaces=("shop", "bank"), labels="app=web")


def made(
    place: FixTarget = ALL, acceptance: Acceptance = TAKEN, verification: Verification = HOLDS, **given: Any
) -> FixResult:
    return FixResult(entry=entry(place=place, **given), acceptance=acceptance, verification=verification)


def shown(blocks: Iterable[Block]) -> str:
    return " ".join(text.render(blocks, TextWriter(width=400)).split())


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (FixTarget(), "✓ no regression"),
        (FixTarget(namespaces=("shop",)), "✓ no regression in namespace shop; other pods were not checked"),
        (SOME, "✓ no regression in namespaces shop and bank for pods with labels app=web; other pods were not checked"),
    ],
)
def test_the_scope_is_named(place: FixTarget, said: str) -> None:
    assert shown(result(made(place))).endswith(said)


def test_pods_that_were_not_seen_to_accept_it_are_named() -> None:
    acceptance = Acceptance(
        accepted=(POD,), pending=("bank/till-1", POD), unread={"bank/till-2": "forbidden", "bank/gone": "404"}
    )
    found = made(acceptance=acceptance, verification=Verification(is_gone=True, unread=("bank/gone",)))
    assert found.unevaluated == ("bank/till-1", "bank/till-2")
    said = "; not evaluated, as they were not seen to accept it: bank/till-1, bank/till-2"
    assert f"? fix 7 is undone: every verdict is as before the fix{said}" in shown(undone(found))
    assert in_short(found) == f"the finding is gone and there is no regression{said}"
    found = made(acceptance=Acceptance(pending=acceptance.pending, unread={"bank/till-2": "forbidden"}))
    assert f"? no regression{said}" in shown(result(found))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:05:00Z", ""),
        ("2026-11-18T09:00:00Z", "2026-11-21T10:00:00Z", "evidence of 2026-11-18T09:00:00Z, 3 d 1 h before"),
        ("", "2026-11-21T10:00:00Z", ""),
        ("2026-11-18T09:00:00Z", "", ""),
    ],
)
def test_an_old_baseline_is_dated(before: str, after: str, words: str) -> None:
    said = shown(result(made(verification=Verification(is_gone=True, before_at=before, after_at=after))))
    assert (words in said, "compared with" in said) == (True, bool(words))


def test_all_of_it_stands_in_the_result() -> None:
    verification = Verification(is_gone=True, before_at="2026-11-18T09:00:00Z", after_at="2026-11-21T10:00:00Z")
    found = made(FixTarget(server="s", namespaces=("shop",)), Acceptance(pending=("bank/till-1",)), verification)
    for said in (shown(result(found)), shown(undone(found))):
        assert "in namespace shop" in said
        assert "other pods were not checked; not evaluated" in said
        assert "compared with evidence of 2026-11-18T09:00:00Z" in said
    pending = made(acceptance=Acceptance(pending=("bank/till-1",)))
    assert "✓ no regression" not in shown(result(pending))
