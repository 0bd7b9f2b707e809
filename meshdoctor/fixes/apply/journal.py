"""The journal: one file per fix in the user's state folder.

Each write is atomic (a temporary file, flushed and renamed), and an entry is on disk before the cluster or a file is
changed. A write that is refused leaves nothing, not even the number that was taken for it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import structs

from meshdoctor.atomic_files import open_new, replace_file
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.model.fix import JournalEntry

_SUFFIX = ".json"
_STATE = "MESHDOCTOR_STATE"
_SCHEMA = 1
"""The newest schema of entries that can be read."""


def default_folder() -> Path:
    """`$MESHDOCTOR_STATE`, else the platform's state folder of the user."""
    named = os.environ.get(_STATE)
    if named:
        return Path(named)
    from platformdirs import user_state_path

    return user_state_path("meshdoctor", appauthor=False)


class Journal:
    """The entries in one folder, `journal/` in the state folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or default_folder()) / "journal"

    def add(self, make: Callable[[int], JournalEntry]) -> JournalEntry:
        """Writes a new entry under the next free number. Raises `Unreadable` where the folder cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            while True:
                number = max(self._numbers(), default=0) + 1
                # Two processes may choose the same number: whoever creates the file has it.
                try:
                    open_new(self._path(number)).close()
                except FileExistsError:
                    continue
                return self._fill(number, make)
        except OSError as problem:
            raise self._unwritable(problem) from None

    def _fill(self, number: int, make: Callable[[int], JournalEntry]) -> JournalEntry:
        try:
            return self._put(make(number))
        except BaseException:  # Ctrl-C included: an empty file would keep the number
            with suppress(OSError):
                self._path(number).unlink()
            raise

    def put(self, entry: JournalEntry) -> JournalEntry:
        """Writes an entry. Raises `Unreadable` where it cannot be written."""
        try:
            return self._put(entry)
        except OSError as problem:
            raise self._unwritable(problem) from None

    def _put(self, entry: JournalEntry) -> JournalEntry:
        replace_file(self._path(entry.id), msgspec.json.format(msgspec.json.encode(entry), indent=1))
        return entry

    def update(self, entry: JournalEntry, **fields: object) -> JournalEntry:
        """Writes an entry with some fields replaced. Raises `Unreadable` where the old one stays."""
        try:
            return self._put(structs.replace(entry, **fields))
        except OSError as problem:
            raise Unreadable(
                f"cannot write the journal in {self.folder} ({problem.strerror}): it still has fix {entry.id} as "
                f"{entry.state}. Free disk space, then run `meshdoctor fix --history`"
            ) from None

    @contextmanager
    def locked(self, number: int) -> Iterator[None]:
        """Locks a fix; the lock ends with the block or the process.

        Raises `UsageError` where another process has it.
        """
        try:
            handle = os.open(self.folder / f"{number:06d}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as problem:
            raise self._unwritable(problem) from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"another meshdoctor process is working on fix {number}: wait for its end") from None
            except OSError:
                pass  # a file system without locks
            yield
        finally:
            os.close(handle)

    def entries(self) -> list[JournalEntry]:
        """All entries, the oldest first. Raises `Unreadable` where one of them cannot be read."""
        found, broken = self.readable()
        if broken:
            raise broken[0]
        return found

    def readable(self) -> tuple[list[JournalEntry], list[Unreadable]]:
        """The entries that can be read, the oldest first, and why the others cannot."""
        found: list[JournalEntry] = []
        broken: list[Unreadable] = []
        for number in sorted(self._numbers()):
            try:
                entry = self._read(number)
            except Unreadable as problem:
                broken.append(problem)
            else:
                found += [entry] if entry is not None else []
        return found, broken

    def get(self, number: int) -> JournalEntry:
        """One entry. Raises `UsageError` where there is none of this number."""
        entry = self._read(number) if number in self._numbers() else None
        if entry is None:
            raise UsageError(f"no fix {number} in {self.folder}: `meshdoctor fix --history` lists them")
        return entry

    def _read(self, number: int) -> JournalEntry | None:
        path = self._path(number)
        try:
            content = path.read_bytes()
            entry = msgspec.json.decode(content, type=JournalEntry) if content else None
        except OSError as problem:
            raise Unreadable(f"{path} cannot be read: {problem.strerror}") from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            raise Unreadable(
                f"{path} is not a journal entry that this version of meshdoctor can read ({problem}): move the file "
                "elsewhere to ignore it"
            ) from None
        if entry is not None and entry.schema > _SCHEMA:
            raise Unreadable(f"{path} was written by a newer meshdoctor (schema {entry.schema}): use that version")
        return entry

    def _numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        stems = (path.name.removesuffix(_SUFFIX) for path in self.folder.glob(f"*{_SUFFIX}"))
        return [int(stem) for stem in stems if stem.isdigit()]

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}{_SUFFIX}"

    def _unwritable(self, problem: OSError) -> Unreadable:
        return Unreadable(
            f"cannot write the journal in {self.folder} ({problem.strerror}). Nothing was changed: free disk space or "
            f"make the folder writable, or set {_STATE} to another folder"
        )


def why_ended(entry: JournalEntry) -> str:
    """Why a fix cannot be undone; empty where it can."""
    return f"fix {entry.id} is {entry.state}: there is nothing to undo" if entry.has_ended else ""


def why_closed(entry: JournalEntry) -> str:
    """Why a fix cannot be resumed; empty where it can."""
    return "" if entry.is_open else f"fix {entry.id} is {entry.state}: there is nothing to resume"


def refuse_ended(entry: JournalEntry) -> None:
    """Raise `UsageError` where a fix cannot be undone."""
    if because := why_ended(entry):
        raise UsageError(because)


def refuse_closed(entry: JournalEntry) -> None:
    """Raise `UsageError` where a fix cannot be resumed."""
    if because := why_closed(entry):
        raise UsageError(because)
