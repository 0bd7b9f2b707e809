"""How the command line opens the session. Importing this loads Textual; nothing else of the package does."""

from __future__ import annotations

import sys

from msgspec import structs

from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.session import Opening
from meshdoctor.tui.settings import read_settings


def run(opening: Opening) -> int:
    """Runs the session until the user leaves it, and returns the exit code."""
    settings = read_settings()
    if not _takes_symbols():
        settings = structs.replace(settings, ascii_only=True)
    app = MeshdoctorApp(opening, settings)
    return app.run() or 0


def _takes_symbols() -> bool:
    try:
        "✗✓…█░".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
