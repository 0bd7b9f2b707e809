"""Tries mutations of captures, and says of each whether the invariants held."""

from __future__ import annotations

import random
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

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
ONE_ARCHIVE_IN, ONE_CLI_IN, ONE_PREVIEW_IN = 25, 20, 4


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


class Bench:
    """Captures written to disk, of which one document at a time is changed and put back."""

    def __init__(self, captures: Sequence[HeldCapture], seed: int) -> None:
        self._seed = seed
        self._captures = captures
        self._folder = tempfile.TemporaryDirectory(prefix="invariants-")
        self._open = cache(self._opened)
        self.tally: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def _opened(self, index: int) -> tuple[Path, Mutator, Answer]:
        capture = self._captures[index]
        folder = capture.write(Path(self._folder.name) / str(index))
        answer = ask(folder)
        return folder, Mutator(capture, {host for host, _, _ in answer.errors if host}), answer

    def mutation(self, number: int) -> tuple[int, Mutation]:
        """The capture's place and the mutation of this number: the same for the same seed."""
        rng = random.Random(f"{self._seed}-{number}")
        index = rng.randrange(len(self._captures))
        if number % ONE_ARCHIVE_IN == 0:
            return index, damaged(self._captures[index], rng)
        return index, self._open(index)[1].some(rng)

    def try_one(self, number: int) -> Outcome:
        """Make one mutation, ask, and put the document back."""
        index, mutation = self.mutation(number)
        folder, _, before = self._open(index)
        if mutation.document == NAME:
            archive = Path(self._folder.name) / NAME
            archive.write_bytes(mutation.data or b"")
            verdict, detail = self._asked(archive, before, mutation, number)
        else:
            with self._changed(folder / mutation.document, mutation.data):
                verdict, detail = self._asked(folder, before, mutation, number)
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

    def _asked(self, source: Path, before: Answer, mutation: Mutation, number: int) -> tuple[str, str]:
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


def _more_asked(source: Path, answer: Answer, number: int) -> str:
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
