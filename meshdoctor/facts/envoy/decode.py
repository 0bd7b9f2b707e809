"""Decoding of whole dumps and pages: a hundred thousand objects at once, none of them in a cycle."""

from __future__ import annotations

import gc
from typing import TypeVar

from msgspec.json import Decoder

Shape = TypeVar("Shape")


def decode_all(decoder: Decoder[Shape], data: bytes) -> Shape:
    """What the decoder makes of the data, with the garbage collector at rest: it would search in vain, many times."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return decoder.decode(data)
    finally:
        if was_on:
            gc.enable()
