"""A fix on its way: the objects it changes, and whom that touches.

A `Change` is made of a finding's fix and the objects that were read; a `Touched` is what the changed set of objects
would do to every pod, as far as the objects tell it.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.verdict import Severity, Verdict

ChangeAction = Literal["create", "update", "delete"]


def _action(before: object, after: object) -> ChangeAction:
    """Of what is None before or after."""
    if before is None:
        return "create"
    return "delete" if after is None else "update"


class Change(Struct, frozen=True, kw_only=True):
    """One object as it was read and as it is to be, both without status and what the server adds to metadata."""

    key: ObjectRef
    before: dict[str, Any] | None = None
    """None: it is created."""
    after: dict[str, Any] | None = None
    """None: it is deleted."""

    @property
    def action(self) -> ChangeAction:
        """What becomes of the object."""
        return _action(self.before, self.after)


class ClaimChange(Struct, frozen=True):
    """A host and port that enters or leaves what proxies listen for."""

    move: Literal["enters", "leaves"]
    host: str
    port: int
    bind: str
    """Where it is matched, in words: `0.0.0.0, any address`, `198.51.100.20`, `0.0.0.0, server name db.example` ..."""
    pods: tuple[str, ...]


class PredictedChange(Struct, frozen=True):
    """A connection whose outcome the change is expected to turn: one host and port, for pods that share the outcome."""

    host: str
    port: int
    pods: tuple[str, ...]
    before: str
    """A verdict of `trace`, with the owner of the cluster reached where that is another host."""
    after: str
    is_worse: bool
    because: str


class Regression(Struct, frozen=True):
    """A rule that the changed set of objects newly breaks."""

    rule: str
    host: str
    port: int
    pods: tuple[str, ...]
    because: str


class Ownership(Struct, frozen=True):
    """Whose a host and port is in some sidecars."""

    host: str
    port: int
    where: str
    """`host db.example` where it is about its cluster, else where it is matched, in words."""
    owner: str
    """`ServiceEntry shop/db`."""
    pods: tuple[str, ...]


class OwnershipChange(Struct, frozen=True):
    """A host and port that is another object's than it was."""

    host: str
    port: int
    before: str
    """`ServiceEntry shop/db`."""
    after: str
    """The same, or `nobody`."""
    pods: tuple[str, ...]


class Impact(Struct, frozen=True, kw_only=True):
    """Whom a fix touches: predicted from the objects alone, before anything is changed."""

    pods: tuple[str, ...] = ()
    """Every pod whose sidecar gets one of the changed objects, before or after."""
    claims: tuple[ClaimChange, ...] = ()
    connections: tuple[PredictedChange, ...] = ()
    regressions: tuple[Regression, ...] = ()
    managed: tuple[str, ...] = ()
    """Changed objects that Helm, Argo CD, Flux or an operator keeps, each a sentence: they are not changed here."""
    unknown: tuple[str, ...] = ()
    """What could not be predicted and why, each a sentence. Never empty where evidence is missing."""
    not_restored: tuple[OwnershipChange, ...] = ()
    """What an undo would not give back: what is deleted is made anew then, and is the youngest."""

    @property
    def harms(self) -> bool:
        """It breaks a rule anew, or turns a connection for the worse."""
        return bool(self.regressions) or any(effect.is_worse for effect in self.connections)


class FindingSummary(Struct, frozen=True):
    """One finding, as far as a comparison needs it."""

    rule: str
    host: str
    port: int
    severity: Severity
    message: str


class Baseline(Struct, frozen=True, kw_only=True):
    """What was judged at one time: what a verification compares."""

    at: str = ""
    """When its evidence was read, RFC 3339; empty where nobody knows."""
    findings: dict[str, FindingSummary] = {}
    """By fingerprint."""
    verdicts: dict[str, dict[str, Verdict]] = {}
    """`host:port` to pod to verdict."""
    proxies: tuple[str, ...] = ()
    """Pods whose sidecar was judged."""
    workloads: dict[str, str] = {}
    """Those pods' workloads, `Deployment shop/web`, as far as they are known."""
    rules: tuple[str, ...] = ()
    """Rules that had their evidence for some pod."""
    gaps: dict[str, tuple[str, ...]] = {}
    """Rule to pods for which its evidence was missing."""
    gateways: tuple[str, ...] = ()
    """Gateways that lacked what a rule needs."""


class ConnectionChange(Struct, frozen=True):
    """A connection whose verdict is another than before."""

    pod: str
    host: str
    before: Verdict
    after: Verdict


class Verification(Struct, frozen=True, kw_only=True):
    """Before and after, by the same rules over dumps that were fetched again."""

    is_gone: bool
    """The finding is gone."""
    new_findings: tuple[FindingSummary, ...] = ()
    """Findings that were not there before, information left out."""
    regressions: tuple[ConnectionChange, ...] = ()
    improvements: tuple[ConnectionChange, ...] = ()
    unread: tuple[str, ...] = ()
    """Pods that were judged before and could not be judged again."""
    still_failing: tuple[ConnectionChange, ...] = ()
    """Connections of an error that fail as before, although it is gone: something else is in their way."""
    predicted: tuple[ConnectionChange, ...] = ()
    """Connections that are worse as the preview said: whoever applied it took that as its price."""
    predicted_findings: tuple[FindingSummary, ...] = ()
    """The same of findings."""
    first_seen: tuple[FindingSummary, ...] = ()
    """Findings about hosts that nobody was seen to want before: whether they worked then is not known."""
    before_at: str = ""
    """When the evidence of before was read, RFC 3339; empty where nobody knows."""
    after_at: str = ""

    @property
    def is_worse(self) -> bool:
        """Something is broken that was not, and that nobody was told of."""
        return bool(self.new_findings or self.regressions)

    @property
    def holds(self) -> bool:
        """The finding is gone and its connection works, nothing is worse but as predicted, and every sidecar judged
        before was judged again.
        """
        return self.is_gone and not (self.is_worse or self.still_failing or self.unread)


class FileEdit(Struct, frozen=True, kw_only=True):
    """One file as it was read and as it is to be. Encodes to JSON, so that a journal can hold it."""

    path: str
    """Its real place, symbolic links followed: that of a link stays a link."""
    shown: str
    """What the user calls it."""
    before: bytes | None
    """None: it is created."""
    after: bytes | None
    """None: it is removed."""
    before_sha256: str = ""
    """Of the content, in hex; empty where there is no file."""
    after_sha256: str = ""

    @property
    def action(self) -> ChangeAction:
        """What becomes of the file."""
        return _action(self.before, self.after)


FixState = Literal["planned", "applied", "written", "verified", "unverified", "failed", "undone"]
"""`applied` waits for its verification, perhaps until a person has done the manual steps; `written` is for files, which
cannot be verified."""


class Acceptance(Struct, frozen=True, kw_only=True):
    """How the proxies took a change."""

    accepted: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    """No new configuration was seen in time."""
    rejected: tuple[str, ...] = ()
    """Refused the update: they run the old configuration."""
    unread: dict[str, str] = {}
    """Could not be asked, and why."""


class WrittenChange(Struct, frozen=True, kw_only=True):
    """One change and what is known of its writing: both are empty where it is not known to be written."""

    change: Change
    uid: str = ""
    version: str = ""


class FixTarget(Struct, frozen=True, kw_only=True):
    """Where a fix was applied: a cluster, or files."""

    server: str = ""
    cluster: str = ""
    """The uid of its namespace kube-system, which tells clusters apart; empty where it may not be read."""
    context: str = ""
    folder: str = ""
    namespaces: tuple[str, ...] = ()
    """Whose pods were looked at; empty: all."""
    labels: str = ""


class JournalEntry(Struct, frozen=True, kw_only=True):
    """One fix in the journal: written before the first change, enough to go on or to undo after any interruption."""

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
    """Pods whose sidecar is waited for."""
    connections: tuple[PredictedChange, ...] = ()
    """What was predicted to get worse."""
    regressions: tuple[Regression, ...] = ()
    """Rules that were predicted to be broken anew."""
    written: tuple[WrittenChange, ...] = ()
    files: tuple[FileEdit, ...] = ()
    """What a fix of files writes, with what was there: the backup."""
    ownership: tuple[Ownership, ...] = ()
    """Whose it was before, as far as the fix deletes entries: an undo makes them anew."""
    not_restored: tuple[OwnershipChange, ...] = ()
    """What was predicted not to come back with an undo."""
    before: Baseline = Baseline()
    manual_steps: str = ""
    """What a person has to do before it works, as restarting the pods; empty where nothing is."""
    note: str = ""
    """How it ended, in words."""
    schema: int = 1

    @property
    def has_ended(self) -> bool:
        """It is taken back, or was never applied: there is nothing to undo."""
        return self.state in ("undone", "failed")

    @property
    def is_open(self) -> bool:
        """It was not brought to its end: it waits for a person, or was interrupted unless its process still runs."""
        return self.state in ("planned", "applied")

    @property
    def awaits_person(self) -> bool:
        """It is applied, and a person has to do the rest before it can be verified."""
        return self.state == "applied" and bool(self.manual_steps)

    @property
    def was_interrupted(self) -> bool:
        """It is open and waits for nobody; nobody can tell whether its process still runs."""
        return self.is_open and not self.awaits_person


class FixEvent(Struct, frozen=True):
    """A step of a fix as it goes on: for whoever shows it."""

    step: Literal["tried", "journaled", "written", "applied", "waiting", "judging", "judged", "rolled back"]
    text: str = ""
    done: int = 0
    of: int = 0


class FixResult(Struct, frozen=True, kw_only=True):
    """How a fix, or its undo, ended."""

    entry: JournalEntry
    wrote: bool = True
    """False: the cluster was as it was to be, and nothing was written."""
    waited: Acceptance = Acceptance()
    verification: Verification | None = None
    """None: it could not be judged again, and the entry's note says why."""
    ownership_changes: tuple[OwnershipChange, ...] = ()
    """After an undo: what is another object's than before the fix."""

    @property
    def is_as_before(self) -> bool:
        """Of an undo that was judged: all is as it was before the fix, as far as that was looked at."""
        verification = self.verification
        return verification is not None and not (
            verification.regressions or verification.improvements or verification.new_findings or self.ownership_changes
        )

    @property
    def unevaluated(self) -> tuple[str, ...]:
        """Pods beside those of the finding that were not seen to take it: what it does there is not known yet."""
        named = {*self.entry.pods, *(self.verification.unread if self.verification is not None else ())}
        return tuple(sorted({*self.waited.pending, *self.waited.unread} - named))
