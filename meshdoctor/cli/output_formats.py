"""`-o FORMAT[=FILE]`: the output formats and their targets."""

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
    """The outputs of -o and --json; text on stdout without them.

    Raises `UsageError` for an unknown format, or two outputs to one target.
    """
    outputs = [_read(text) for text in wanted]
    if json and Output("json", None) not in outputs:
        outputs.append(Output("json", None))
    outputs = list(dict.fromkeys(outputs)) or [Output("text", None)]
    places = [output.file for output in outputs]
    for place in places:
        if places.count(place) > 1:
            where = "stdout" if place is None else str(place)
            raise UsageError(f"two formats for {where}: write one of them to a file with -o FORMAT=FILE")
    return outputs


def _read(text: str) -> Output:
    name, equals, file = text.partition("=")
    if name in _LATER:
        raise UsageError(f"-o {name}: this version does not write {name} yet; it writes {' and '.join(FORMATS)}")
    if name not in FORMATS:
        raise UsageError(f"-o {text!r}: unknown format; the formats are {' and '.join(FORMATS)}")
    if equals and not file:
        raise UsageError(
            f"-o {text}: the file name after `=` is missing; write -o {name}=report.{name}, or -o {name} for stdout"
        )
    return Output(name, Path(file) if file and file != "-" else None)
