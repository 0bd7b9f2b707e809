"""`make lab`, `make lab-down`: the lab as something to try meshdoctor on. `python -m tests.lab build|up|down`.

`up SCENARIO` leaves a process behind that holds the lab; `down` tells it to end everything.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from tests.lab import parts
from tests.lab.lab import running, sweep
from tests.lab.processes import LabError, is_alive, owner_mark, wait_for
from tests.lab.scenario import read_scenario

SCENARIOS = Path(__file__).parent / "scenarios"
START_LIMIT = 180.0

USAGE = """\
The lab runs {scenario}: {about}

  export KUBECONFIG={kubeconfig}
  {program} check
  {program} trace {pod} {host}:{port}
  {program} capture ./capture

Another mesh: make lab SCENARIO={others}
The end: make lab-down"""


def main() -> int:
    """Exit code 0, or 1 with one line that says why not."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the control plane into the cache, once")
    up = commands.add_parser("up", help="start the lab with a scenario")
    up.add_argument("scenario", nargs="?", default="tcp-port-clash", help="name in tests/lab/scenarios, or a file")
    hold = commands.add_parser("hold", help="run the lab until it is told to end")
    hold.add_argument("scenario")
    commands.add_parser("down", help="end the lab")
    asked = parser.parse_args()
    try:
        if asked.command == "build":
            return _build()
        if asked.command == "up":
            return _up(asked.scenario)
        if asked.command == "hold":
            _hold(asked.scenario)
        return _down()
    except (LabError, RuntimeError, OSError) as error:
        return _fail(str(error))


def _build() -> int:
    if because := parts.why_not(built=False):
        return _fail(because)
    made = parts.build(lambda line: _say(f"lab: {line}"))
    _say(f"lab: built in {made.folder}")
    return 0


def _up(scenario: str) -> int:
    if because := parts.why_not():
        return _fail(because)
    if _holder() is not None:
        _down()
    path = _path(scenario)
    _state().unlink(missing_ok=True)
    _state().parent.mkdir(parents=True, exist_ok=True)
    with _log().open("wb") as log:
        command = [sys.executable, "-m", "tests.lab", "hold", str(path)]
        holder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def started() -> bool:
        return holder.poll() is not None or _state().is_file()

    wait_for("the lab", started, START_LIMIT)
    if not _state().is_file():
        return _fail(_log().read_text()[-2000:].strip())
    story = read_scenario(path)
    probe = story.probes[0]
    others = "|".join(sorted(p.stem for p in SCENARIOS.glob("*.yaml")))
    kubeconfig = json.loads(_state().read_text())["kubeconfig"]
    words = {"scenario": path.stem, "about": story.about, "kubeconfig": kubeconfig, "others": others}
    program = os.path.relpath(Path(sys.executable).with_name("meshdoctor"))
    _say(USAGE.format(**words, program=program, pod=probe.pod, host=probe.host, port=probe.port))
    return 0


def _hold(scenario: str) -> NoReturn:
    """Run until SIGTERM or Ctrl-C; the state file says that the lab is ready."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with running(parts.parts()) as lab:
        lab.load(read_scenario(Path(scenario)))
        half = _state().with_suffix(".part")
        half.write_text(json.dumps({"owner": owner_mark(os.getpid()), "kubeconfig": str(lab.kubeconfig)}))
        half.rename(_state())
        try:
            while True:
                time.sleep(3600)
        finally:
            _state().unlink(missing_ok=True)


def _down() -> int:
    owner = _holder()
    if owner is None:
        _say("lab: none is running")
    else:
        os.kill(int(owner.split("-")[0]), signal.SIGTERM)
        wait_for("the lab to end", lambda: not is_alive(owner))
        _say("lab: ended")
    sweep()
    return 0


def _holder() -> str | None:
    """The mark of the process that holds the lab, if there is one."""
    try:
        owner = str(json.loads(_state().read_text())["owner"])
    except (OSError, ValueError, KeyError):
        return None
    return owner if is_alive(owner) else None


def _path(scenario: str) -> Path:
    path = Path(scenario) if scenario.endswith(".yaml") else SCENARIOS / f"{scenario}.yaml"
    if not path.is_file():
        raise LabError(
            f"no scenario {scenario}; there are {', '.join(sorted(p.stem for p in SCENARIOS.glob('*.yaml')))}"
        )
    return path.resolve()


def _state() -> Path:
    return parts.cache() / "lab-running.json"


def _log() -> Path:
    return parts.cache() / "lab-running.log"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _fail(because: str) -> int:
    sys.stderr.write(f"lab: {because}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
