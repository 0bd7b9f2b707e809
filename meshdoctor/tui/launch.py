"""Opens the session from the command line. Only importing this module loads Textual."""

from __future__ import annotations

import os
import sys

from msgspec import structs

from meshdoctor.errors import UsageError
from meshdoctor.text.icons import NEEDED
from meshdoctor.text.nearest import nearest
from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.session_state import SessionOpening
from meshdoctor.tui.themes import known_themes
from meshdoctor.tui.user_settings import read_settings


def run(opening: SessionOpening, theme: str = "", *, ascii_only: bool = False) -> int:
    """Runs the session until the user leaves it, and returns the exit code.

    `theme` and `ascii_only` override the user's file.

    Raises:
        UsageError: there is no theme of that name; suggests the nearest.
    """
    settings = read_settings()
    if theme:
        if theme not in known_themes():
            raise UsageError(f"no theme {theme}. {nearest(theme, known_themes())}")
        settings = structs.replace(settings, theme=theme)
    if ascii_only or not _takes_symbols():
        settings = structs.replace(settings, ascii_only=True)
    app = MeshdoctorApp(opening, settings)
    return app.run() or 0


def _takes_symbols() -> bool:
    """Whether the terminal shows icons; a web page always does, whatever the locale of the server."""
    if os.environ.get("TEXTUAL_DRIVER"):
        return True
    try:
        (NEEDED + "█░").encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
