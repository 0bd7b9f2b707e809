"""`make bench CAPTURE=PATH`: how long meshdoctor takes, beside what orjson takes to parse the same dumps.

Ratios of one run on one machine, because seconds alone say little. Best of several rounds; each process is measured
from its start, and its memory is the peak that the system saw.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from meshdoctor.bundled import snapshot_names, snapshots_dir
from meshdoctor.facts.envoy.config_dump import read_dump
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.sources import read_capture
from tests.dumps import (
    Json,
    assignment,
    catch_all,
    chain,
    cluster,
    dump,
    endpoint,
    hcm,
    listener,
    metadata,
    route,
    tcp,
    virtual_host,
)
from tests.dumps import routes as route_config
from tests.replicas import Crowd

ROUNDS = 5
BIG = Path(__file__).resolve().parents[2] / "shared" / "big" / "capture.tar.gz"
SERVICES = 12_000
"""Of the synthetic dump: as large as the sidecar's of a mesh of 1,500 Services and 300 entries, some 30 MiB."""
MEMBERS = 150_000
"""Of an archive that was not made for meshdoctor."""
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def main() -> None:
    """Prints a table for the capture on the command line; without one for a big capture, an ordinary one, and many."""
    with tempfile.TemporaryDirectory() as folder:
        for path in captures(Path(folder)):
            measure(path)
        if len(sys.argv) == 1:
            measure_members(Path(folder) / "members.tar.gz")
        if len(sys.argv) == 1:
            measure_many(crowd(Path(folder) / "ordinary", snapshots_dir() / snapshot_names()[0], 400, 400))
            measure_many(crowd(Path(folder) / "big", unpacked(Path(folder)), 100, 4))


def captures(folder: Path) -> Iterator[Path]:
    """What to measure. The big one is made up where the shared one is missing."""
    if len(sys.argv) > 1:
        yield Path(sys.argv[1])
        return
    yield BIG if BIG.is_file() else synthetic(folder)
    yield snapshots_dir() / snapshot_names()[0]


def measure(path: Path) -> None:
    """Prints the table of one capture."""
    capture = read_capture(path)
    dumps = [document.read() for name, document in capture.documents.items() if name.endswith("config_dump.json")]
    command = [sys.executable, "-m", "meshdoctor", "check", "--json", "--fail-on", "never", "--from", str(path)]
    yardstick = best(lambda: [orjson.loads(data) for data in dumps])
    rows = [
        ("orjson.loads of the dumps", yardstick),
        ("json.loads of the dumps", best(lambda: [json.loads(data) for data in dumps])),
        ("dump bytes to facts", best(lambda: [read_dump(data, "config_dump.json") for data in dumps])),
        ("capture to facts", best(lambda: list(read_mesh(read_capture(path)).proxies.values()))),
        ("check --json, whole process", best(lambda: subprocess.run(command, check=True, capture_output=True))),
    ]
    say(f"{path.name}: {len(dumps)} dumps, {sum(map(len, dumps)) / 2**20:.1f} MiB, best of {ROUNDS}")
    for name, seconds in rows:
        say(f"  {name:32}{seconds * 1000:9.1f} ms {seconds / yardstick:7.2f} x orjson")
    say(f"  {'check --json, peak memory':32}{peak_memory(command) / 2**20:9.1f} MiB")


def measure_members(path: Path) -> None:
    """An archive of many members of which one is evidence, beside tarfile's own list of them."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number in range(MEMBERS):
            name = f"cap/other/{number % 100}/file-{number}.bin" if number else "cap/resources/pods.yaml"
            member = tarfile.TarInfo(name)
            content = b"apiVersion: v1\nkind: List\nitems: []\n"
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    def listed() -> None:
        with tarfile.open(path) as archive:
            archive.getmembers()

    ours, theirs = best(lambda: read_capture(path)), best(listed)
    memory = peak_memory([sys.executable, "-m", "meshdoctor", "check", "--json", "--from", str(path)]) / 2**20
    say(
        f"{MEMBERS:,} members: read in {ours:.2f} s, {ours / theirs:.2f} x tarfile's list, peak memory {memory:.1f} MiB"
    )


def measure_many(path: Path) -> None:
    """Prints the table of a capture with many sidecars, whose dumps nobody could hold at once."""
    found = [d for name, d in read_capture(path).documents.items() if name.endswith("config_dump.json")]
    data = found[0].read()
    yardstick = best(lambda: orjson.loads(data)) * len(found)
    say(f"{path.name}: {len(found)} dumps, {sum(d.size for d in found) / 2**20:.1f} MiB, once")
    for name in ("check", "hosts"):
        command = [sys.executable, "-m", "meshdoctor", name, "--json", "--from", str(path)]
        start = time.perf_counter()
        subprocess.run(command, check=False, capture_output=True)
        seconds = time.perf_counter() - start
        say(f"  {name + ' --json, whole process':32}{seconds * 1000:9.1f} ms {seconds / yardstick:7.2f} x orjson")
        say(f"  {name + ' --json, peak memory':32}{peak_memory(command) / 2**20:9.1f} MiB in one process")


def crowd(folder: Path, source: Path, pods: int, distinct: int) -> Path:
    """A capture with replicas of each pod of another one; `distinct` of them are files of their own, the rest links."""
    made = Crowd(source, replicas=distinct)
    for path, document in made.capture.documents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(document.read())
    for pod in sorted((folder / "proxies").glob("*/*"))[:distinct]:
        for number in range(pods // distinct - 1):
            replica = pod.with_name(f"{pod.name}{number}")
            replica.mkdir()
            for file in pod.iterdir():
                (replica / file.name).hardlink_to(file)
    return folder


def unpacked(folder: Path) -> Path:
    """The big capture as a folder."""
    if not BIG.is_file():
        return folder / "capture"
    place = folder / "unpacked"
    with tarfile.open(BIG) as archive:
        archive.extractall(place, filter="data")
    return next(place.rglob("proxies")).parent


def peak_memory(command: list[str]) -> int:
    """Peak resident bytes of one process; a process between keeps other children out of the count."""
    found = subprocess.run([sys.executable, "-c", MEASURED, *command], check=True, capture_output=True, text=True)
    return int(found.stdout) * (1 if sys.platform == "darwin" else 1024)


def synthetic(folder: Path) -> Path:
    """A capture of one sidecar that sees many Services: cluster, endpoints and virtual host for each."""
    place = folder / "capture" / "proxies" / "shop" / "web"
    place.mkdir(parents=True)
    hosts = [f"service-{number}.shop.svc.cluster.local" for number in range(SERVICES)]
    names = [f"outbound|8080||{host}" for host in hosts]
    made = dump(
        [catch_all("BlackHoleCluster"), listener("0.0.0.0", 8080, chain(hcm("8080"))), *_own_listeners(hosts)],
        [_cluster(name, host) for name, host in zip(names, hosts, strict=True)],
        [route_config("8080", *(_host(name, host) for name, host in zip(names, hosts, strict=True)))],
        [assignment(name, *(endpoint(f"10.1.{n}.{n}", 8080) for n in range(4))) for name in names],
    )
    (place / "config_dump.json").write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2))
    return folder / "capture"


def _own_listeners(hosts: list[str]) -> list[Json]:
    addresses = [f"10.96.{number // 250}.{number % 250}" for number in range(len(hosts) // 8)]
    return [
        listener(address, 9000, chain(tcp(f"outbound|9000||{host}")))
        for address, host in zip(addresses, hosts, strict=False)
    ]


def _cluster(name: str, host: str) -> Json:
    return cluster(name, metadata=metadata(services=[{"host": host, "namespace": "shop", "name": host.split(".")[0]}]))


def _host(name: str, host: str) -> Json:
    short = host.split(".")[0]
    return virtual_host(f"{host}:8080", [host, f"{host}:8080", short, f"{short}.shop"], route(name, name="default"))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


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
