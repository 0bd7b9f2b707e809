"""How much of a file is kept."""

from __future__ import annotations

from enum import Enum


class Retention(Enum):
    """What a source keeps of a file, by its name."""

    WHOLE = "whole"
    END = "end"
    """The last `Limits.log` bytes of a log, from the start of a line on."""
    NAME = "name"
    """Its name without its content."""
    NOTHING = "nothing"
    """Nothing: it is not evidence."""
