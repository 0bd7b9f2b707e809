"""The exit codes, the same for every command and output format. Pipelines depend on them: members are only added."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a finished process says."""

    CLEAN = 0
    """`check`: nothing at or above --fail-on. `trace`: delivered. `fix`: verified, written, or no error to fix.
    `undo`: taken back."""
    FOUND = 1
    """`check`: a finding at or above --fail-on. `trace`: any other verdict. `fix`: an error is there to fix, or the
    fix is not verified. `undo`: not everything is as it was."""
    USAGE = 2
    """Wrong usage: an unknown option, pod, rule, finding or host:port."""
    NO_VERDICT = 3
    """Nothing to look at, or evidence missing so that no verdict was possible (--strict: for any rule)."""
    FAILED = 4
    """A cluster or file could not be read or written, a fix was not applied; also a fault of meshdoctor's own."""
    INTERRUPTED = 130
    """Ctrl-C, or answered with no."""


TABLE = """\
Exit codes: 0 nothing at or above --fail-on, 1 something is, 2 wrong usage,
3 no verdict was possible, 4 something could not be read, 130 interrupted."""
"""For the help texts."""
