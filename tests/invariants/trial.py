"""Tries mutations of captures, and says of each whether the invariants held."""

from __future__ import annotations

import random
import re
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from meshdoctor import doctor
from tests.invariants.answers import (
    Answer,
    Hang,
    ask,
    preview,
    render,
    run_commands,
    silent_failures,
    turned_silent,
    two_answers,
    within,
)
from tests.invariants.archives import NAME, damaged
from tests.invariants.captures import HeldCapture
from tests.invariants.mutations import Mutation, Mutator, Promise

SECONDS = 8.0
"""After which a capture of some hundred kilobytes is a hang."""
CODES = {0, 1, 2, 3, 4}
COLUMNS = ("tried", "kept", "told", "world", "alarm", "silent", "unsaid", "differ", "traceback", "hang")
"""Of damage: `kept`, every error stays and nothing else is said; `told`, the result says what it could not look at;
`alarm`, it names an error that was none before, and says nothing of missing evidence."""
FAULTS = COLUMNS[5:]
ONE_GIVEN_OTHERWISE_IN, ONE_CLI_IN, ONE_PREVIEW_IN = 12, 20, 4


class Outcome(NamedTuple):
    """What became of one mutation. `verdict` is one of `COLUMNS` but the first; `detail` explains a fault."""

    number: int
    capture: str
    mutation: Mutation
    verdict: str
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        return self.verdict in FAULTS


class Opened(NamedTuple):
    """A capture on disk, how it is given to meshdoctor, and what that says of it."""

    folder: Path
    source: doctor.Source
    mutator: Mutator
    answer: Answer


class Bench:
    """Captures written to disk, of which one document at a time is changed and put back."""

    def __init__(self, captures: Sequence[HeldCapture], seed: int, documents: str = "") -> None:
        self._seed = seed
        self._documents = documents
        """A regular expression for the paths of documents that are changed."""
        self._captures = captures
        self._folder = tempfile.TemporaryDirectory(prefix="invariants-")
        self._open = cache(self._opened)
        self.tally: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def _opened(self, index: int, loose: bool) -> Opened:
        """`loose`: its first dump is given alone, with its objects beside it."""
        capture = self._captures[index]
        folder = capture.write(Path(self._folder.name) / str(index))
        dump = next((path for path in sorted(capture.files) if path.endswith("config_dump.json")), "")
        source, documents = doctor.Source(path=folder), self._documents
        if loose and dump and (folder / "resources").is_dir():
            source = doctor.Source(path=folder / dump, manifests=(folder / "resources",))
            documents = documents or f"^resources/|{re.escape(dump)}"
        answer = ask(source)
        names = {host for host, _, _ in answer.errors if host}
        return Opened(folder, source, Mutator(capture, names, documents), answer)

    def mutation(self, number: int) -> tuple[int, Opened, Mutation]:
        """The capture's place, the capture, and the mutation of this number: the same for the same seed."""
        rng = random.Random(f"{self._seed}-{number}")
        index = rng.randrange(len(self._captures))
        otherwise = number % ONE_GIVEN_OTHERWISE_IN == 0 and not self._documents
        is_archive = rng.random() < 0.5
        opened = self._open(index, otherwise and not is_archive)
        made = damaged(self._captures[index], rng) if otherwise and is_archive else opened.mutator.some(rng)
        return index, opened, made

    def try_one(self, number: int) -> Outcome:
        """Make one mutation, ask, and put the document back."""
        index, opened, mutation = self.mutation(number)
        if mutation.document == NAME:
            archive = Path(self._folder.name) / NAME
            archive.write_bytes(mutation.data or b"")
            verdict, detail = self._asked(doctor.Source(path=archive), opened.answer, mutation, number)
        else:
            with self._changed(opened.folder / mutation.document, mutation.data):
                verdict, detail = self._asked(opened.source, opened.answer, mutation, number)
        outcome = Outcome(number, self._captures[index].name, mutation, verdict, detail)
        self.tally[mutation.kind, verdict] += 1
        return outcome

    @staticmethod
    @contextmanager
    def _changed(file: Path, data: bytes | None) -> Iterator[None]:
        original = file.read_bytes()
        try:
            if data is None:
                file.unlink()
            else:
                file.write_bytes(data)
            yield
        finally:
            file.write_bytes(original)

    def _asked(self, source: doctor.Source, before: Answer, mutation: Mutation, number: int) -> tuple[str, str]:
        """The verdict on a mutation, and its detail."""
        try:
            with within(SECONDS):
                after = ask(source)
                render(after)
                unsaid, differ = silent_failures(after), two_answers(after, 2)
                wrong = _more_asked(source, after, number)
        except Hang:
            return "hang", f"longer than {SECONDS} s"
        except Exception:
            return "traceback", traceback.format_exc()
        is_damage = mutation.promise is Promise.DAMAGE
        faults = {
            "traceback": [wrong] if wrong else [],
            "silent": turned_silent(before, after) if is_damage else [],
            "unsaid": unsaid if set(unsaid) - set(silent_failures(before)) else [],
            "differ": differ if set(differ) - set(two_answers(before)) else [],
        }
        for verdict, details in faults.items():
            if details:
                return verdict, "; ".join(details[:3])
        return _harmless(before, after) if is_damage else ("world", "")


def _more_asked(source: doctor.Source, answer: Answer, number: int) -> str:
    """Ask for a preview and run the commands, now and then. What was wrong; empty where nothing was."""
    fixable = [one for one in (answer.diagnosis.findings if answer.diagnosis else ()) if one.fixes]
    if fixable and number % ONE_PREVIEW_IN == 0:
        preview(answer, fixable[0], source)
    wrong = run_commands(source, answer) if number % ONE_CLI_IN == 0 else ""
    return wrong or ("" if answer.code in CODES else f"exit code {answer.code}")


def _harmless(before: Answer, after: Answer) -> tuple[str, str]:
    """What became of a damage that turned nothing silent."""
    if after.gaps - before.gaps:
        return "told", ""
    new = set(after.errors) - set(before.errors)
    return ("alarm", str(sorted(map(str, new))[:2])) if new else ("kept", "")
