"""What `meshdoctor` without a command and `meshdoctor demo` do in a terminal: open the interactive session."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshdoctor.doctor import Source

FRAMES = "120"
"""Textual's ticks a second. What a key changes is drawn at the second tick after it: at its own 60, after 40 ms."""

CURRENT = "current context"
"""What the header says until the cluster has answered."""


def is_interactive() -> bool:
    """Whether somebody sits there: what is typed and what is shown are a terminal's. Textual draws on stderr.

    Where `meshdoctor serve` carries the session to a page, it names the driver for it.
    """
    return is_served() or not no_terminals()


def no_terminals() -> list[str]:
    """Names of the standard streams that are no terminal."""
    return [name for name in ("stdin", "stdout", "stderr") if (one := getattr(sys, name)) is None or not one.isatty()]


def is_served() -> bool:
    """Whether the session is shown on a page."""
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

    Textual is loaded here and nowhere before.
    """
    import os

    os.environ.setdefault("TEXTUAL_FPS", FRAMES)
    if no_color:
        os.environ["NO_COLOR"] = "1"
    from meshdoctor.tui.app_session import SessionOpening
    from meshdoctor.tui.launch import run

    return run(SessionOpening(source, place, namespaces, labels, read_only), theme or "", ascii_only=ascii_only)
