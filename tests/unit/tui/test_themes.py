"""The themes can be read: contrast by WCAG's formula, and telling right from wrong for eyes that lack a colour."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from textual.color import Color, Lab, rgb_to_lab

from meshdoctor.tui.themes import PALETTES, THEMES, Palette, known_themes

GROUNDS = ("ground", "raised", "bar")
TEXTS = ("text", "muted", "accent", "error", "warning", "info", "fine", "unknown")
SIGHTS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""Machado, Oliveira, Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
severity 1.0, on linear RGB."""


def linear(color: Color) -> tuple[float, ...]:
    shares = [value / 255 for value in color.rgb]
    return tuple(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    lights = sorted(
        sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(Color.parse(color)), strict=True))
        for color in (one, other)
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def seen(color: str, matrix: Sequence[Sequence[float]]) -> Lab:
    shares = linear(Color.parse(color))
    mixed = [min(1.0, max(0.0, sum(w * c for w, c in zip(row, shares, strict=True)))) for row in matrix]
    values = [12.92 * s if s <= 0.0031308 else 1.055 * s ** (1 / 2.4) - 0.055 for s in mixed]
    return rgb_to_lab(Color(round(values[0] * 255), round(values[1] * 255), round(values[2] * 255)))


def apart(one: Lab, other: Lab) -> float:
    """CIE 1976 distance: 2.3 is just noticed."""
    return float(((one.L - other.L) ** 2 + (one.a - other.a) ** 2 + (one.b - other.b) ** 2) ** 0.5)


@pytest.mark.parametrize("name", PALETTES)
def test_every_text_can_be_read_on_every_ground(name: str) -> None:
    palette = PALETTES[name]
    poor = {
        (text, ground): round(contrast(getattr(palette, text), getattr(palette, ground)), 2)
        for text in TEXTS
        for ground in GROUNDS
        if contrast(getattr(palette, text), getattr(palette, ground)) < 4.5
    }
    assert poor == {}
    assert contrast("#ffffff", palette.cursor) >= 4.5


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def least(palette: Palette, sight: str) -> float:
    states = (palette.error, palette.warning, palette.fine)
    return min(apart(seen(one, SIGHTS[sight]), seen(other, SIGHTS[sight])) for one, other in combinations(states, 2))


@pytest.mark.parametrize("name", ["blue-orange", "blue-orange-light"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_error_warning_and_fine_differ_for_eyes_that_lack_a_colour(name: str, sight: str) -> None:
    assert least(PALETTES[name], sight) >= 20


def test_the_usual_red_and_green_would_not_do() -> None:
    assert least(PALETTES["light"]._replace(error="#a81e1e", fine="#5a6a12"), "deuteranopia") < 20


@pytest.mark.parametrize("name", PALETTES)
def test_the_palette_is_what_is_drawn(name: str) -> None:
    variables = {**THEMES[name].to_color_system().generate(), **THEMES[name].variables}
    palette = PALETTES[name]
    drawn = [variables[f"text-{word}"] for word in ("error", "warning", "success", "primary", "secondary", "muted")]
    assert drawn == [palette.error, palette.warning, palette.fine, palette.info, palette.unknown, palette.muted]
    assert Color.parse(variables["panel"]) == Color.parse(palette.bar)


def test_known_themes_name_each_once() -> None:
    names = known_themes()
    assert names[0] == "dark"
    assert len(names) == len(set(names))
    assert "textual-dark" in names
