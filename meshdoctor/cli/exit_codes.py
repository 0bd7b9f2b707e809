"""The exit codes, the same for every command and output format. Pipelines depend on them: members are only added."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit code of the process."""

    CLEAN = 0
    """`check`: no finding at or above --fail-on. `trace`: delivered. `fix`: verified, written, or no error to fix.
    `undo`: undone."""
    FOUND = 1
    """`check`: a finding at or above --fail-on. `trace`: any other verdict. `fix`: there is an error to fix, or the fix
    was not verified. `undo`: undone, but something is not as it was before."""
    USAGE = 2
    """Wrong usage: an unknown option, pod, rule, finding or host:port."""
    NO_VERDICT = 3
    """Nothing to check, or no verdict was possible because evidence is missing (--strict: for any rule)."""
    FAILED = 4
    """A cluster or file could not be read or written, or a fix was not applied. Also an internal error."""
    INTERRUPTED = 130
    """Interrupted (Ctrl-C), or not confirmed."""
    TERMINATED = 143
    """Ended by SIGTERM, as 129 is by SIGHUP (the terminal was closed)."""
