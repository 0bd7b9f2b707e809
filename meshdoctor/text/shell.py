"""Commands for users to run. Names in them come from files that anyone may have written: each is one word of a POSIX
shell, whatever is in it. mypy tells a command from other text, so that none is made of pieces without quoting.
"""

from __future__ import annotations

import shlex
from typing import NewType

from meshdoctor.text.printable import printable

ShellCommand = NewType("ShellCommand", str)
"""One line for a POSIX shell, made by `command`."""


def command(*words: str, more: str = "") -> ShellCommand:
    """The words as a command. `more` are words that are quoted already: a `ShellCommand`, or empty."""
    return ShellCommand(" ".join((*map(word, words), *([more.strip()] if more else []))))


def word(text: str) -> str:
    """A text as one word of a shell: quoted where it needs it, control characters written out."""
    return shlex.quote(printable(text))
