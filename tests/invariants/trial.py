"""Tries mutations of captures, and says of each whether the invariants held."""

from __future__ import annotations

import random
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.invariants.answers import Answer, Hang, ask, preview, render, silent_failures, turned_silent, two_answers, within
from tests.invariants.captures import HeldCapture
from tests.invariants.mutations import Mutation, Mutator, Promise

SECONDS = 8.0
"""After which a capture of some hundred kilobytes is a hang."""
CODES = {0, 1, 2, 3, 4}
COLUMNS = ("tried", "kept", "told", "world", "silent", "unsaid", "differ", "traceback", "hang")
FAULTS = COLUMNS[4:]


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
        self.new_errors: list[Outcome] = []
        """Damage after which errors are named that were none before, and no gap."""

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
        return index, self._open(index)[1].some(rng)

    def try_one(self, number: int) -> Outcome:
        """Make one mutation, ask, and put the document back."""
        index, mutation = self.mutation(number)
        folder, _, before = self._open(index)
        file = folder / mutation.document
        original = file.read_bytes()
        try:
            if mutation.data is None:
                file.unlink()
            else:
                file.write_bytes(mutation.data)
            verdict, detail = self._asked(folder, before, mutation, number)
        finally:
            file.write_bytes(original)
        outcome = Outcome(number, self._captures[index].name, mutation, verdict, detail)
        self.tally[mutation.kind, verdict] += 1
        return outcome

    def _asked(self, folder: Path, before: Answer, mutation: Mutation, number: int) -> tuple[str, str]:
        try:
            with within(SECONDS):
                after = ask(folder)
                render(after)
                unsaid = silent_failures(after)
                differ = two_answers(after, 2)
                errors = [one for one in (after.diagnosis.findings if after.diagnosis else ()) if one.fixes]
                if errors and number % 4 == 0:
                    preview(after, errors[0], folder)
        except Hang:
            return "hang", f"longer than {SECONDS} s"
        except Exception:
            return "traceback", traceback.format_exc()
        if after.code not in CODES:
            return "traceback", f"exit code {after.code}"
        lost = turned_silent(before, after) if mutation.promise is Promise.DAMAGE else []
        if lost:
            return "silent", "; ".join(lost[:3])
        if unsaid and set(unsaid) - set(silent_failures(before)):
            return "unsaid", "; ".join(unsaid[:3])
        if differ and set(differ) - set(two_answers(before)):
            return "differ", "; ".join(differ[:3])
        if mutation.promise is Promise.WORLD:
            return "world", ""
        return ("kept" if not after.gaps - before.gaps else "told"), ""
