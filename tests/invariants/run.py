"""`python -m tests.invariants.run`: many mutations, and a table by their kind.

-n 20000 --seed 7          how many, and which
--only 123 --keep FOLDER   one of them again, its capture written to FOLDER
--captures FOLDER          captures of your own instead (folders and .tar.gz), may be repeated
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.invariants.archives import NAME
from tests.invariants.captures import HeldCapture, below, beside, bundled
from tests.invariants.trial import COLUMNS, FAULTS, Bench, Outcome

Result = tuple[Counter[tuple[str, str]], list[Outcome]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--captures", type=Path, action="append")
    parser.add_argument("--bundled", action="store_true", help="the snapshots alone")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--show", type=int, default=20, help="faults shown of each kind")
    parser.add_argument("--documents", default="", help="only documents whose path matches this regular expression")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this long, with what was tried")
    given = parser.parse_args()
    captures = [one for folder in given.captures or () for one in below(folder)]
    captures = captures or (bundled() if given.bundled else [*bundled(), *beside()])
    if given.only is not None:
        return _one(captures, given)
    began = time.monotonic()
    until = began + given.seconds
    ends = [given.n * place // given.workers for place in range(given.workers + 1)]
    numbers = list(itertools.starmap(range, itertools.pairwise(ends)))
    shares = [(captures, given.seed, given.documents, until, some) for some in numbers]
    tally: Counter[tuple[str, str]] = Counter()
    faults: list[Outcome] = []
    with ProcessPoolExecutor(given.workers) as pool:
        for counted, found in pool.map(_share, shares):
            tally += counted
            faults += found
    _print(tally, sorted(faults), given.show)
    say(
        f"{tally.total()} mutations of {len(captures)} captures, seed {given.seed}, in {time.monotonic() - began:.0f} s"
    )
    return int(any(one.is_fault for one in faults))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _share(share: tuple[list[HeldCapture], int, str, float, range]) -> Result:
    captures, seed, documents, until, numbers = share
    with Bench(captures, seed, documents) as bench:
        in_time = itertools.takewhile(lambda _: time.monotonic() < until, numbers)
        faults = [outcome for number in in_time if (outcome := bench.try_one(number)).detail]
        return bench.tally, [one._replace(mutation=one.mutation._replace(data=None)) for one in faults]


def _one(captures: list[HeldCapture], given: argparse.Namespace) -> int:
    number, keep = given.only, given.keep
    with Bench(captures, given.seed, given.documents) as bench:
        index, opened, mutation = bench.mutation(number)
        outcome = bench.try_one(number)
        way = " with -f" if opened.source.manifests else ""
    say(f"{outcome.capture}{way}: {mutation}\n{outcome.verdict}: {outcome.detail}")
    if keep is not None:
        files = {**captures[index].files, mutation.document: mutation.data}
        if mutation.document == NAME:
            files = {NAME: mutation.data}
        HeldCapture("", {path: data for path, data in files.items() if data is not None}).write(keep)
        say(f"written to {keep}")
    return int(outcome.is_fault)


def _print(tally: Counter[tuple[str, str]], faults: list[Outcome], limit: int) -> None:
    kinds = sorted({kind for kind, _ in tally})
    say(f"{'':34}" + "".join(f"{column:>10}" for column in COLUMNS))
    for kind in [*kinds, "all"]:
        row = [tally[kind, column] for column in COLUMNS]
        if kind == "all":
            row = [sum(tally[one, column] for one in kinds) for column in COLUMNS]
        row[0] = sum(row)
        say(f"{kind:34}" + "".join(f"{number or '':>10}" for number in row))
    for verdict in ("alarm", *FAULTS):
        for fault in [one for one in faults if one.verdict == verdict][:limit]:
            detail = fault.detail.strip()
            lines = detail.splitlines()
            short = detail if len(lines) == 1 else f"{lines[-3].strip()} {lines[-1]}" if len(lines) > 2 else lines[-1]
            say(f"{verdict} {fault.number}: {fault.capture}: {fault.mutation}\n    {short[:300]}")


if __name__ == "__main__":
    sys.exit(main())
