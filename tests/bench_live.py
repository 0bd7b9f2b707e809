"""`make bench-live`: what many live sidecars take in memory and time, read from a fake API server in another process.

Figures of one run on one machine; the ratios say more. The peak is that of the meshdoctor process alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from meshdoctor.sources import read_capture
from meshdoctor.sources.limits import MIB
from tests.bench import BIG, peak_memory, say, synthetic
from tests.cluster.apiserver import FakeApi, serving
from tests.cluster.conftest import write_kubeconfig
from tests.cluster.envoy import Envoy, Manner
from tests.cluster.meshes import PAGES, RATINGS, SERVER_INFO, STATS, copy_pod, pages_of, put_snapshot

SNAPSHOT = "tcp-port-clash"
COMMAND = ("check", "--fail-on", "never", "--dns", "off", "--logs-since", "0")


class Crowd(Struct, frozen=True):
    """A cluster to read: so many sidecars alike, of which `dead` do not answer."""

    name: str
    sidecars: int
    big: bool
    dead: int = 0
    wanted: int = 0
    """The peak that the process is to stay below, in MiB."""


CROWDS = (
    Crowd("32 big sidecars", 32, big=True, wanted=600),
    Crowd("32 big sidecars, 4 of them dead", 32, big=True, dead=4, wanted=600),
    Crowd("1,000 small sidecars", 1000, big=False, wanted=250),
)


def main() -> None:
    """Prints a table for each crowd; with `serve NUMBER` it is the server of one of them."""
    if sys.argv[1:2] == ["serve"]:
        serve(CROWDS[int(sys.argv[2])])
        return
    for number in map(int, sys.argv[1:] or range(len(CROWDS))):
        with server(number) as kubeconfig:
            measure(CROWDS[number], kubeconfig)


def measure(crowd: Crowd, kubeconfig: Path) -> None:
    """Prints the table of one crowd."""
    command = [sys.executable, "-m", "meshdoctor", *COMMAND, "--kubeconfig", str(kubeconfig), "--timeout", "30s"]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "check.json"
        peak = peak_memory([*command, "-o", f"json={out}"]) / MIB
        done = json.loads(out.read_bytes())
    seconds = time.perf_counter() - start
    page = sum(map(len, pages(big=crowd.big).values())) / MIB
    alive = crowd.sidecars - crowd.dead
    say(f"{crowd.name}: {page:.1f} MiB of pages each")
    say(f"  {'read':32}{done['summary']['proxies']:9} of {alive}")
    say(f"  {'whole process':32}{seconds:9.1f} s  {seconds / alive * 1000:9.1f} ms a sidecar")
    say(f"  {'peak memory':32}{peak:9.1f} MiB {peak / crowd.wanted:7.2f} x {crowd.wanted} MiB")


@contextmanager
def server(number: int) -> Iterator[Path]:
    """A kubeconfig for the API server of a crowd, which runs in a process of its own."""
    command = [sys.executable, "-m", "tests.bench_live", "serve", str(number)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        if process.stdin is None or process.stdout is None:
            raise OSError("the server has no pipes")
        address = process.stdout.readline().strip()
        yield write_kubeconfig(Path(folder) / "kubeconfig", address)
        process.stdin.close()


def serve(crowd: Crowd) -> None:
    """Serves until standard input ends; the first line of the output is the address."""
    api = FakeApi()
    put_snapshot(api, SNAPSHOT)
    api.envoys[RATINGS] = Envoy(pages(big=crowd.big), Manner.CHUNKED)
    for number in range(1, crowd.sidecars):
        copy_pod(api, f"replica-{number}", Manner.SILENT if number <= crowd.dead else Manner.CHUNKED)
    with serving(api):
        say(api.address)
        sys.stdout.flush()
        sys.stdin.read()


def pages(*, big: bool) -> dict[str, bytes]:
    """Admin pages by path and query. The big ones are made up where the shared ones are missing."""
    if not big:
        return pages_of(SNAPSHOT)
    with tempfile.TemporaryDirectory() as folder:
        capture = read_capture(BIG if BIG.is_file() else synthetic(Path(folder)))
        stored = {path.rsplit("/", 1)[-1]: document.read() for path, document in capture.documents.items()}
    made = {"server_info.json": SERVER_INFO, "stats.txt": STATS, "clusters.json": b'{"cluster_statuses": []}'}
    return {page: (made | stored)[name] for name, page in PAGES.items()}


if __name__ == "__main__":
    main()
