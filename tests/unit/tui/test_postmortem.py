"""What is exported to be handed on holds no secret that lies beside what it is about."""

from __future__ import annotations

import re
from pathlib import Path

from meshdoctor.doctor import Source, diagnose, open_case
from meshdoctor.fixes.files.file_edits import file_edit
from meshdoctor.model.finding import Finding
from meshdoctor.model.fix import Change, FixTarget, JournalEntry, WrittenChange
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.tui.state.postmortem_file import postmortem, write_postmortem

SECRET = "aHVudGVyMi1odW50ZXIy"
HEADER = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzYW0ifQ.c2lnbmF0dXJlLW9mLXNhbQ"


def found() -> Finding:
    return diagnose(open_case(Source(snapshot="tcp-port-clash"))).findings[0]


def done(finding: Finding, *, protocol: str) -> JournalEntry:
    """A fix of the user's manifests, in a file that holds a Secret as well."""

    def file(said: str) -> bytes:
        entry = f"kind: ServiceEntry\nspec:\n  ports:\n  - number: 1\n    protocol: {said}\n"
        return f"{entry}---\ndata:\n  blob: {SECRET}\nkind: Secret\n".encode()

    def body(said: str) -> dict[str, object]:
        route = {"headers": {"request": {"set": {"authorization": HEADER}}}, "protocol": said}
        return {"apiVersion": "v1", "kind": "VirtualService", "metadata": {"name": "a"}, "spec": {"http": [route]}}

    key = ObjectRef("VirtualService", "shop", "a", api_version="networking.istio.io/v1")
    return JournalEntry(
        id=1,
        state="written",
        at="2026-11-21T10:00:00Z",
        place=FixTarget(folder="/mine"),
        fingerprint=finding.fingerprint,
        rule=finding.rule,
        subject="",
        fix="",
        title="Fix it",
        files=(file_edit("/mine/a.yaml", "a.yaml", file("TCP"), file(protocol)),),
        written=(WrittenChange(change=Change(key=key, before=body("TCP"), after=body(protocol))),),
    )


def test_an_export_is_for_the_user_alone_and_never_over_another(tmp_path: Path) -> None:
    finding = found()
    written = [write_postmortem([finding], text, tmp_path) for text in ("one", "two")]
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["one", "two"]
    assert {oct(path.stat().st_mode & 0o777) for path in written} == {"0o600"}


def test_an_export_says_what_changed_and_no_secret() -> None:
    finding = found()
    entry = done(finding, protocol="TLS")
    text = postmortem(finding, None, None, (), (entry,), ())
    assert re.search(r"^\+.*protocol: TLS", text, re.MULTILINE)
    assert SECRET not in text
    assert HEADER not in text
    before = entry.written[0].change.before or {}
    assert before["spec"]["http"][0]["headers"]["request"]["set"]["authorization"] == HEADER
