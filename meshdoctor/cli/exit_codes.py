"""The exit codes, the same for every command and output format. Pipelines depend on them: members are only added."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a finished process says."""

    CLEAN = 0
    """`check`: no finding at or above --fail-on. `trace`: delivered. `fix`: verified, written, or no error to fix.
    `undo`: undone."""
    FOUND = 1
    """`check`: a finding at or above --fail-on. `trace`: any other verdict. `fix`: an error is there to fix, or the
    fix was not verified. `undo`: undone, and something is not as it was before."""
    USAGE = 2
    """Wrong usage: an unknown option, pod, rule, finding or host:port."""
    NO_VERDICT = 3
    """Nothing to look at, or evidence missing so that no verdict was possible (--strict: for any rule)."""
    FAILED = 4
    """A cluster or file could not be read or written, or a fix was not applied. Also an internal error."""
    INTERRUPTED = 130
    """Interrupted (Ctrl-C), or not confirmed."""
