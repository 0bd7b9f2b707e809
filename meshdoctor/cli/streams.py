"""Writes results to stdout and files, and messages to stderr."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from meshdoctor.atomic_files import SHARED, replace_file
from meshdoctor.errors import Unreadable
from meshdoctor.text import icons

if TYPE_CHECKING:
    from meshdoctor.report.text_writer import TextWriter

_NARROWEST, _WIDEST = 40, 120


def say(message: str) -> None:
    """Write a message for the user to stderr, safe for a terminal; in one line, unless it is `Lines`."""
    from meshdoctor.text.printable import lines_of

    try:
        sys.stderr.write("meshdoctor: " + "".join(f"{line}\n" for line in lines_of(message)))
        sys.stderr.flush()
    except OSError:
        return  # stderr is closed, and there is nowhere else to report that


def put(result: str | bytes) -> None:
    """Write the result to stdout. A reader that ended (`| head`) is no error; a full disk raises `Unreadable`."""
    stream: TextIO | None = sys.stdout
    if stream is None:  # as Python has it where the process was started with stdout closed
        raise Unreadable("cannot write the result: stdout is closed")
    data = result if isinstance(result, bytes) else encoded(result, stream.encoding)
    try:
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
    except BrokenPipeError:
        # The interpreter flushes stdout once more at exit; it must not find the closed pipe there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except OSError as error:
        raise Unreadable(f"cannot write the result to stdout: {error.strerror}") from error


def encoded(text: str, encoding: str | None = "utf-8") -> bytes:
    """Text as bytes; characters that the encoding lacks are escaped."""
    return text.encode(encoding or "utf-8", "backslashreplace")


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, so that a pipeline never reads half a report.

    An existing file that is not a regular one (a pipe, `/dev/null`) is written to, not replaced. Raises `Unreadable`.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            replace_file(target, data, SHARED)
    except OSError as error:
        raise Unreadable(
            f"cannot write {path}: {error.strerror}. Give a file in a folder that exists and is writable"
        ) from error


def writer(*, no_color: bool) -> TextWriter:
    """A TextWriter for stdout: its width, and whether it supports colour and symbols."""
    from meshdoctor.report.text_writer import TextWriter

    if sys.stdout is None:
        return TextWriter(width=80, colour=False, symbols=False)
    terminal = sys.stdout.isatty()
    colour = terminal and not no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return TextWriter(
        width=_width(sys.stdout) if terminal else 80, colour=colour, symbols=icons.are_in(sys.stdout.encoding)
    )


def _width(stream: TextIO) -> int:
    try:
        width = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        width = 80
    return min(max(width, _NARROWEST), _WIDEST)
