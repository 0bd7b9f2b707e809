"""How a fix or its undo ended: what the sidecars did, what works now and what does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from meshdoctor.model.fix import ConnectionChange, FindingSummary, FixResult, FixTarget, OwnershipChange, Verification
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.phrases import count, some
from meshdoctor.text.printable import TextLines
from meshdoctor.text.times import apart, seconds_apart
from meshdoctor.view.blocks import Block, Icon, Labelled, Marked, Paragraph, names, of_pods

_PODS = 3
_SHOWN = 12
_OLD = 600
"""Seconds from which the age of the evidence before the fix is shown."""


def result(made: FixResult) -> Iterator[Block]:
    """How a fix ended."""
    entry, verification = made.entry, made.verification
    is_verified = verification is not None and verification.holds
    how = " and verified" if is_verified else ", manual steps remain" if entry.awaits_person else ", not verified"
    yield Marked("fine" if is_verified else "warning", f"fix {entry.id} is applied{how}: {entry.title}", tone="strong")
    yield from _acceptance(made)
    if verification is not None:
        yield from _verification(made, verification)
    elif entry.awaits_person:
        yield Marked("unknown", "it can be verified once the manual steps are done")
    else:
        yield Marked("unknown", entry.note or "the mesh was not checked again")
        yield Paragraph("Check again to see the state now.")
    if entry.manual_steps:
        yield Labelled("manual steps", TextLines(entry.manual_steps))


def undone(made: FixResult) -> Iterator[Block]:
    """How an undo ended."""
    entry, verification, head = made.entry, made.verification, f"fix {made.entry.id} is undone"
    yield from _acceptance(made)
    if entry.files:
        yield Marked("fine", f"{head}; as before the fix: {some([edit.shown for edit in entry.files], None)}")
    elif not made.wrote:
        yield Marked("fine", f"fix {entry.id} was never applied: there was nothing to undo")
    elif verification is None:
        yield Marked("unknown", f"{head}; the mesh was not checked again")
    elif made.is_as_before:
        same = f"every verdict{_scope(entry.place)} is as before the fix{_left_out(made)}"
        yield Marked(_certainty(made), f"{head}: {same}")
    else:
        yield Marked("warning", f"{head}, but not everything is as before the fix", tone="strong")
        differing = (*verification.regressions, *verification.improvements)
        yield from _connections("warning", "differs: ", differing)
        yield from _findings("new finding", verification.new_findings)
        for text in ownership_changes(made.ownership_changes, has_happened=True):
            yield Marked("warning", text)
    if verification is not None:
        if verification.unread:
            yield Marked("unknown", f"deleted, or not checked again: {some(verification.unread, _PODS)}")
        yield from _age(verification)


def in_short(made: FixResult) -> str:
    """That a fix is verified, in a sentence for the journal."""
    return f"the finding is gone and there is no regression{_scope(made.entry.place)}{_left_out(made)}"


def ownership_changes(found: Iterable[OwnershipChange], *, has_happened: bool = False) -> Iterator[str]:
    """A sentence for each host and port that an undo does not restore; `has_happened`: it was undone."""
    for one in found:
        where, pods = host_port(one.host, one.port), some(one.pods, _PODS)
        moved = f"{where} went" if has_happened else f"an undo would give {where}"
        because = "an undo creates deleted objects again, and the oldest object comes first"
        yield f"{moved} to {one.after}, not back to {one.before} ({pods}): {because}"


def _acceptance(made: FixResult) -> Iterator[Block]:
    acceptance = made.acceptance
    if acceptance.accepted:
        yield Marked("fine", f"accepted by {count(len(acceptance.accepted), 'sidecar')}")
    if acceptance.rejected:
        yield Marked("error", f"rejected by {some(acceptance.rejected, _PODS)}: they run the old configuration")
    if acceptance.pending:
        yield Marked("unknown", f"pending: no new configuration was seen in {some(acceptance.pending, _PODS)}")
    for pod, because in list(acceptance.unread.items())[:_PODS]:
        yield Marked("unknown", f"{pod} could not be read: {because}")
    yield from more(len(acceptance.unread), "pod", _PODS)


def _verification(made: FixResult, verification: Verification) -> Iterator[Block]:
    subject = made.entry.subject
    if verification.is_gone:
        yield Marked("fine", f"{subject}: the finding is gone")
    else:
        later = (
            (Paragraph("A sidecar may accept the change later: check again then."),) if made.acceptance.pending else ()
        )
        yield Marked("error", f"{subject}: the finding is still there", later)
    yield from _connections("error", "still failing: ", verification.still_failing)
    yield from _connections("fine", "", verification.improvements)
    yield from _connections("error", "regression: ", verification.regressions)
    yield from _findings("new finding", verification.new_findings)
    yield from _connections("warning", "as predicted: ", verification.predicted)
    yield from _findings("as predicted", verification.predicted_findings, "warning")
    if verification.first_seen:
        hosts = [host_port(one.host, one.port or None) for one in verification.first_seen]
        yield Marked("unknown", f"first used after the fix, so not known to work before: {some(hosts, _PODS)}")
    if verification.unread:
        yield Marked("unknown", f"not checked again: {some(verification.unread, _PODS)}")
    if verification.is_worse:
        yield Marked("error", "there is a regression that was not predicted")
    elif not verification.unread:
        predicted = " but what was predicted" if verification.predicted or verification.predicted_findings else ""
        yield Marked(_certainty(made), f"no regression{_scope(made.entry.place)}{predicted}{_left_out(made)}")
    yield from _age(verification)


def _connections(icon: Icon, word: str, changes: Sequence[ConnectionChange]) -> Iterator[Block]:
    """Verdicts before and after, those alike in one."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        grouped.setdefault((change.host, change.before, change.after), []).append(change.pod)
    for (host, before, after), pods in list(grouped.items())[:_SHOWN]:
        turned = after if before == after else f"{before} -> {after}"
        yield Marked(icon, f"{word}{host}: {turned}", (names(of_pods(pods), tuple(pods), _PODS),))
    yield from more(len(grouped), "connection", _SHOWN)


def _findings(word: str, found: Sequence[FindingSummary], icon: Icon | None = None) -> Iterator[Block]:
    for one in found[:_SHOWN]:
        where = f"{host_port(one.host, one.port or None)} [{one.rule}]" if one.host else one.rule
        severity: Icon = icon or one.severity.value
        yield Marked(severity, f"{word}: {where}", (Paragraph(one.message),))
    yield from more(len(found), "finding", _SHOWN)


def more(total: int, noun: str, shown: int) -> Iterator[Block]:
    """How many are not shown, if any."""
    if total > shown:
        yield Marked("step", f"and {count(total - shown, f'more {noun}')}")


def _certainty(made: FixResult) -> Icon:
    return "unknown" if made.unevaluated else "fine"


def _left_out(made: FixResult) -> str:
    """Which pods were not checked, and which were not seen to accept the change; empty where there are none."""
    place = made.entry.place
    others = "; other pods were not checked" if place.namespaces or place.labels else ""
    unseen = made.unevaluated
    return others + (f"; not evaluated, as they were not seen to accept it: {some(unseen, _PODS)}" if unseen else "")


def _scope(place: FixTarget) -> str:
    """Which pods were checked, ` in namespace shop`; empty for all."""
    words = ""
    if place.namespaces:
        words = f" in namespace{'s' * (len(place.namespaces) > 1)} {' and '.join(place.namespaces)}"
    return words + (f" for pods with labels {place.labels}" if place.labels else "")


def _age(verification: Verification) -> Iterator[Block]:
    """The time of the evidence before the fix, where that is long ago."""
    seconds = seconds_apart(verification.before_at, verification.after_at)
    if seconds is not None and seconds >= _OLD:
        ago = apart(verification.before_at, verification.after_at)
        text = (
            f"compared with evidence of {verification.before_at}, {ago} before: other changes since then are included"
        )
        yield Marked("unknown", text)
