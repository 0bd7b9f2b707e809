"""A mend on its way: the objects it changes, and whom that touches.

A `Change` is made of a finding's fix and the objects that were read; a `Touched` is what the changed set of objects
would do to every pod, as far as the objects tell it.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Action = Literal["create", "update", "delete"]


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
        if self.before is None:
            return "create"
        return "delete" if self.after is None else "update"


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


class Touched(Struct, frozen=True, kw_only=True):
    """Whom a mend touches: foretold from the objects alone, before anything is changed."""

    pods: tuple[str, ...] = ()
    """Every pod whose sidecar gets one of the changed objects, before or after."""
    claims: tuple[ClaimMove, ...] = ()
    effects: tuple[Effect, ...] = ()
    faults: tuple[NewFault, ...] = ()
    unknown: tuple[str, ...] = ()
    """What could not be foretold and why, each a sentence. Never empty where evidence is missing."""

    @property
    def harms(self) -> bool:
        """It breaks a rule anew, or turns a connection for the worse."""
        return bool(self.faults) or any(effect.worse for effect in self.effects)
