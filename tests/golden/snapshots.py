"""What meshdoctor says about every bundled snapshot, as files. `python -m tests.golden.snapshots` writes them anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from meshdoctor import doctor
from meshdoctor.bundled import snapshot_names
from meshdoctor.model.finding import Diagnosis
from meshdoctor.report import json_v1, text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.view import check, trace

FILES = Path(__file__).parent / "snapshots_files"

TEXTS = ("healthy", "mysql-blocked", "tcp-port-clash")
"""Snapshots whose report is kept as text as well: nothing found, one fault, one fault with a warning behind it."""

TRACES = {
    "http-ok": ("ratings", "httpbin.example", 80),
    "mysql-one-ip-missing": ("ratings", "db.payments.example", 3306),
    "tcp-port-clash": ("ratings", "github.com", 443),
}
"""Connections kept as text: through a route, with several addresses, and one that ends at somebody else's."""


@cache
def case_of(name: str) -> doctor.Case:
    """A snapshot as `--from demo:NAME` opens it."""
    return doctor.open_case(doctor.Source(snapshot=name))


@cache
def diagnosis_of(name: str) -> Diagnosis:
    """What `check` finds in it."""
    return doctor.diagnose(case_of(name))


def makers() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Every golden file's name and how its content is made."""
    for name in snapshot_names():
        yield f"check-{name}.json", partial(checked_json, name)
    for name in TEXTS:
        yield f"check-{name}.txt", partial(checked, name)
    for name in TRACES:
        yield f"trace-{name}.txt", partial(traced, name)


def checked_json(name: str) -> bytes:
    """`check --json` of this snapshot."""
    return json_v1.check(diagnosis_of(name))


def checked(name: str) -> bytes:
    """The text of `check` of this snapshot, as a pipe gets it."""
    return text.render(check.report(diagnosis_of(name), source=f" --from demo:{name}"), TextWriter()).encode()


def traced(name: str) -> bytes:
    """The text of the trace kept for this snapshot."""
    pod, host, port = TRACES[name]
    result = doctor.trace(case_of(name), pod, host, port)
    rules = () if result.verdict == "delivered" else {rule.id for rule in doctor.load_catalogue()}
    return text.render(trace.report(result, rules=rules), TextWriter()).encode()


OUTPUTS = dict(makers())


def write() -> None:
    """Write all golden files, and remove those that nothing makes any more."""
    FILES.mkdir(exist_ok=True)
    for stale in {path.name for path in FILES.iterdir()} - set(OUTPUTS):
        (FILES / stale).unlink()
    for name, made in OUTPUTS.items():
        (FILES / name).write_bytes(made())


if __name__ == "__main__":
    write()
