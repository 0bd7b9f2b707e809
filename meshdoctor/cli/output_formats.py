"""`-o FORMAT[=FILE]`: which formats there are, and where each goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from meshdoctor.errors import UsageError

FORMATS = ("text", "json")
_LATER = ("sarif", "junit", "github", "markdown")


class Output(NamedTuple):
    """One output. `file` is None for stdout."""

    format: str
    file: Path | None


def read_outputs(wanted: Sequence[str], *, json: bool) -> list[Output]:
    """What -o and --json ask for; text on stdout where they ask for nothing.

    Raises:
        UsageError: an unknown format, or two outputs for one place.
    """
    outputs = [_read(text) for text in wanted]
    if json and Output("json", None) not in outputs:
        outputs.append(Output("json", None))
    outputs = list(dict.fromkeys(outputs)) or [Output("text", None)]
    places = [output.file for output in outputs]
    for place in places:
        if places.count(place) > 1:
            where = "stdout" if place is None else str(place)
            raise UsageError(f"two formats for {where}: give one of them another place with -o FORMAT=FILE")
    return outputs


def _read(text: str) -> Output:
    name, equals, file = text.partition("=")
    if name in _LATER:
        raise UsageError(f"-o {name}: this version does not write {name} yet; it writes {' and '.join(FORMATS)}")
    if name not in FORMATS:
        raise UsageError(f"-o {text!r}: no such format; there are {' and '.join(FORMATS)}")
    if equals and not file:
        raise UsageError(f"-o {text}: no file behind the `=`; write -o {name}=report.{name}, or -o {name} for stdout")
    return Output(name, Path(file) if file and file != "-" else None)
