"""Commands in the texts of a rule: what stands in backticks, and lines that are indented or begin with `$ `.

Every capture in a command becomes one word of a POSIX shell when the text is filled, so that no name of a dump is run.
Where quoting cannot keep it one word, the rule does not load.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshdoctor.text.shell import word

_SPAN = re.compile(r"(?P<fence>`+)(?P<inner>.*?[^`])(?P=fence)(?!`)", re.DOTALL)
_LINE = re.compile(r"^(?: {2,}|\$ )(?P<inner>.*)$", re.MULTILINE)
_AFTER = re.compile(r"[\w@%+=:,./'\"-]|\s")
"""What may stand in front of a value: it glues a word to a quoted one, and nothing else."""
_TOOLS = re.compile(
    r"\b(?:kubectl|istioctl|helm|oc|argocd|flux|curl|wget|dig|nslookup|getent|openssl|grep|sudo|ssh|nc|iptables)\s"
    r"[^.;:!?\n]*$"
)
"""A command that is begun in a sentence."""


def commands(text: str) -> Iterator[tuple[int, int]]:
    """Where each command of a text begins and ends."""
    for pattern in (_SPAN, _LINE):
        yield from (match.span("inner") for match in pattern.finditer(text))


def has_open_span(text: str) -> bool:
    """Whether a backtick begins a command that has no end."""
    return "`" in _SPAN.sub("", _LINE.sub("", text))


def misplaced(before: str) -> str:
    """Why no value can follow `before` in a command, empty where one can: values are quoted for the shell."""
    quote, escaped, here = _read(before)
    if quote:
        return f"leave out the quotes ({quote}) around it: in a command values are quoted where they need it"
    if escaped or not _AFTER.match(here[-1:] or " "):
        return f"it cannot follow `{before[-1:]}` in a command"
    if here.rstrip().endswith(("<", ">")):
        return "it cannot name the file of a redirection"
    if not here.strip():
        return "it would be the program to run: write a name without backticks, and not on an indented line"
    words = here.split()
    if "grep" in words and not any(re.match(r"-\w*F|--fixed-strings$", one) for one in words):
        return "a name is no regular expression: write `grep -F --` in front of it"
    return ""


def unmarked(before: str) -> bool:
    """Whether a sentence up to here has begun a command without marking it as one, or not all of it."""
    sentence = _SPAN.sub(lambda span: "``" if " " in span["inner"] else "x", before)
    return bool(_TOOLS.search(sentence)) or sentence.rstrip().endswith("``")


def begins(before: str) -> bool:
    """Whether a command begins here, at the start of a line or after `|`, `&&` or `;`."""
    quote, escaped, here = _read(before)
    return not quote and not escaped and not here.strip()


def _read(before: str) -> tuple[str, bool, str]:
    """The quote that is open, whether a backslash is, and what there is of the last simple command."""
    quote, escaped, here = "", False, ""
    for sign in before.removeprefix("$ "):
        if escaped:
            escaped = False
        elif sign == "\\" and quote != "'":
            escaped = True
        elif sign == quote:
            quote = ""
        elif not quote and sign in "'\"":
            quote = sign
        elif not quote and sign in "|;&(\n":
            here = ""
            continue
        here += sign
    return quote, escaped, here


def shell_word(value: str, before: str, name: str) -> str:
    """A value in a command. One that would be read as an option is left out: its field's name stands for it."""
    is_option = value.startswith("-") and _may_be_option(before)
    return name if is_option else word(value)


def _may_be_option(before: str) -> bool:
    """Whether a word begins here that a program takes for an option if it begins with a dash."""
    here = _read(before)[2]
    return here[-1:].isspace() and "--" not in here.split()
