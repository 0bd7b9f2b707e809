"""Who resolves the names of outside hosts: a choice of the user, which the command line shows without loading more."""

from __future__ import annotations

from enum import StrEnum


class Resolver(StrEnum):
    """Who is asked for the addresses of hosts outside."""

    AUTO = "auto"
    """A pod where exec is allowed, else this machine."""
    LOCAL = "local"
    """This machine; no exec into a pod."""
    OFF = "off"
    """Nobody."""
