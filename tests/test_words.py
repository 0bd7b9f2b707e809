"""The words that the trade has its own for stay out of the program, its rules and its documents.

A reader who knows Istio and has never seen meshdoctor must not have to decode a sentence. What the word to use is
stands beside each word that was replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

REPLACED = {
    r"(un)?mend(s|ed|er|ers|ing)?": "fix",
    r"sittings?": "session",
    r"wish(es|ed|ing)?": "dependency",
    r"wanted[ _]by": "used by",
    r"(un)?wanted (external )?(host|port)s?": "dependency",
    r"foret(old|ells?|elling)": "predicted",
    r"foreseen?|foresee(s|able)": "predicted",
    r"forecasts?": "prediction",
    r"onlookers?": "affected sidecars",
    r"handovers?|handed over": "ownership changes",
    r"lagging": "pending",
    r"left[ _]to[ _]do": "manual steps",
    r"by hand": "manual, or without meshdoctor",
    r"(un)?proved|proofs?": "verified, verification",
    r"(taken|takes|take|taking|took) (it |them |that |this )?back": "undone",
    r"judged again|judging again|looks? again|looked again|looking again": "checked again, refreshed",
    r"whom it touches|whom that touches": "impact",
    r"goes its way|its way out|the way of (a|the|one|its) connection": "path; is sent to",
    r"where iptables (put|left) it": "is blocked by, is sent to",
    r"from a stranger|lends your rights": "from an unrelated server; act with your credentials",
    r"as data": "JSON",
    r"at[-_]once|--choose|--logs(?![-\w])": "--concurrency, --fix, --logs-since",
    r"(closed|open) (outbound )?policy": "REGISTRY_ONLY, ALLOW_ANY",
}
WORDS = {word: re.compile(rf"(?<![A-Za-z]){word}(?![A-Za-z])", re.IGNORECASE) for word in REPLACED}

IN_CODE = re.compile(
    r"\b(Look|Seen|Judged|Course|Ground|Deed|Sitting|Ledger|Glances|Onlookers|Brief|Paper|Sight|Rhythm|Turns|Board)\b"
    r"|\b_?told\b|\bhonest\b"
)
"""Names of classes and functions that said nothing to a newcomer."""


def documents() -> Iterator[Path]:
    """What a user or a newcomer reads: the package, the rules, the documents."""
    package = (ROOT / "meshdoctor").rglob("*")
    yield from sorted(path for path in package if path.suffix in {".py", ".md", ".json", ".tcss"})
    yield from sorted((ROOT / "rules").glob("*.*"))
    yield from sorted((ROOT / "snapshots").glob("*/snapshot.yaml"))
    yield from (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / ".github" / "CONTRIBUTING.md")


@pytest.mark.parametrize("word", REPLACED)
def test_a_replaced_word_stays_away(word: str) -> None:
    found = []
    for path in documents():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if (match := WORDS[word].search(line)) and not line.startswith(("  | ", "  <!--")):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}: {line.strip()}")
    assert found == [], f"say {REPLACED[word]}"


def test_names_in_the_code_say_what_they_are() -> None:
    found = []
    for path in sorted((ROOT / "meshdoctor").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := IN_CODE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert found == []
