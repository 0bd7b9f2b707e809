"""The journal: a number for each fix whoever else wants it, and readable whenever a process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.fixes.apply.journal import Journal, default_folder
from meshdoctor.model.fix import JournalEntry
from tests.golden.fixes import HISTORY, WRITTEN, entry

ROOT = Path(__file__).parents[3]
ADD = """
import sys
from pathlib import Path
from meshdoctor.fixes.apply.journal import Journal
from tests.golden.fixes import entry
for _ in range(int(sys.argv[2])):
    print(Journal(Path(sys.argv[1])).add(lambda number: entry(id=number)).id)
"""


def add(journal: Journal) -> JournalEntry:
    return journal.add(lambda number: entry(id=number))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.entries() == []
    for one in (*HISTORY, replace(WRITTEN, id=9)):
        assert journal.add(lambda number, one=one: replace(one, id=number)) == one  # type: ignore[misc]
    assert journal.entries() == [*HISTORY, replace(WRITTEN, id=9)]
    assert journal.update(journal.get(9), state="undone").files == WRITTEN.files
    assert journal.get(9).state == "undone"


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    add(journal)
    assert [oct(path.stat().st_mode & 0o777) for path in (journal.folder, *journal.folder.iterdir())] == [
        "0o700",
        "0o600",
    ]


FULL = """
import resource, sys
from pathlib import Path
from meshdoctor.errors import Unreadable
from meshdoctor.fixes.apply.journal import Journal
from tests.golden.fixes import entry
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # files can be created and not written, as on a full disk
try:
    Journal(Path(sys.argv[1])).add(lambda number: entry(id=number))
except Unreadable as problem:
    print(problem)
"""


def test_a_write_that_is_refused_leaves_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    add(journal)
    before = sorted(journal.folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Nothing was changed: free disk space or make the folder writable, or set MESHDOCTOR_STATE" in done.stdout
    assert sorted(journal.folder.iterdir()) == before
    assert add(journal).id == 2


def test_an_entry_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def struck(number: int) -> JournalEntry:
        raise KeyboardInterrupt

    journal = Journal(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        journal.add(struck)
    assert list(journal.folder.iterdir()) == []


def test_a_state_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unreadable, match=r"cannot write the journal in .*file/journal \(Not a directory\)"):
        add(Journal(tmp_path / "file"))


def test_processes_that_want_one_number_get_one_each(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ADD, str(tmp_path), "8"]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    numbers = [int(line) for process in running for line in process.communicate(timeout=60)[0].splitlines()]
    assert sorted(numbers) == list(range(1, 25))
    assert [one.id for one in Journal(tmp_path).entries()] == list(range(1, 25))


def test_a_number_that_somebody_takes_meanwhile_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = Journal(tmp_path), Journal(tmp_path)
    add(theirs)
    seen = iter([[], [1]])
    monkeypatch.setattr(mine, "_numbers", lambda: next(seen))
    assert add(mine).id == 2


def test_what_an_interruption_leaves_is_no_entry_and_keeps_its_number(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    add(journal)
    (journal.folder / "000002.json").touch()
    (journal.folder / ".000003.json.4711.part").write_text('{"id": 3, "sta')
    assert [one.id for one in journal.entries()] == [1]
    with pytest.raises(UsageError, match="no fix 2 in"):
        journal.get(2)
    assert add(journal).id == 3


def test_a_write_that_fails_leaves_the_entry_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    was = add(journal)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unreadable, match="No space left on device"):
        journal.update(was, state="undone")
    assert journal.get(was.id) == was


@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b'{"id": 2}', b"\xff", b'{"id": 2, "state": "eaten"}'])
def test_a_file_that_is_no_entry_is_named(tmp_path: Path, content: bytes) -> None:
    journal = Journal(tmp_path)
    add(journal)
    (journal.folder / "000002.json").write_bytes(content)
    with pytest.raises(Unreadable, match=r"000002\.json is not a journal entry"):
        journal.entries()
    assert journal.get(1).id == 1


def test_half_an_entry_is_never_taken_for_a_whole_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    add(journal)
    path = journal.folder / "000001.json"
    whole = path.read_bytes().rstrip()
    for size in range(1, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(Unreadable):
            journal.get(1)


def test_an_entry_of_a_newer_meshdoctor_is_left_to_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    add(journal)
    path = journal.folder / "000001.json"
    tree = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**tree, "added": 1}))
    assert journal.get(1).id == 1
    path.write_bytes(msgspec.json.encode({**tree, "schema": 2, "added": 1}))
    with pytest.raises(Unreadable, match="newer meshdoctor"):
        journal.get(1)


def test_other_files_are_none_of_its_business(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    add(journal)
    for name in ("notes.json", "000002.json~", "x.txt", "-1.json"):
        (journal.folder / name).write_text("mine")
    assert [one.id for one in journal.entries()] == [1]


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_folder().name == "meshdoctor"
    monkeypatch.setenv("MESHDOCTOR_STATE", str(tmp_path / "named"))
    assert Journal().folder == tmp_path / "named" / "journal"
    with pytest.raises(UsageError):
        Journal().get(1)
    assert not Journal().folder.exists()
