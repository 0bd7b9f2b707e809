"""`make bench CAPTURE=PATH`: how long meshdoctor takes, beside what parsing the same dump takes with json and orjson.

Compared in one run on one machine, because seconds alone say little. Best of several rounds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from meshdoctor.bundled import snapshot_names, snapshots_dir
from meshdoctor.collect import read_capture
from meshdoctor.facts.mesh import read_mesh

ROUNDS = 5


def main() -> None:
    """Prints the table for the capture named on the command line, else for the first bundled snapshot."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else snapshots_dir() / snapshot_names()[0]
    capture = read_capture(path)
    dumps = [document.read() for name, document in capture.documents.items() if name.endswith("config_dump.json")]
    command = [sys.executable, "-m", "meshdoctor", "check", "--json", "--fail-on", "never", "--from", str(path)]
    yardstick = best(lambda: [orjson.loads(dump) for dump in dumps])
    rows = [
        ("orjson.loads of the dumps", yardstick),
        ("json.loads of the dumps", best(lambda: [json.loads(dump) for dump in dumps])),
        ("capture to facts", best(lambda: read_mesh(read_capture(path)))),
        ("check --json, whole process", best(lambda: subprocess.run(command, check=True, capture_output=True))),
    ]
    sys.stdout.write(f"{path}: {len(dumps)} dumps, {sum(map(len, dumps)) / 2**20:.1f} MiB, best of {ROUNDS}\n")
    for name, seconds in rows:
        sys.stdout.write(f"{name:32}{seconds * 1000:9.1f} ms {seconds / yardstick:7.2f} x orjson\n")


def best(work: Callable[[], object]) -> float:
    """Seconds of the quickest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
