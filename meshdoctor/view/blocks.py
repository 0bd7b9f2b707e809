"""The kinds of blocks that a text is made of. A front end draws each kind in its own way, and adds no words.

Their texts may hold names of captures: each is one line, a line break in it is written out. `TextLines` have several.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.verdict import Severity
from meshdoctor.text.printable import in_lines
from meshdoctor.text.shell import ShellCommand

Tone = Literal["plain", "strong", "faint", "error", "warning", "info", "fine", "unknown"]
"""What a text means for the eye."""
Icon = Literal["error", "warning", "info", "fine", "unknown", "step"]
"""The sign in front of a text."""


class Paragraph(Struct, frozen=True):
    """A text. An indented line of `TextLines` is a command, to be copied as it is. An empty one is a gap."""

    text: str
    tone: Tone = "plain"


class Labelled(Struct, frozen=True):
    """`label: text`, and what belongs to it."""

    label: str
    text: str = ""
    blocks: tuple[Block, ...] = ()
    tone: Tone = "plain"
    is_name: bool = False
    """The text is a name, not a sentence."""


class NameList(Struct, frozen=True):
    """Names of one kind, `pods`, and how many more there are that are not listed."""

    label: str
    names: tuple[str, ...]
    more: int = 0


class Marked(Struct, frozen=True):
    """A statement behind an icon, and what belongs to it."""

    icon: Icon
    text: str
    blocks: tuple[Block, ...] = ()
    tone: Tone = "plain"


class TableRow(Struct, frozen=True):
    """A line of a table, and what is said about it."""

    icon: Icon
    cells: tuple[str, ...]
    blocks: tuple[Block, ...] = ()


class Rows(Struct, frozen=True):
    """A table."""

    rows: tuple[TableRow, ...]
    columns: tuple[str, ...] = ()
    """Their titles, if it has any."""


class PathStep(Struct, frozen=True):
    """A step of a connection's path: what was chosen and why. The icon marks the one that makes the verdict."""

    at: str
    chose: str
    because: str = ""
    icon: Icon = "step"
    note: str = ""
    """What the mark means."""
    evidence: Evidence | None = None


class PathSteps(Struct, frozen=True):
    """The path of a connection."""

    steps: tuple[PathStep, ...]


class Passage(Struct, frozen=True):
    """Values in a document, each with its path."""

    document: str
    values: tuple[tuple[str, str], ...] = ()
    """Path and value; either may be empty."""


class DiffText(Struct, frozen=True):
    """A unified diff, as `TextLines`."""

    text: str


class CodeText(Struct, frozen=True):
    """`TextLines` that are taken as they are: manifests, commands, an excerpt."""

    text: str
    form: str = ""
    """`yaml`, `json` ..."""


class Headed(Struct, frozen=True):
    """Blocks below a heading."""

    title: str
    blocks: tuple[Block, ...]


Block = Paragraph | Labelled | NameList | Marked | Rows | PathSteps | Passage | DiffText | CodeText | Headed
GAP = Paragraph("")
SEVERITY_HEADINGS = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.INFO: "information"}


def of_pods(pods: Sequence[str]) -> str:
    """`pod` or `pods`."""
    return "pod" if len(pods) == 1 else "pods"


def names(label: str, given: tuple[str, ...], limit: int | None) -> NameList:
    """The names, bounded: beyond `limit` (None: all) only how many more there are."""
    if limit is None or len(given) <= limit + 1:
        return NameList(label, given)
    return NameList(label, given[:limit], len(given) - limit)


def diff_tone(line: str) -> Tone:
    """The tone of a line of a diff."""
    if line.startswith(("---", "+++", "@@")):
        return "faint"
    tones: dict[str, Tone] = {"+": "fine", "-": "error"}
    return tones.get(line[:1], "plain")


def commands(title: str, lines: Iterable[ShellCommand]) -> Iterator[Block]:
    """Commands to be copied, if there are any."""
    text = in_lines(lines)
    if text:
        yield GAP
        yield Paragraph(title)
        yield CodeText(text)
