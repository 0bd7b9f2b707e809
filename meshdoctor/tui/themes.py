"""The themes that come with meshdoctor; Textual's own can be chosen as well.

`dark` and `light` are the usual ones. `blue-orange` and `blue-orange-light` are colour-blind-safe: errors are orange,
what is fine is blue. `terminal` uses the terminal's own sixteen colours, or none with NO_COLOR. Text has a contrast of
at least 4.5 to 1 on every background (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from textual.theme import BUILTIN_THEMES, Theme

DEFAULT, OWN_COLOURS = "dark", "terminal"


class Palette(NamedTuple):
    """Colours of a theme: three backgrounds, lines, the cursor's background, then text by its meaning."""

    ground: str
    raised: str
    bar: str
    line: str
    cursor: str
    text: str
    muted: str
    accent: str
    error: str
    warning: str
    info: str
    fine: str
    unknown: str


PALETTES = {
    "dark": Palette(
        "#101418", "#181d23", "#222a33", "#4b5763", "#1f5fbf",
        "#e6eaee", "#a3adb8", "#79b8ff", "#ff8a80", "#f2cc60", "#9ecbff", "#7ee0a0", "#d2b3ff",
    ),
    "light": Palette(
        "#fcfcfc", "#f2f4f7", "#e2e7ed", "#a9b4c0", "#0a58b0",
        "#1a1f24", "#505a64", "#0a4f9e", "#a81e1e", "#754600", "#0a4f9e", "#12632c", "#6233a8",
    ),
    "blue-orange": Palette(
        "#101418", "#181d23", "#222a33", "#4b5763", "#20588f",
        "#e6eaee", "#a3adb8", "#ffffff", "#ff8a2a", "#faedb0", "#c4ccd4", "#5aa9e6", "#dda0cc",
    ),
    "blue-orange-light": Palette(
        "#fcfcfc", "#f2f4f7", "#e2e7ed", "#a9b4c0", "#0a4f8a",
        "#1a1f24", "#505a64", "#1a1f24", "#a84300", "#3f2f00", "#47515b", "#005a9e", "#86306c",
    ),
}  # fmt: skip


def _theme(name: str, has: Palette) -> Theme:
    variables = {
        "text-muted": has.muted,
        "text-accent": has.accent,
        "text-error": has.error,
        "text-warning": has.warning,
        "text-primary": has.info,
        "text-success": has.fine,
        "text-secondary": has.unknown,
        "border": has.accent,
        "border-blurred": has.line,
        "block-cursor-background": has.cursor,
        "block-cursor-foreground": "#ffffff",
        "scrollbar": has.line,
        "scrollbar-background": has.raised,
    }
    return Theme(
        name,
        primary=has.cursor,
        secondary=has.unknown,
        warning=has.warning,
        error=has.error,
        success=has.fine,
        accent=has.accent,
        foreground=has.text,
        background=has.ground,
        surface=has.raised,
        panel=has.bar,
        boost=has.bar,
        dark=not name.endswith("light"),
        variables=variables,
    )


def _terminal_theme() -> Theme:
    """The terminal's background is unknown: no yellow, blue or bright colours, and the cursor is reversed."""
    plain = "ansi_default"
    cursor = {"foreground": plain, "background": plain, "text-style": "reverse"}
    return Theme(
        OWN_COLOURS,
        ansi=True,
        primary=plain,
        secondary=plain,
        warning="ansi_magenta",
        error="ansi_red",
        success="ansi_green",
        accent=plain,
        foreground=plain,
        background=plain,
        surface=plain,
        panel=plain,
        boost=plain,
        variables={
            **{f"block-cursor-{name}": value for name, value in cursor.items()},
            **{f"input-cursor-{name}": value for name, value in cursor.items()},
            "ansi-background": plain,
            "ansi-foreground": plain,
            "text-muted": plain,
            "border": plain,
            "border-blurred": plain,
            "scrollbar": plain,
            "scrollbar-background": plain,
        },
    )


THEMES: Mapping[str, Theme] = {
    **{name: _theme(name, palette) for name, palette in PALETTES.items()},
    OWN_COLOURS: _terminal_theme(),
}
"""By name; the first is the default."""


def known_themes() -> list[str]:
    """Names of all themes, meshdoctor's own first."""
    return [*THEMES, *BUILTIN_THEMES]
