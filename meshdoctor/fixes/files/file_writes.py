"""Writes fixes to files and takes them back: all of them or none, and never over what somebody else wrote meanwhile.

A file is exchanged whole: written beside its place, flushed to disk, then renamed over it, so that a reader or a crash
sees the old one or the new one. Done twice, each step finds its work done: an interrupted fix can be continued or
taken back.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from secrets import token_hex

from meshdoctor.errors import NotEditable
from meshdoctor.model.fix import FileEdit
from meshdoctor.text.printable import printable


def write_edits(edits: Sequence[FileEdit]) -> None:
    """Writes every edit. A file that already is as it is to be is left alone.

    Raises `NotEditable` where a file is neither as it was read nor as it is to be, before anything is written; and
    where writing fails, after the files written so far were put back.
    """
    _exchange([(edit, edit.before, edit.after) for edit in edits], "changed since it was read; look at the fix again")


def undo_edits(edits: Sequence[FileEdit]) -> None:
    """Puts every file back as it was before `write_edits`. One that already is so is left alone.

    Raises `NotEditable` where a file is no longer what was written; then none is touched.
    """
    moves = [(edit, edit.after, edit.before) for edit in reversed(edits)]
    _exchange(moves, "changed since it was fixed; take the fix out by hand, or put back the file as it was written")


def is_written(edit: FileEdit) -> bool:
    """The file is as the edit leaves it. Raises `NotEditable` where it cannot be read."""
    return _content(edit) == edit.after


_Move = tuple[FileEdit, bytes | None, bytes | None]


def _exchange(moves: Sequence[_Move], complaint: str) -> None:
    waiting = []
    for edit, old, new in moves:
        there = _content(edit)
        if there == new:
            continue
        if there != old:
            raise NotEditable(f"{printable(edit.shown)} was {complaint}. Nothing was written.")
        waiting.append((edit, old, new))
    done: list[_Move] = []
    try:
        for edit, old, new in waiting:
            _put(edit.path, old, new)
            done.append((edit, old, new))
    except OSError as problem:
        failed = printable(waiting[len(done)][0].shown)
        told = f"{failed} cannot be written: {problem.strerror or problem}."
        raise NotEditable(f"{told} {_put_back(done)}") from None
    except BaseException:  # Ctrl-C between two files
        _put_back(done)
        raise


def _content(edit: FileEdit) -> bytes | None:
    """What is in the file now, None where there is none. A place that has become a link is not followed."""
    shown = printable(edit.shown)
    if os.path.realpath(edit.path) != edit.path:
        raise NotEditable(f"{shown} was a file and leads elsewhere now. Nothing was written; look at the fix again.")
    try:
        with open(edit.path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise NotEditable(f"{shown} cannot be read: {problem.strerror or problem}. Nothing was written.") from None


def _put_back(done: Sequence[_Move]) -> str:
    """Undoes moves, the last one first; says what became of it."""
    still_failing = []
    for edit, old, new in reversed(done):
        try:
            _put(edit.path, new, old)
        except OSError:
            still_failing.append(printable(edit.shown))
    if still_failing:
        return f"These stay changed, and could not be put back: {', '.join(still_failing)}."
    return "The files written before it were put back." if done else "Nothing was written."


def _put(path: str, old: bytes | None, new: bytes | None) -> None:
    """One file: `old`, which is there, becomes `new`. Raises `OSError`; then the file is as it was."""
    folder = os.path.dirname(path)
    if new is None:
        os.unlink(path)
    else:
        beside = os.path.join(folder, f".meshdoctor-{token_hex(8)}")
        try:
            _write(beside, new, path if old is not None else None)
            if old is None:
                _make_known(beside, path)
            else:
                os.replace(beside, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
    _flush_folder(folder)


def _write(path: str, data: bytes, like: str | None) -> None:
    """A new file, on disk when this returns: with mode and owner of `like`, or what the user's mask leaves."""
    status = os.stat(like) if like else None
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if status else 0o666)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        if status is not None:
            with suppress(OSError):
                os.fchown(handle, status.st_uid, status.st_gid)
            os.fchmod(handle, stat.S_IMODE(status.st_mode))
        os.fsync(handle)


def _make_known(beside: str, path: str) -> None:
    """Gives a written file its name. Raises `FileExistsError` where another made one of that name meanwhile."""
    try:
        os.link(beside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise
        os.rename(beside, path)
    else:
        os.unlink(beside)


def _flush_folder(folder: str) -> None:
    """Makes a rename last. Some file systems cannot flush a folder; they keep it in order themselves."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
