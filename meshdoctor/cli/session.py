"""What `meshdoctor` without a command and `meshdoctor demo` do in a terminal: open the interactive session."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshdoctor.doctor import Source


def is_interactive() -> bool:
    """Whether somebody sits there: what is typed and what is shown are a terminal's. Textual draws on stderr.

    Where `meshdoctor serve` carries the session to a page, it names the driver for it.
    """
    if is_served():
        return True
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream is not None and stream.isatty() for stream in streams)


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

    if no_color:
        os.environ["NO_COLOR"] = "1"
    from meshdoctor.tui.launch import run
    from meshdoctor.tui.session import Opening

    return run(Opening(source, place, namespaces, labels, read_only), theme or "", ascii_only=ascii_only)
