"""How much of some evidence was read, carried from its reader to the verdicts that rest on it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Completeness(StrEnum):
    """How complete a kind of evidence is."""

    WHOLE = "whole"
    PARTIAL = "partial"
    """Some of it was read: what is there holds, and what is not there may still exist."""
    CONTRADICTED = "contradicted"
    """It was read, and other evidence shows that it is not all: what is not there may still exist."""
    REFUSED = "refused"
    """It was asked for and not given, as by a 403."""
    ABSENT = "absent"
    """It was not read."""


class Coverage(Struct, frozen=True):
    """The completeness of one kind of objects, or of one section of a dump."""

    state: Completeness
    because: str = ""
    """Why it is not whole, for the user; empty where it is."""
    missing: tuple[str, ...] = ()
    """Documents, objects or entries that are missing, as far as they have names."""
    names_all: bool = False
    """`missing` names everything that is missing: what else it does not hold does not exist."""

    @property
    def is_whole(self) -> bool:
        """What it does not hold does not exist."""
        return self.state is Completeness.WHOLE

    def may_hold(self, name: str) -> bool:
        """Whether an object of this name may exist that was not read."""
        return not self.is_whole and (not self.names_all or name in self.missing)

    @property
    def is_read(self) -> bool:
        """Something of it was read."""
        return self.state in (Completeness.WHOLE, Completeness.PARTIAL, Completeness.CONTRADICTED)


WHOLE = Coverage(Completeness.WHOLE)
