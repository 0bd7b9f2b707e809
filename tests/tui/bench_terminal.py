"""`python -m tests.tui.bench_terminal`: what a user at a terminal waits for, and what a slow line has to carry.

Seconds from a key to the last byte it makes the session write, and how many bytes, on a pty that answers nothing.
Start-up is from the start of the process to the first paint, beside what loading Textual alone takes.
Printed, never asserted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from meshdoctor.cli.interactive import FRAMES
from tests.tui.terminal import Terminal, terminal

PODS, HOSTS, PER_SECOND, ROUNDS = 1000, 300, 250, 9
SIZES = ((80, 24), (160, 50))


def main() -> None:
    """Prints all of it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_STATE_HOME": folder}
        environment |= {"XDG_CONFIG_HOME": folder, "TEXTUAL_FPS": FRAMES}
        environment.pop("NO_COLOR", None)
        start(environment)
        for columns, lines in SIZES:
            crowd(environment, columns, lines)


def say(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def start(environment: dict[str, str]) -> None:
    """From nothing to the first paint."""
    commands = {"meshdoctor": [], "meshdoctor --from": ["--from", "demo:healthy"]}
    paints: dict[str, list[float]] = {name: [] for name in commands}
    yardsticks: list[float] = []
    for _ in range(ROUNDS):
        for name, arguments in commands.items():
            begun = time.perf_counter()
            with terminal([sys.executable, "-m", "meshdoctor", *arguments], 120, 40, environment) as shown:
                while b"Pods" not in shown.written:
                    shown.read(1, shown=False)
                paints[name].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import textual.app"], check=True, env=environment)
        yardsticks.append(time.perf_counter() - begun)
    for name, seconds in paints.items():
        ratio = f"{median(seconds) / median(yardsticks):.2f} x import textual.app"
        say(f"{name + ', first paint':<32} {told(seconds)} {ratio}")


def crowd(environment: dict[str, str], columns: int, lines: int) -> None:
    """A crowd comes in, then keys."""
    command = [sys.executable, "-m", "tests.tui.crowded", str(PODS), str(HOSTS), str(PER_SECOND)]
    with terminal(command, columns, lines, environment, Path(__file__).parents[2]) as shown:
        while b"Pods" not in shown.written:
            shown.read(1, shown=False)
        seconds, count = shown.settle(1.5)
        say(f"{PODS} pods x {HOSTS} hosts, {columns} x {lines}")
        say(f"  came in within     {seconds * 1000:7.0f} ms             {count:7} bytes, {count / PODS:.0f} a pod")
        for name, keys in KEYS_TRIED.items():
            typed(shown, name, keys)
        now, most = (shown.kibibytes(field) / 1024 for field in ("VmRSS", "VmHWM"))
        say(f"  memory             {now:7.0f} MiB, at most {most:.0f}")


KEYS_TRIED = {
    "a row down": ["down"] * 12,
    "a screen down": ["pagedown"] * 12,
    "filter's line": ["/"],
    "filter typed": list("worker-09"),
    "filter deleted": ["backspace"] * 9,
    "filter left": ["escape"],
    "next panel": ["tab"] * 3,
    "order": ["s"] * 4,
    "problems only": ["\x1a"] * 2,
    "no key for 3 s": [],
}


def typed(shown: Terminal, name: str, keys: list[str]) -> None:
    """Presses each key once the one before it is drawn."""
    if not keys:
        shown.settle(3, patience=3)
        say(f"  {name:<18} {shown.settle(3, patience=3)[1]:32} bytes")
        return
    times, counts = [], []
    shown.settle()
    for key in keys:
        shown.press(key)
        seconds, count = shown.settle(0.3)
        times.append(seconds)
        counts.append(count)
    say(f"  {name:<18} {told(times)} {round(median(counts)):7} bytes, at most {max(counts)}")


def told(seconds: list[float]) -> str:
    """The median and the longest."""
    return f"{median(seconds) * 1000:7.0f} ms (at most {max(seconds) * 1000:.0f})".ljust(27)


if __name__ == "__main__":
    main()
