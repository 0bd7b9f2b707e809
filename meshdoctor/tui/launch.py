"""Opens the session from the command line. Only importing this module loads Textual."""

from __future__ import annotations

import os
import sys

from msgspec import structs

from meshdoctor.errors import UsageError
from meshdoctor.text import icons
from meshdoctor.text.nearest import nearest
from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.session_state import SessionOpening
from meshdoctor.tui.themes import known_themes
from meshdoctor.tui.user_settings import read_settings


def run(opening: SessionOpening, theme: str = "", *, ascii_only: bool = False) -> int:
    """Runs the session until the user leaves it, and returns the exit code.

    `theme` and `ascii_only` override the user's file. Raises `UsageError` where there is no theme of that name.
    """
    settings = read_settings()
    if theme:
        if theme not in known_themes():
            raise UsageError(f"no theme {theme}. {nearest(theme, known_themes())}")
        settings = structs.replace(settings, theme=theme)
    # A web page shows icons whatever the locale of the server.
    has_icons = os.environ.get("TEXTUAL_DRIVER") or icons.are_in(getattr(sys.stdout, "encoding", None), "█░")
    if ascii_only or not has_icons:
        settings = structs.replace(settings, ascii_only=True)
    app = MeshdoctorApp(opening, settings)
    return app.run() or 0
