"""Every golden file and how it is made. Write them anew with `python -m tests.golden.outputs`, then read the diff."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.fix import Change, FixResult, Impact
from meshdoctor.report import fix_json, json_v1, text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.text.shell import command
from meshdoctor.view import check, fix, hosts, journal, trace, verification
from tests.golden import fixes, results

FILES = Path(__file__).parent / "files"
_PIPE = TextWriter()
_TERMINAL = TextWriter(width=100, colour=True)
_ASCII = TextWriter(symbols=False)
_RULES = frozenset({"tcp-port-clash", "incomplete-address-list"})
_NEXT = [
    (command("meshdoctor", "fix", "00010001", "--fix", "use-tls", "--apply"), "apply it to the cluster and verify it"),
    (
        command("meshdoctor", "fix", "00010001", "--fix", "use-tls", "--export", "DIR"),
        "write manifests, an overlay and kubectl commands",
    ),
]
_FIRSTS = {finding.fingerprint: finding.fixes[-1] for finding in results.SICK.findings if finding.fixes}
_SOURCE = " --from prod-eu.tar.gz -n shop"
_FILES = ("kustomization.yaml", "patches/github.yaml", "patches/github-copy.yaml", "undo/github-copy.yaml")
_NOTES = ("undo/github.yaml is not written: ServiceEntry bookinfo/github contains text that was redacted.",)
_REVIEWED = (fixes.TWICE, fixes.MERGE, fixes.diffs(fixes.CHANGED, fixes.DELETED), fixes.LARGE)
_HOSTILE = (fixes.ODD, fixes.ODD.fixes[0], fixes.diffs(fixes.OF_NOBODY), fixes.HOSTILE_IMPACT)

Preview = tuple[Finding, Fix, list[tuple[Change, str]], Impact]


def preview(of: Preview, writer: TextWriter) -> str:
    """`fix FINDING` as text."""
    finding, chosen, diffs, impact = of
    return text.render(fix.preview(finding, chosen, [diff for _, diff in diffs], impact, _NEXT), writer)


def result(made: FixResult, writer: TextWriter, cluster: str = "") -> str:
    """`fix FINDING --apply` as text."""
    return text.render([*verification.result(made), *journal.then(made.entry, cluster)], writer)


OUTPUTS: dict[str, Callable[[], str | bytes]] = {
    "check-sick.txt": lambda: text.render(check.report(results.SICK, source=" --from x"), _PIPE),
    "check-sick-verbose.txt": lambda: text.render(check.report(results.SICK, verbose=True, source=" --from x"), _PIPE),
    "check-sick-terminal.txt": lambda: text.render(check.report(results.SICK), _TERMINAL),
    "check-sick-ascii.txt": lambda: text.render(check.report(results.SICK), _ASCII),
    "check-healthy.txt": lambda: text.render(check.report(results.HEALTHY), _PIPE),
    "check-blind.txt": lambda: text.render(check.report(results.BLIND), _PIPE),
    "check-sick.json": lambda: json_v1.check(results.SICK),
    "check-healthy.json": lambda: json_v1.check(results.HEALTHY),
    "check-blind.json": lambda: json_v1.check(results.BLIND),
    "trace-misrouted.txt": lambda: text.render(trace.report(results.MISROUTED, rules=_RULES), _PIPE),
    "trace-misrouted-terminal.txt": lambda: text.render(trace.report(results.MISROUTED, rules=_RULES), _TERMINAL),
    "trace-several.txt": lambda: text.render(trace.report(results.SEVERAL, rules=_RULES), _PIPE),
    "trace-unknown.txt": lambda: text.render(trace.report(results.HUNG, rules=_RULES), _PIPE),
    "trace-delivered.txt": lambda: text.render(trace.report(results.DELIVERED, rules=_RULES), _PIPE),
    "trace-misrouted.json": lambda: json_v1.trace(results.MISROUTED),
    "trace-several.json": lambda: json_v1.trace(results.SEVERAL),
    "trace-unknown.json": lambda: json_v1.trace(results.HUNG),
    "hosts.txt": lambda: text.render(hosts.report(results.HOSTS), _PIPE),
    "hosts-ascii.txt": lambda: text.render(hosts.report(results.HOSTS), _ASCII),
    "hosts-none.txt": lambda: text.render(hosts.report(results.NO_HOSTS), _PIPE),
    "hosts.json": lambda: json_v1.hosts(results.HOSTS_OF_FEW),
    "fix-findings.txt": lambda: text.render(
        fix.findings(results.SICK, _FIRSTS, " --from prod-eu.tar.gz -n shop"), _PIPE
    ),
    "fix-findings-without-fixes.txt": lambda: text.render(fix.findings(fixes.SICK_FOR_GOOD, {}), _PIPE),
    "fix-findings-none.txt": lambda: text.render(fix.findings(results.HEALTHY, {}), _PIPE),
    "fix-findings-blind.txt": lambda: text.render(fix.findings(results.BLIND, {}), _PIPE),
    "fix-preview-safe.txt": lambda: preview(
        (fixes.MISSING, fixes.SAFE, fixes.diffs(fixes.CREATED), fixes.SMALL), _PIPE
    ),
    "fix-preview-review.txt": lambda: preview(_REVIEWED, _PIPE),
    "fix-preview-review-terminal.txt": lambda: preview(_REVIEWED, _TERMINAL),
    "fix-preview-review-ascii.txt": lambda: preview(_REVIEWED, _ASCII),
    "fix-preview-by-hand.txt": lambda: text.render(fix.preview(results.CLASH, results.MANUAL, [], None), _PIPE),
    "fix-preview-hostile.txt": lambda: preview(_HOSTILE, _PIPE),
    "fix-export.txt": lambda: text.render(fix.exported(fixes.MERGE, "fixes", _FILES, fixes.LINES, _NOTES), _PIPE),
    "fix-export-again.txt": lambda: text.render(fix.exported(fixes.SAFE, "fixes", (), fixes.LINES[1:], ()), _PIPE),
    "fix-result-verified.txt": lambda: result(fixes.VERIFIED, _PIPE, " --context prod-eu"),
    "fix-result-verified-terminal.txt": lambda: result(fixes.VERIFIED, _TERMINAL),
    "fix-result-still-there.txt": lambda: result(fixes.STILL_THERE, _PIPE),
    "fix-result-scoped.txt": lambda: result(fixes.SCOPED, _PIPE),
    "fix-result-worse.txt": lambda: result(fixes.WORSE, _PIPE),
    "fix-result-as-predicted.txt": lambda: result(fixes.AS_PREDICTED, _PIPE),
    "fix-result-unfinished.txt": lambda: result(fixes.UNFINISHED, _PIPE, " --context prod-eu"),
    "fix-result-unjudged.txt": lambda: result(fixes.UNJUDGED, _PIPE),
    "fix-result-hostile.txt": lambda: result(fixes.HOSTILE_RESULT, _PIPE),
    "fix-written.txt": lambda: text.render([*journal.written(fixes.WRITTEN), *journal.then(fixes.WRITTEN)], _PIPE),
    "fix-undo.txt": lambda: text.render(verification.undone(fixes.UNDONE), _PIPE),
    "fix-undo-otherwise.txt": lambda: text.render(verification.undone(fixes.UNDONE_OTHERWISE), _PIPE),
    "fix-undo-unjudged.txt": lambda: text.render(verification.undone(fixes.UNDONE_UNJUDGED), _PIPE),
    "fix-undo-files.txt": lambda: text.render(verification.undone(fixes.UNDONE_FILES), _PIPE),
    "fix-history.txt": lambda: text.render(journal.history(fixes.HISTORY), _PIPE),
    "fix-history-ascii.txt": lambda: text.render(journal.history(fixes.HISTORY), _ASCII),
    "fix-history-none.txt": lambda: text.render(journal.history([]), _PIPE),
    "fix-findings.json": lambda: fix_json.findings(fixes.FEW),
    "fix-preview-review.json": lambda: fix_json.preview(*_REVIEWED),
    "fix-preview-by-hand.json": lambda: fix_json.preview(results.CLASH, results.MANUAL, [], Impact()),
    "fix-preview-hostile.json": lambda: fix_json.preview(*_HOSTILE),
    "fix-export.json": lambda: fix_json.export(fixes.TWICE, fixes.MERGE, "fixes", _FILES, fixes.LINES, _NOTES),
    "fix-result-still-there.json": lambda: fix_json.result(fixes.STILL_THERE),
    "fix-result-as-predicted.json": lambda: fix_json.result(fixes.AS_PREDICTED),
    "fix-result-unjudged.json": lambda: fix_json.result(fixes.UNJUDGED),
    "fix-result-files.json": lambda: fix_json.result(FixResult(entry=fixes.WRITTEN)),
    "fix-undo-otherwise.json": lambda: fix_json.undo(fixes.UNDONE_OTHERWISE),
    "fix-undo-unjudged.json": lambda: fix_json.undo(fixes.UNDONE_UNJUDGED),
    "fix-history.json": lambda: fix_json.history(fixes.HISTORY),
}


def made(name: str) -> bytes:
    """The output as it is now."""
    output = OUTPUTS[name]()
    return output if isinstance(output, bytes) else output.encode()


def write() -> None:
    """Write all golden files, and remove those that nothing makes any more."""
    FILES.mkdir(exist_ok=True)
    for stale in set(path.name for path in FILES.iterdir()) - set(OUTPUTS):
        (FILES / stale).unlink()
    for name in OUTPUTS:
        (FILES / name).write_bytes(made(name))


if __name__ == "__main__":
    write()
