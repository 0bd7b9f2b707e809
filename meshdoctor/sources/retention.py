"""How much of a file is kept."""

from __future__ import annotations

from enum import Enum


class Retention(Enum):
    """What a source keeps of a file that its name says something about."""

    WHOLE = "whole"
    END = "end"
    """The last `Limits.log` bytes, from the start of a line on: of a log."""
    NAME = "name"
    """That it is there, and not its content."""
    NOTHING = "nothing"
    """Known not to be evidence, whatever else its name looks like."""
