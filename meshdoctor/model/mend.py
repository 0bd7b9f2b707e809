"""A mend on its way: the objects it changes, and whom that touches.

A `Change` is made of a finding's fix and the objects that were read; a `Touched` is what the changed set of objects
would do to every pod, as far as the objects tell it.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Action = Literal["create", "update", "delete"]


def _action(before: object, after: object) -> Action:
    """Of what is None before or after."""
    if before is None:
        return "create"
    return "delete" if after is None else "update"


class ObjectKey(Struct, frozen=True, order=True):
    """Names one object of a cluster, with the version it is written in: `networking.istio.io/v1`."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Change(Struct, frozen=True, kw_only=True):
    """One object as it was read and as it is to be, both without status and what the server adds to metadata."""

    key: ObjectKey
    before: dict[str, Any] | None = None
    """None: it is created."""
    after: dict[str, Any] | None = None
    """None: it is deleted."""

    @property
    def action(self) -> Action:
        """What becomes of the object."""
        return _action(self.before, self.after)


class ClaimMove(Struct, frozen=True):
    """A host and port that enters or leaves what proxies listen for."""

    move: Literal["enters", "leaves"]
    host: str
    port: int
    bind: str
    """Where it is matched, in words: `0.0.0.0, any address`, `198.51.100.20`, `0.0.0.0, server name db.example` ..."""
    pods: tuple[str, ...]


class Effect(Struct, frozen=True):
    """A connection whose outcome the change is expected to turn: one host and port, for pods that share the outcome."""

    host: str
    port: int
    pods: tuple[str, ...]
    was: str
    """A verdict of `trace`, with the owner of the cluster reached where that is another host."""
    becomes: str
    worse: bool
    because: str


class NewFault(Struct, frozen=True):
    """A rule that the changed set of objects newly breaks."""

    rule: str
    host: str
    port: int
    pods: tuple[str, ...]
    because: str


class Hand(Struct, frozen=True):
    """Whose a host and port is in some sidecars."""

    host: str
    port: int
    where: str
    """`host db.example` where it is about its cluster, else where it is matched, in words."""
    owner: str
    """`ServiceEntry shop/db`."""
    pods: tuple[str, ...]


class Handover(Struct, frozen=True):
    """A host and port that is another object's than it was."""

    host: str
    port: int
    was: str
    """`ServiceEntry shop/db`."""
    becomes: str
    """The same, or `nobody`."""
    pods: tuple[str, ...]


class Touched(Struct, frozen=True, kw_only=True):
    """Whom a mend touches: foretold from the objects alone, before anything is changed."""

    pods: tuple[str, ...] = ()
    """Every pod whose sidecar gets one of the changed objects, before or after."""
    claims: tuple[ClaimMove, ...] = ()
    effects: tuple[Effect, ...] = ()
    faults: tuple[NewFault, ...] = ()
    kept: tuple[str, ...] = ()
    """Changed objects that Helm, Argo CD, Flux or an operator keeps, each a sentence: they are not changed here."""
    unknown: tuple[str, ...] = ()
    """What could not be foretold and why, each a sentence. Never empty where evidence is missing."""
    after_undo: tuple[Handover, ...] = ()
    """What an undo would not give back: what is deleted is made anew then, and is the youngest."""

    @property
    def harms(self) -> bool:
        """It breaks a rule anew, or turns a connection for the worse."""
        return bool(self.faults) or any(effect.worse for effect in self.effects)


class Judged(Struct, frozen=True):
    """One finding, as far as a comparison needs it."""

    rule: str
    host: str
    port: int
    severity: str
    message: str


class Baseline(Struct, frozen=True, kw_only=True):
    """What was judged at one time: what a proof compares."""

    at: str = ""
    """When its evidence was read, RFC 3339; empty where nobody knows."""
    findings: dict[str, Judged] = {}
    """By fingerprint."""
    verdicts: dict[str, dict[str, str]] = {}
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


class Turn(Struct, frozen=True):
    """A connection whose verdict is another than before."""

    pod: str
    host: str
    was: str
    is_now: str


class Proof(Struct, frozen=True, kw_only=True):
    """Before and after, by the same rules over dumps that were fetched again."""

    is_gone: bool
    """The finding is gone."""
    new: tuple[Judged, ...] = ()
    """Findings that were not there before, information left out."""
    worse: tuple[Turn, ...] = ()
    better: tuple[Turn, ...] = ()
    unread: tuple[str, ...] = ()
    """Pods that were judged before and could not be judged again."""
    stuck: tuple[Turn, ...] = ()
    """Connections of an error that fail as before, although it is gone: something else is in their way."""
    foretold: tuple[Turn, ...] = ()
    """Connections that are worse as the preview said: whoever applied it took that as its price."""
    foretold_new: tuple[Judged, ...] = ()
    """The same of findings."""
    first_seen: tuple[Judged, ...] = ()
    """Findings about hosts that nobody was seen to want before: whether they worked then is not known."""
    before_at: str = ""
    """When the evidence of before was read, RFC 3339; empty where nobody knows."""
    after_at: str = ""

    @property
    def is_worse(self) -> bool:
        """Something is broken that was not, and that nobody was told of."""
        return bool(self.new or self.worse)

    @property
    def holds(self) -> bool:
        """The finding is gone and its connection works, nothing is worse but as foretold, and every sidecar judged
        before was judged again.
        """
        return self.is_gone and not (self.is_worse or self.stuck or self.unread)


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
    def action(self) -> Action:
        """What becomes of the file."""
        return _action(self.before, self.after)


State = Literal["planned", "applied", "written", "proved", "unproved", "failed", "undone"]
"""`applied` waits for its proof, perhaps until a person has done the rest; `written` is for files, which prove none."""


class Waited(Struct, frozen=True, kw_only=True):
    """How the proxies took a change."""

    took: tuple[str, ...] = ()
    lagging: tuple[str, ...] = ()
    """No new configuration was seen in time."""
    rejected: tuple[str, ...] = ()
    """Refused the update: they run the old configuration."""
    unread: dict[str, str] = {}
    """Could not be asked, and why."""


class Written(Struct, frozen=True, kw_only=True):
    """One change and what is known of its writing: both are empty where it is not known to be written."""

    change: Change
    uid: str = ""
    version: str = ""


class Place(Struct, frozen=True, kw_only=True):
    """Where a mend was applied: a cluster, or files."""

    server: str = ""
    cluster: str = ""
    """The uid of its namespace kube-system, which tells clusters apart; empty where it may not be read."""
    context: str = ""
    folder: str = ""
    namespaces: tuple[str, ...] = ()
    """Whose pods were looked at; empty: all."""
    labels: str = ""


class Entry(Struct, frozen=True, kw_only=True):
    """One mend in the journal: written before the first change, enough to go on or to undo after any interruption."""

    id: int
    state: State
    at: str
    """When it was planned, RFC 3339 in UTC."""
    place: Place
    fingerprint: str
    rule: str
    subject: str
    """`db.example:3306`."""
    fix: str
    title: str
    pods: tuple[str, ...] = ()
    """Pods of the finding."""
    touched: tuple[str, ...] = ()
    """Pods whose sidecar is waited for."""
    effects: tuple[Effect, ...] = ()
    """What was foretold to get worse."""
    faults: tuple[NewFault, ...] = ()
    """Rules that were foretold to be broken anew."""
    written: tuple[Written, ...] = ()
    files: tuple[FileEdit, ...] = ()
    """What a mend of files writes, with what was there: the backup."""
    hands: tuple[Hand, ...] = ()
    """Whose it was before, as far as the mend deletes entries: an undo makes them anew."""
    after_undo: tuple[Handover, ...] = ()
    """What was foretold not to come back with an undo."""
    before: Baseline = Baseline()
    left_to_do: str = ""
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
        """It is applied, and a person has to do the rest before it can be proved."""
        return self.state == "applied" and bool(self.left_to_do)

    @property
    def was_interrupted(self) -> bool:
        """It is open and waits for nobody; nobody can tell whether its process still runs."""
        return self.is_open and not self.awaits_person


class Event(Struct, frozen=True):
    """A step of a mend as it goes on: for whoever shows it."""

    step: Literal["tried", "journaled", "written", "applied", "waiting", "judging", "judged", "rolled back"]
    text: str = ""
    done: int = 0
    of: int = 0


class Result(Struct, frozen=True, kw_only=True):
    """How a mend, or its undo, ended."""

    entry: Entry
    wrote: bool = True
    """False: the cluster was as it was to be, and nothing was written."""
    waited: Waited = Waited()
    proof: Proof | None = None
    """None: it could not be judged again, and the entry's note says why."""
    handed: tuple[Handover, ...] = ()
    """After an undo: what is another object's than before the mend."""

    @property
    def is_as_before(self) -> bool:
        """Of an undo that was judged: all is as it was before the mend, as far as that was looked at."""
        proof = self.proof
        return proof is not None and not (proof.worse or proof.better or proof.new or self.handed)

    @property
    def unevaluated(self) -> tuple[str, ...]:
        """Pods beside those of the finding that were not seen to take it: what it does there is not known yet."""
        named = {*self.entry.pods, *(self.proof.unread if self.proof is not None else ())}
        return tuple(sorted({*self.waited.lagging, *self.waited.unread} - named))
