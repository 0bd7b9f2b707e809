"""How the allow-list is written: what is kept of a value, field by field.

Numbers, switches and times stay wherever they stand, and so do the names of fields; the text of a field that is not
named becomes a mark. `tests/unit/sources/test_kept_fields.py` compares the list with what is decoded.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct, field


class TextOf(Enum):
    """What is kept of a text."""

    NAME = "name"
    """All of it, but secrets of a form that can be recognised."""
    PATH = "path"
    """The path of a URL or a route: all but what looks like a token."""
    FREE = "free"
    """The hosts that it names."""
    NOTHING = "nothing"
    """Its length."""


class Kept(Struct, frozen=True):
    """What is kept of a value: of a text, of each item of a list, of each field of an object."""

    text: TextOf = TextOf.NOTHING
    fields: dict[str, Kept] = field(default_factory=dict)
    rest: Kept | None = None
    """Of fields that are not in `fields`; None: their texts become marks."""

    def of(self, name: str) -> Kept:
        """What is kept of the field of this name."""
        return self.fields.get(name) or self.rest or NOTHING


NOTHING = Kept()
NAME = Kept(TextOf.NAME)
PATH = Kept(TextOf.PATH)
FREE = Kept(TextOf.FREE)
NAMES_OF_ALL = Kept(TextOf.NAME, rest=NAME)
"""A map of texts: labels."""


def obj(*names: str, rest: Kept | None = None, **fields: Kept) -> Kept:
    """An object: the texts of its fields `names` are kept whole, of the others what is given for them."""
    return Kept(fields=dict.fromkeys(names, NAME) | fields, rest=rest)


def also(kept: Kept, **fields: Kept) -> Kept:
    """The same with more fields."""
    return Kept(kept.text, kept.fields | fields, kept.rest)


def united(*many: Kept) -> Kept:
    """An object that is any of these."""
    fields: dict[str, Kept] = {}
    for one in many:
        fields |= one.fields
    return Kept(fields=fields)
