"""Every golden file and how it is made. Write them anew with `python -m tests.golden.outputs`, then read the diff."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from meshdoctor.model.fix import FixResult, Impact
from meshdoctor.report import check_text, fix_json, fix_text, hosts_text, json_v1, trace_text
from meshdoctor.report.text_writer import TextWriter
from tests.golden import fixes, results

FILES = Path(__file__).parent / "files"
_PIPE = TextWriter()
_TERMINAL = TextWriter(width=100, colour=True)
_ASCII = TextWriter(symbols=False)
_RULES = frozenset({"tcp-port-clash", "incomplete-address-list"})
_NEXT = [
    ("meshdoctor fix 00010001 --fix use-tls --apply", "applies it to the cluster and verifies it"),
    ("meshdoctor fix 00010001 --fix use-tls --export DIR", "writes manifests, an overlay, kubectl lines"),
]
_FIRSTS = {finding.fingerprint: finding.fixes[-1] for finding in results.SICK.findings if finding.fixes}
_FILES = ("kustomization.yaml", "patches/github.yaml", "patches/github-copy.yaml", "undo/github-copy.yaml")
_NOTES = ("undo/github.yaml is not written: ServiceEntry bookinfo/github holds a secret that was redacted.",)
_REVIEWED = (fixes.TWICE, fixes.MERGE, fixes.diffs(fixes.CHANGED, fixes.DELETED), fixes.LARGE)
_HOSTILE = (fixes.ODD, fixes.ODD.fixes[0], fixes.diffs(fixes.OF_NOBODY), fixes.HOSTILE_IMPACT)

OUTPUTS: dict[str, Callable[[], str | bytes]] = {
    "check-sick.txt": lambda: check_text.render(results.SICK, _PIPE),
    "check-sick-verbose.txt": lambda: check_text.render(results.SICK, _PIPE, verbose=True),
    "check-sick-terminal.txt": lambda: check_text.render(results.SICK, _TERMINAL),
    "check-sick-ascii.txt": lambda: check_text.render(results.SICK, _ASCII),
    "check-healthy.txt": lambda: check_text.render(results.HEALTHY, _PIPE),
    "check-blind.txt": lambda: check_text.render(results.BLIND, _PIPE),
    "check-sick.json": lambda: json_v1.check(results.SICK),
    "check-healthy.json": lambda: json_v1.check(results.HEALTHY),
    "check-blind.json": lambda: json_v1.check(results.BLIND),
    "trace-misrouted.txt": lambda: trace_text.render(results.MISROUTED, _PIPE, rules=_RULES),
    "trace-misrouted-terminal.txt": lambda: trace_text.render(results.MISROUTED, _TERMINAL, rules=_RULES),
    "trace-several.txt": lambda: trace_text.render(results.SEVERAL, _PIPE, rules=_RULES),
    "trace-unknown.txt": lambda: trace_text.render(results.HUNG, _PIPE, rules=_RULES),
    "trace-delivered.txt": lambda: trace_text.render(results.DELIVERED, _PIPE, rules=_RULES),
    "trace-misrouted.json": lambda: json_v1.trace(results.MISROUTED),
    "trace-several.json": lambda: json_v1.trace(results.SEVERAL),
    "trace-unknown.json": lambda: json_v1.trace(results.HUNG),
    "hosts.txt": lambda: hosts_text.render(results.HOSTS, _PIPE),
    "hosts-ascii.txt": lambda: hosts_text.render(results.HOSTS, _ASCII),
    "hosts-none.txt": lambda: hosts_text.render(results.NO_HOSTS, _PIPE),
    "hosts.json": lambda: json_v1.hosts(results.HOSTS_OF_FEW),
    "fix-findings.txt": lambda: fix_text.findings(results.SICK, _FIRSTS, _PIPE, " --from prod-eu.tar.gz -n shop"),
    "fix-findings-without-fixes.txt": lambda: fix_text.findings(fixes.SICK_FOR_GOOD, {}, _PIPE),
    "fix-findings-none.txt": lambda: fix_text.findings(results.HEALTHY, {}, _PIPE),
    "fix-findings-blind.txt": lambda: fix_text.findings(results.BLIND, {}, _PIPE),
    "fix-preview-safe.txt": lambda: fix_text.preview(
        fixes.MISSING, fixes.SAFE, fixes.diffs(fixes.CREATED), fixes.SMALL, _PIPE, _NEXT
    ),
    "fix-preview-review.txt": lambda: fix_text.preview(*_REVIEWED, _PIPE, _NEXT),
    "fix-preview-review-terminal.txt": lambda: fix_text.preview(*_REVIEWED, _TERMINAL, _NEXT),
    "fix-preview-review-ascii.txt": lambda: fix_text.preview(*_REVIEWED, _ASCII, _NEXT),
    "fix-preview-by-hand.txt": lambda: fix_text.preview(results.CLASH, results.MANUAL, [], Impact(), _PIPE),
    "fix-preview-hostile.txt": lambda: fix_text.preview(*_HOSTILE, _PIPE, _NEXT),
    "fix-export.txt": lambda: fix_text.exported(fixes.MERGE, "fixes", _FILES, fixes.LINES, _NOTES, _PIPE),
    "fix-export-again.txt": lambda: fix_text.exported(fixes.SAFE, "fixes", (), fixes.LINES[1:], (), _PIPE),
    "fix-result-verified.txt": lambda: fix_text.result(fixes.VERIFIED, _PIPE, " --context prod-eu"),
    "fix-result-verified-terminal.txt": lambda: fix_text.result(fixes.VERIFIED, _TERMINAL),
    "fix-result-still-there.txt": lambda: fix_text.result(fixes.STILL_THERE, _PIPE),
    "fix-result-scoped.txt": lambda: fix_text.result(fixes.SCOPED, _PIPE),
    "fix-result-worse.txt": lambda: fix_text.result(fixes.WORSE, _PIPE),
    "fix-result-as-predicted.txt": lambda: fix_text.result(fixes.AS_PREDICTED, _PIPE),
    "fix-result-unfinished.txt": lambda: fix_text.result(fixes.UNFINISHED, _PIPE, " --context prod-eu"),
    "fix-result-unjudged.txt": lambda: fix_text.result(fixes.UNJUDGED, _PIPE),
    "fix-result-hostile.txt": lambda: fix_text.result(fixes.HOSTILE_RESULT, _PIPE),
    "fix-written.txt": lambda: fix_text.written(fixes.WRITTEN, _PIPE),
    "fix-undo.txt": lambda: fix_text.undone(fixes.UNDONE, _PIPE),
    "fix-undo-otherwise.txt": lambda: fix_text.undone(fixes.UNDONE_OTHERWISE, _PIPE),
    "fix-undo-unjudged.txt": lambda: fix_text.undone(fixes.UNDONE_UNJUDGED, _PIPE),
    "fix-undo-files.txt": lambda: fix_text.undone(fixes.UNDONE_FILES, _PIPE),
    "fix-history.txt": lambda: fix_text.history(fixes.HISTORY, _PIPE),
    "fix-history-ascii.txt": lambda: fix_text.history(fixes.HISTORY, _ASCII),
    "fix-history-none.txt": lambda: fix_text.history([], _PIPE),
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
