from __future__ import annotations

import re

from msgspec.structs import replace

from meshdoctor.model.finding import Confidence, Disposition, Finding, Fix
from meshdoctor.model.fix import ConnectionChange, FixTarget, JournalEntry
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.report import markdown
from meshdoctor.report.markdown import code, fenced, text
from meshdoctor.text.printable import TextLines
from meshdoctor.view.blocks import CodeText, Passage
from meshdoctor.view.postmortem import action, postmortem
from tests.golden.results import MISROUTED

FINDING = Finding(
    rule="tcp-port-clash",
    severity=Severity.ERROR,
    confidence=Confidence.CERTAIN,
    fingerprint="abc",
    title="Another entry owns this port",
    message="It goes elsewhere.",
    why="A wrong certificate.",
    host="a.test",
    port=443,
    pods=tuple(f"shop/web-{n}" for n in range(50)),
    resources=(ObjectRef("ServiceEntry", "shop", "a", "shadowed"),),
    fixes=(
        Fix("use-tls", "Declare TLS", Disposition.REVIEW, "SNI.", ("x",)),
        Fix("move", "Move it", Disposition.MANUAL, "Work."),
    ),
)
ENTRY = JournalEntry(
    id=3,
    state="verified",
    at="2026-11-21T14:03:07Z",
    place=FixTarget(server="https://api.test", context="prod"),
    fingerprint="abc",
    rule="tcp-port-clash",
    subject="a.test:443",
    fix="use-tls",
    title="Declare TLS",
    note="the finding is gone",
)


def test_everything_a_postmortem_asks_for_is_there() -> None:
    turn = ConnectionChange("shop/web-1", "a.test:443", Verdict.MISROUTED, Verdict.DELIVERED)
    document = postmortem(
        FINDING,
        trace=MISROUTED,
        evidence=[Passage("d.json"), CodeText("{}", "json")],
        actions=list(action(ENTRY, [turn], "-old\n+new\n")),
        at="now",
    )
    made = markdown.render([document])
    heads = re.findall(r"^## (.*)$", made, re.MULTILINE)
    assert heads == [
        "What happens", "Why it matters", "Objects", "Pods", "The path of the connection", "Evidence", "What was done",
        "Fixes",
    ]  # fmt: skip
    assert "- shadowed: `ServiceEntry shop/a`" in made
    assert "`shop/web-39` and 10 more" in made
    assert made.count("**goes wrong here:**") == 1
    assert "4. **goes wrong here:** cluster" in made
    assert "```json\n{}\n```" in made
    assert "Fix 3, 2026-11-21T14:03:07Z, in prod: Declare TLS. State: verified." in made
    assert "- a.test:443 for shop/web-1: misrouted before, delivered after" in made
    assert "```diff\n-old\n+new\n```" in made
    assert "- manual: Move it\n\n  Work." in made


def test_what_is_not_known_has_no_heading() -> None:
    made = markdown.render([postmortem(replace(FINDING, why="", pods=(), resources=(), fixes=()))])
    assert re.findall(r"^## (.*)$", made, re.MULTILINE) == ["What happens"]


def test_markup_in_texts_is_text() -> None:
    hostile = "# head\n- list\n1. one\n<img src=x> [a](http://b) `code` *b* _i_ a_b|c"
    made = text(TextLines(hostile))
    assert made.split("\n")[:3] == ["\\# head", "\\- list", "1\\. one"]
    assert "\\<img src=x\\>" in made
    assert "\\[a\\](http://b)" in made
    assert "a_b\\|c" in made


def test_commands_of_a_text_are_code_to_copy() -> None:
    assert text(TextLines("Do:\n  a *b*\n  c | d\nThen *e*.")) == "Do:\n\n```sh\na *b*\nc | d\n```\n\nThen \\*e\\*."
    assert text("Do:\n  a") == "Do:\\\\x0a  a"


def test_code_holds_any_name() -> None:
    assert code("a`b") == "`` a`b ``"
    assert code("a\nb\x1b") == "`a\\x0ab\\x1b`"
    assert fenced(TextLines("```\nx")) == "````\n```\nx\n````"
    assert fenced("```\nx") == "````\n```\\x0ax\n````"
