"""`python -m tests.pictures [NAME ...]`: draws the pictures anew, or those that are named."""

from __future__ import annotations

import asyncio
import sys

from tests.pictures.scenes import SCENES, drawn, drawn_elsewhere, path, stage

if __name__ == "__main__":
    problem = drawn_elsewhere()
    if problem:
        sys.exit(f"{problem} would draw them otherwise: install what pyproject.toml pins")
    for name in sys.argv[1:] or SCENES:
        with stage(SCENES[name]):
            picture = asyncio.run(drawn(SCENES[name]))
        path(name).write_text(picture, encoding="utf-8")
    for old in path("x").parent.glob("*.svg"):
        if old.stem not in SCENES:
            old.unlink()
