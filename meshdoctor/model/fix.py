"""A fix while it is previewed and applied: the objects it changes, its impact and its verification.

A `Change` is one object before and after; the `Impact` is predicted from the changed objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.verdict import Severity, Verdict

ChangeAction = Literal["create", "update", "delete"]


def _action(before: object, after: object) -> ChangeAction:
    """State of an object or file, where it is None before or after."""
    if before is None:
        return "create"
    return "delete" if after is None else "update"


class Change(Struct, frozen=True, kw_only=True):
    """One object before and after a change, without status and server-set metadata."""

    key: ObjectRef
    before: dict[str, Any] | None = None
    """None: it is created."""
    after: dict[str, Any] | None = None
    """None: it is deleted."""

    @property
    def action(self) -> ChangeAction:
        """What is done to the object."""
        return _action(self.before, self.after)


class ClaimChange(Struct, frozen=True):
    """A host and port for which proxies get or lose configuration."""

    move: Literal["enters", "leaves"]
    host: str
    port: int
    bind: str
    """What is matched, in words: `0.0.0.0, any address`, `198.51.100.20`, `0.0.0.0, server name db.example` ..."""
    pods: tuple[str, ...]


class PredictedChange(Struct, frozen=True):
    """A connection whose verdict is predicted to change: one host and port, with the pods that share it."""

    host: str
    port: int
    pods: tuple[str, ...]
    before: str
    """A verdict of `trace`, with the host that is reached instead where it is another."""
    after: str
    is_worse: bool
    because: str


class Regression(Struct, frozen=True):
    """A new finding of a rule about the changed objects."""

    rule: str
    host: str
    port: int
    pods: tuple[str, ...]
    because: str


class Ownership(Struct, frozen=True):
    """The object that a host and port belongs to in some sidecars."""

    host: str
    port: int
    where: str
    """`host db.example` where it is about its cluster, else where it is matched, in words."""
    owner: str
    """`ServiceEntry shop/db`."""
    pods: tuple[str, ...]


class OwnershipChange(Struct, frozen=True):
    """A host and port that belongs to another object than before."""

    host: str
    port: int
    before: str
    """`ServiceEntry shop/db`."""
    after: str
    """The same after the change, or `nobody`."""
    pods: tuple[str, ...]


class Impact(Struct, frozen=True, kw_only=True):
    """Impact of a fix, predicted from the objects before anything is changed."""

    pods: tuple[str, ...] = ()
    """Every pod whose sidecar receives one of the changed objects, before or after."""
    claims: tuple[ClaimChange, ...] = ()
    connections: tuple[PredictedChange, ...] = ()
    regressions: tuple[Regression, ...] = ()
    managed: tuple[str, ...] = ()
    """Changed objects that Helm, Argo CD, Flux or an operator manages, each a sentence: they are not changed here."""
    unknown: tuple[str, ...] = ()
    """What could not be predicted and why, each a sentence. Never empty where evidence is missing."""
    not_restored: tuple[OwnershipChange, ...] = ()
    """What an undo would not restore: an object that was deleted is created again, and is the newest."""


class FindingSummary(Struct, frozen=True):
    """The parts of a finding that a comparison needs."""

    rule: str
    host: str
    port: int
    severity: Severity
    message: str


class Baseline(Struct, frozen=True, kw_only=True):
    """The results at one time, which a verification compares."""

    at: str = ""
    """When its evidence was read, RFC 3339; empty where that is not known."""
    findings: dict[str, FindingSummary] = {}
    """By fingerprint."""
    verdicts: dict[str, dict[str, Verdict]] = {}
    """`host:port` to pod to verdict."""
    proxies: tuple[str, ...] = ()
    """Pods whose sidecar was checked."""
    workloads: dict[str, str] = {}
    """Workloads of these pods, `Deployment shop/web`, as far as known."""
    rules: tuple[str, ...] = ()
    """Rules that had evidence for some pod."""
    gaps: dict[str, tuple[str, ...]] = {}
    """Rule to pods for which its evidence was missing."""
    gateways: tuple[str, ...] = ()
    """Gateways that lacked what a rule needs."""


class ConnectionChange(Struct, frozen=True):
    """A connection whose verdict has changed."""

    pod: str
    host: str
    before: Verdict
    after: Verdict


class Verification(Struct, frozen=True, kw_only=True):
    """Comparison of before and after, by the same rules, on dumps that were read again."""

    is_gone: bool
    """The finding is gone."""
    new_findings: tuple[FindingSummary, ...] = ()
    """New findings, except of severity info."""
    regressions: tuple[ConnectionChange, ...] = ()
    improvements: tuple[ConnectionChange, ...] = ()
    unread: tuple[str, ...] = ()
    """Pods that were checked before and could not be checked again."""
    still_failing: tuple[ConnectionChange, ...] = ()
    """Connections of an error that still fail although it is gone, for another reason."""
    predicted: tuple[ConnectionChange, ...] = ()
    """Connections that are worse, as predicted."""
    predicted_findings: tuple[FindingSummary, ...] = ()
    """Findings that are new, as predicted."""
    first_seen: tuple[FindingSummary, ...] = ()
    """Findings about hosts on which no pod was known to depend before: whether they worked is not known."""
    before_at: str = ""
    """When the evidence of before was read, RFC 3339; empty where that is not known."""
    after_at: str = ""

    @property
    def is_worse(self) -> bool:
        """Something got worse that was not predicted."""
        return bool(self.new_findings or self.regressions)

    @property
    def holds(self) -> bool:
        """The finding is gone, nothing is worse that was not predicted, and every sidecar was checked again."""
        return self.is_gone and not (self.is_worse or self.still_failing or self.unread)


class FileEdit(Struct, frozen=True, kw_only=True):
    """One file before and after a change. Encodes to JSON for the journal."""

    path: str
    """Its path with symbolic links resolved, so that a link stays a link."""
    shown: str
    """Its path as the user gave it."""
    before: bytes | None
    """None: it is created."""
    after: bytes | None
    """None: it is removed."""
    before_sha256: str = ""
    """SHA-256 of the content, in hex; empty where there is no file."""
    after_sha256: str = ""

    @property
    def action(self) -> ChangeAction:
        """What is done to the file."""
        return _action(self.before, self.after)


FixState = Literal["planned", "applied", "written", "verified", "unverified", "failed", "undone"]
"""`applied` waits for its verification, perhaps until a person has done the manual steps; `written` is for files, which
cannot be verified."""


class Acceptance(Struct, frozen=True, kw_only=True):
    """Whether the proxies accepted a change."""

    accepted: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    """Pods that did not receive the new configuration in time."""
    rejected: tuple[str, ...] = ()
    """Pods whose Envoy rejected it: they run the old configuration."""
    unread: dict[str, str] = {}
    """Pods whose sidecars could not be read, and why."""


class WrittenChange(Struct, frozen=True, kw_only=True):
    """One change, with uid and version after the write: both are empty where it may not have been written."""

    change: Change
    uid: str = ""
    version: str = ""


class FixTarget(Struct, frozen=True, kw_only=True):
    """Where a fix was applied: a cluster, or files."""

    server: str = ""
    cluster: str = ""
    """The uid of namespace kube-system, which identifies the cluster; empty where it may not be read."""
    context: str = ""
    folder: str = ""
    namespaces: tuple[str, ...] = ()
    """Namespaces of the pods that were checked; empty: all."""
    labels: str = ""


class JournalEntry(Struct, frozen=True, kw_only=True):
    """One fix in the journal: written before the first change, with all that is needed to resume or undo it."""

    id: int
    state: FixState
    at: str
    """When it was planned, RFC 3339 in UTC."""
    place: FixTarget
    fingerprint: str
    rule: str
    subject: str
    """`db.example:3306`."""
    fix: str
    title: str
    pods: tuple[str, ...] = ()
    """Pods of the finding."""
    affected: tuple[str, ...] = ()
    """Pods whose sidecars have to accept it."""
    connections: tuple[PredictedChange, ...] = ()
    """What was predicted to get worse."""
    regressions: tuple[Regression, ...] = ()
    """Findings that were predicted to be new."""
    written: tuple[WrittenChange, ...] = ()
    files: tuple[FileEdit, ...] = ()
    """The files that the fix writes, with their old content as a backup."""
    ownership: tuple[Ownership, ...] = ()
    """Owners before the fix, where it deletes entries, which an undo creates again."""
    not_restored: tuple[OwnershipChange, ...] = ()
    """What an undo was predicted not to restore."""
    before: Baseline = Baseline()
    manual_steps: str = ""
    """Manual steps before it works, such as restarting the pods; empty where there are none."""
    note: str = ""
    """How it ended, in words."""
    schema: int = 1

    @property
    def has_ended(self) -> bool:
        """It is undone, or was never applied: there is nothing to undo."""
        return self.state in ("undone", "failed")

    @property
    def is_open(self) -> bool:
        """It is not finished: it waits for manual steps, was interrupted, or its process still runs."""
        return self.state in ("planned", "applied")

    @property
    def awaits_person(self) -> bool:
        """It is applied, and manual steps remain before it can be verified."""
        return self.state == "applied" and bool(self.manual_steps)

    @property
    def was_interrupted(self) -> bool:
        """It is not finished and waits for no manual step: it was interrupted, or its process still runs."""
        return self.is_open and not self.awaits_person


class FixEvent(Struct, frozen=True):
    """Progress of a fix, to be shown."""

    step: Literal[
        "begun", "tried", "warning", "journaled", "written", "applied", "waiting", "checking", "checked", "rolled back"
    ]
    text: str = ""
    done: int = 0
    of: int = 0
    number: int = 0
    """The fix's number in the journal, once it is journaled."""


FixListener = Callable[[FixEvent], None]


class FixResult(Struct, frozen=True, kw_only=True):
    """How a fix, or its undo, ended."""

    entry: JournalEntry
    wrote: bool = True
    """False: the cluster already had the change, and nothing was written."""
    acceptance: Acceptance = Acceptance()
    verification: Verification | None = None
    """None: it could not be verified, for the reason in the entry's note."""
    ownership_changes: tuple[OwnershipChange, ...] = ()
    """After an undo: hosts and ports that belong to another object than before the fix."""

    @property
    def is_as_before(self) -> bool:
        """For an undo that was checked: everything that was checked is as before the fix."""
        verification = self.verification
        return verification is not None and not (
            verification.regressions or verification.improvements or verification.new_findings or self.ownership_changes
        )

    @property
    def unevaluated(self) -> tuple[str, ...]:
        """Affected pods beside those of the finding whose sidecars were not seen to accept the change."""
        named = {*self.entry.pods, *(self.verification.unread if self.verification is not None else ())}
        return tuple(sorted({*self.acceptance.pending, *self.acceptance.unread} - named))
