"""Writes the files of a fix and restores them: all or none, and never over a change of somebody else.

Each write is atomic (a temporary file, flushed and renamed). A file that already has the content is left alone, so that
an interrupted fix can be resumed or undone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from secrets import token_hex

from meshdoctor.atomic_files import flush_folder, rename_new
from meshdoctor.errors import NotEditable
from meshdoctor.model.fix import FileEdit
from meshdoctor.text.printable import printable


def write_edits(edits: Sequence[FileEdit]) -> None:
    """Writes every edit.

    Raises `NotEditable` where a file changed since it was read, before anything is written; and where a write fails,
    after the files written so far were restored.
    """
    moves = [(edit, edit.before, edit.after) for edit in edits]
    _exchange(moves, "was changed since it was read. Nothing was written: check again")


def undo_edits(edits: Sequence[FileEdit]) -> None:
    """Restores every file as it was before `write_edits`.

    Raises `NotEditable` where a file changed since the fix; then none is restored.
    """
    moves = [(edit, edit.after, edit.before) for edit in reversed(edits)]
    _exchange(moves, "was changed since the fix. Nothing was written: restore what the fix wrote, or edit it yourself")


def is_written(edit: FileEdit) -> bool:
    """The file has the content of the edit. Raises `NotEditable` where it cannot be read."""
    return _content(edit) == edit.after


_Move = tuple[FileEdit, bytes | None, bytes | None]


def _exchange(moves: Sequence[_Move], problem_text: str) -> None:
    waiting = []
    for edit, old, new in moves:
        there = _content(edit)
        if there == new:
            continue
        if there != old:
            raise NotEditable(f"{printable(edit.shown)} {problem_text}.")
        waiting.append((edit, old, new))
    done: list[_Move] = []
    try:
        for edit, old, new in waiting:
            _put(edit.path, old, new)
            done.append((edit, old, new))
    except OSError as problem:
        failed = printable(waiting[len(done)][0].shown)
        raise NotEditable(f"{failed} cannot be written: {problem.strerror or problem}. {_restore(done)}") from None
    except BaseException:  # Ctrl-C between two files
        _restore(done)
        raise


def _content(edit: FileEdit) -> bytes | None:
    """The content of the file now, None where there is none. A path that has become a link is refused."""
    shown = printable(edit.shown)
    if os.path.realpath(edit.path) != edit.path:
        raise NotEditable(f"{shown} was a file and is now a link. Nothing was written: check again.")
    try:
        with open(edit.path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise NotEditable(f"{shown} cannot be read: {problem.strerror or problem}. Nothing was written.") from None


def _restore(done: Sequence[_Move]) -> str:
    """Undoes moves, the last one first; returns a sentence on the result."""
    failed = []
    for edit, old, new in reversed(done):
        try:
            _put(edit.path, new, old)
        except OSError:
            failed.append(printable(edit.shown))
    if failed:
        return f"These files were changed and could not be restored: {', '.join(failed)}."
    return "The files written before it were restored." if done else "Nothing was written."


def _put(path: str, old: bytes | None, new: bytes | None) -> None:
    """Replaces the content `old` of a file by `new`. Raises `OSError`; then the file is unchanged."""
    folder = os.path.dirname(path)
    if new is None:
        os.unlink(path)
    else:
        beside = os.path.join(folder, f".meshdoctor-{token_hex(8)}")
        try:
            _write(beside, new, path if old is not None else None)
            if old is None:
                rename_new(beside, path)
            else:
                os.replace(beside, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
    flush_folder(folder)


def _write(path: str, data: bytes, like: str | None) -> None:
    """Writes a new file through to the disk, with mode and owner of `like`, else with the user's umask."""
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
