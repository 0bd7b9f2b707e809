"""Every golden file and how it is made. Write them anew with `python -m tests.golden.outputs`, then read the diff."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from meshdoctor.report import hosts_text, json_v1, text, trace_text
from meshdoctor.report.paper import Paper
from tests.golden import results

FILES = Path(__file__).parent / "files"
_PIPE = Paper()
_TERMINAL = Paper(width=100, colour=True)
_ASCII = Paper(symbols=False)
_RULES = frozenset({"tcp-port-clash", "incomplete-address-list"})

OUTPUTS: dict[str, Callable[[], str | bytes]] = {
    "check-sick.txt": lambda: text.render(results.SICK, _PIPE),
    "check-sick-verbose.txt": lambda: text.render(results.SICK, _PIPE, verbose=True),
    "check-sick-terminal.txt": lambda: text.render(results.SICK, _TERMINAL),
    "check-sick-ascii.txt": lambda: text.render(results.SICK, _ASCII),
    "check-healthy.txt": lambda: text.render(results.HEALTHY, _PIPE),
    "check-blind.txt": lambda: text.render(results.BLIND, _PIPE),
    "check-sick.json": lambda: json_v1.check(results.SICK),
    "check-healthy.json": lambda: json_v1.check(results.HEALTHY),
    "check-blind.json": lambda: json_v1.check(results.BLIND),
    "trace-misrouted.txt": lambda: trace_text.render(results.MISROUTED, _PIPE, rules=_RULES),
    "trace-misrouted-terminal.txt": lambda: trace_text.render(results.MISROUTED, _TERMINAL, rules=_RULES),
    "trace-several.txt": lambda: trace_text.render(results.SEVERAL, _PIPE, rules=_RULES),
    "trace-unknown.txt": lambda: trace_text.render(results.HUNG, _PIPE, rules=_RULES),
    "trace-delivered.txt": lambda: trace_text.render(results.DELIVERED, _PIPE, rules=_RULES),
    "trace-misrouted.json": lambda: json_v1.trace(results.MISROUTED),
    "trace-several.json": lambda: json_v1.trace(results.SEVERAL),
    "trace-unknown.json": lambda: json_v1.trace(results.HUNG),
    "hosts.txt": lambda: hosts_text.render(results.HOSTS, _PIPE),
    "hosts-ascii.txt": lambda: hosts_text.render(results.HOSTS, _ASCII),
    "hosts-none.txt": lambda: hosts_text.render(results.NO_HOSTS, _PIPE),
    "hosts.json": lambda: json_v1.hosts(results.HOSTS_OF_FEW),
}


def made(name: str) -> bytes:
    """The output as it is now."""
    output = OUTPUTS[name]()
    return output if isinstance(output, bytes) else output.encode()


def write() -> None:
    """Write all golden files, and remove those that nothing makes any more."""
    FILES.mkdir(exist_ok=True)
    for stale in set(path.name for path in FILES.iterdir()) - set(OUTPUTS):
        (FILES / stale).unlink()
    for name in OUTPUTS:
        (FILES / name).write_bytes(made(name))


if __name__ == "__main__":
    write()
