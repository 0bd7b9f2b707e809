"""Opens the interactive session, for `meshdoctor` without a command and `meshdoctor demo` in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshdoctor.doctor import Source

FRAMES = "120"
"""Textual's frames per second. A change is drawn two frames after its key, with Textual's default 60 after 40 ms."""

CURRENT = "current context"
"""What the header says until the cluster has answered."""


def is_interactive() -> bool:
    """Whether the session can be shown: on a terminal, or on a page of `meshdoctor serve`."""
    return is_served() or not no_terminals()


def no_terminals() -> list[str]:
    """Names of the standard streams that are not terminals. Textual draws on stderr."""
    return [name for name in ("stdin", "stdout", "stderr") if (one := getattr(sys, name)) is None or not one.isatty()]


def is_served() -> bool:
    """Whether `meshdoctor serve` shows the session on a page, for which it sets Textual's driver."""
    import os

    return bool(os.environ.get("TEXTUAL_DRIVER"))


def open_session(
    source: Callable[[], Source],
    place: str,
    *,
    namespaces: tuple[str, ...] = (),
    labels: str = "",
    read_only: bool = False,
    no_color: bool = False,
    theme: str | None = None,
    ascii_only: bool = False,
) -> int:
    """Runs the session and returns its exit code. `source` is made after the first paint; `place` names it until then.

    Textual is imported here and nowhere earlier.
    """
    import os

    os.environ.setdefault("TEXTUAL_FPS", FRAMES)
    if no_color:
        os.environ["NO_COLOR"] = "1"
    from meshdoctor.tui.launch import run
    from meshdoctor.tui.session_state import SessionOpening

    return run(SessionOpening(source, place, namespaces, labels, read_only), theme or "", ascii_only=ascii_only)
