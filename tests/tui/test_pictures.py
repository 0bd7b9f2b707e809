"""The session looks as it looked: each scene against its picture in tests/pictures."""

from __future__ import annotations

import asyncio
import difflib
import html
import re

import pytest

from tests.pictures.scenes import HERE, SCENES, drawn, drawn_elsewhere, path, stage

ANEW = "python -m tests.pictures draws it anew; look at it before you commit it"


def words(picture: str) -> list[str]:
    """What is written on a picture, line by line."""
    lines: dict[float, str] = {}
    for at, text in re.findall(r'<text [^>]*?y="([\d.]+)"[^>]*>(.*?)</text>', picture):
        lines[float(at)] = lines.get(float(at), "") + html.unescape(text).replace("\xa0", " ")
    return [lines[at].rstrip() for at in sorted(lines)]


@pytest.mark.skipif(bool(drawn_elsewhere()), reason=f"drawn by other versions than {drawn_elsewhere()}")
@pytest.mark.parametrize("name", SCENES)
def test_a_scene_looks_as_it_did(name: str) -> None:
    with stage(SCENES[name]):
        now = asyncio.run(drawn(SCENES[name]))
    kept = path(name).read_text(encoding="utf-8")
    if now != kept:
        said = "\n".join(difflib.unified_diff(words(kept), words(now), "kept", "now", lineterm="", n=1))
        pytest.fail(f"{path(name).name} looks different; {ANEW}\n{said or 'the words are the same, colours are not'}")


def test_every_picture_has_its_scene_and_they_stay_few() -> None:
    pictures = sorted(HERE.glob("*.svg"))
    assert {picture.stem for picture in pictures} == set(SCENES)
    assert len(pictures) <= 20
    assert sum(picture.stat().st_size for picture in pictures) < 2_000_000


@pytest.mark.parametrize("name", SCENES)
def test_a_picture_loads_nothing_and_names_no_machine(name: str) -> None:
    picture = path(name).read_text(encoding="utf-8")
    assert re.findall(r"https?://(?!www\.w3\.org)[\w.]+", picture.replace("https://www.textualize.io", "")) == []
    assert not re.search(r"(?<![\w.])/(?:tmp|home|root)/", picture)


def test_ascii_is_ascii_and_no_colour_is_the_terminals_own() -> None:
    assert "".join(words(path("ascii").read_text(encoding="utf-8"))).isascii()
    for name in ("ascii", "no-colour"):
        picture = path(name).read_text(encoding="utf-8")
        colours = re.findall(r'-r\d+ \{ fill: #(\w{6})|<rect fill="#(\w{6})" x', picture)
        assert {text or fix_context for text, fix_context in colours} <= {"c5c8c6", "292929", "868887"}, (
            "Rich's plain ones, and dim"
        )
