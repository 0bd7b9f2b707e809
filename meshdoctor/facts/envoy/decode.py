"""Decodes whole dumps and pages with the garbage collector paused: a hundred thousand objects, none in a cycle."""

from __future__ import annotations

import gc
from typing import TypeVar

from msgspec.json import Decoder

Shape = TypeVar("Shape")


def decode_all(decoder: Decoder[Shape], data: bytes) -> Shape:
    """Decode with the garbage collector paused: it would run many times and find nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return decoder.decode(data)
    finally:
        if was_on:
            gc.enable()
