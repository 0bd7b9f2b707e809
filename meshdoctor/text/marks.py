"""What stands in a capture in place of a redacted text: one mark for secrets, and one that shows a text's length."""

from __future__ import annotations

import hashlib
import re
import secrets

from meshdoctor.text.phrases import count

REDACTED = "[redacted by meshdoctor]"
"""Replaces a secret. It still counts as a literal."""

_OPENING = REDACTED[:-1]
_MARK = re.compile(r"\[redacted by meshdoctor(?:: [\d,]{1,11} characters?, [0-9a-f]{4})?\]")
_KEY = secrets.token_bytes(16)
"""Of this process and never stored: nobody can try out which text gives a mark."""


def shape(text: str) -> str:
    """The mark of a text that no diagnosis reads: its length, and four digits that equal texts of one run share.

    A text that is a mark already is returned as it is.
    """
    if _MARK.fullmatch(text):
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=2, key=_KEY).hexdigest()
    return f"{_OPENING}: {count(len(text), 'character')}, {digest}]"


def is_mark(text: str) -> bool:
    """Whether the whole text is a mark."""
    return text.startswith(_OPENING) and _MARK.fullmatch(text) is not None


def is_redacted(text: str) -> bool:
    """Whether a part of the text was redacted."""
    return _OPENING in text and _MARK.search(text) is not None


def without_marks(text: str) -> str:
    """The text with a word in place of every redacted part."""
    return _MARK.sub("redacted", text) if _OPENING in text else text


def split_at_marks(text: str) -> list[str]:
    """The parts of the text; those with an odd index are marks."""
    return re.split(f"({_MARK.pattern})", text) if _OPENING in text else [text]
