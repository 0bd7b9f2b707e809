"""What a verification claims: of whom it speaks, and that it says so where it does not speak of all."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.model.fix import Acceptance, FixResult, FixTarget, Verification
from meshdoctor.report import fix_text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.report.verification_text import age, as_before, in_short, nothing_worse
from tests.golden.fixes import entry
from tests.golden.results import POD

HOLDS, ALL, TAKEN = Verification(is_gone=True), FixTarget(server="s"), Acceptance()
SOME = FixTarget(namespaces=("shop", "bank"), labels="app=web")


def made(
    place: FixTarget = ALL, waited: Acceptance = TAKEN, verification: Verification = HOLDS, **given: Any
) -> FixResult:
    return FixResult(entry=entry(place=place, **given), waited=waited, verification=verification)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (FixTarget(), "nothing else got worse"),
        (FixTarget(namespaces=("shop",)), "nothing else got worse in namespace shop; others were not looked at"),
        (
            SOME,
            "nothing else got worse in namespaces shop and bank for pods with labels app=web; others were not "
            "looked at",
        ),
    ],
)
def test_the_scope_is_named(place: FixTarget, text: str) -> None:
    assert nothing_worse(made(place)) == ("fine", text)


def test_who_was_not_seen_to_take_it_is_not_spoken_of() -> None:
    waited = Acceptance(
        accepted=(POD,), pending=("bank/till-1", POD), unread={"bank/till-2": "forbidden", "bank/gone": "404"}
    )
    found = made(waited=waited, verification=Verification(is_gone=True, unread=("bank/gone",)))
    assert found.unevaluated == ("bank/till-1", "bank/till-2")
    told = "; not evaluated, as they were not seen to take it: bank/till-1, bank/till-2"
    assert nothing_worse(found) == ("unknown", f"nothing else got worse{told}")
    assert as_before(found) == ("unknown", f"every verdict is what it was before it{told}")
    assert in_short(found) == f"the finding is gone and nothing is worse{told}"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:05:00Z", ""),
        ("2026-11-18T09:00:00Z", "2026-11-21T10:00:00Z", "seen at 2026-11-18T09:00:00Z, 3 d 1 h before"),
        ("", "2026-11-21T10:00:00Z", ""),
        ("2026-11-18T09:00:00Z", "", ""),
    ],
)
def test_an_old_baseline_is_dated(before: str, after: str, words: str) -> None:
    told = age(Verification(is_gone=True, before_at=before, after_at=after))
    assert (words in told, bool(told)) == (True, bool(words))


def test_all_of_it_stands_in_the_result() -> None:
    verification = Verification(is_gone=True, before_at="2026-11-18T09:00:00Z", after_at="2026-11-21T10:00:00Z")
    found = made(FixTarget(server="s", namespaces=("shop",)), Acceptance(pending=("bank/till-1",)), verification)
    for text in (fix_text.result(found, TextWriter()), fix_text.undone(found, TextWriter())):
        flat = " ".join(text.split())
        assert "in namespace shop" in flat
        assert "others were not looked at; not evaluated" in flat
        assert "compared with what was seen at 2026-11-18T09:00:00Z" in flat
    pending = made(waited=Acceptance(pending=("bank/till-1",)))
    assert "✓ nothing else got worse" not in fix_text.result(pending, TextWriter())
