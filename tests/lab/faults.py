"""What goes wrong on purpose: an Envoy that dies, stands still, or whose admin port answers badly."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator

from tests.lab.control import ControlPlane
from tests.lab.sidecar import ADMIN, RunningPod

STAND_IN_PORT = 15999


def kill_envoy(pod: RunningPod) -> None:
    """SIGKILL; pilot-agent ends with it, as in a pod whose container is not started again. `revive` brings it back."""
    with contextlib.suppress(ProcessLookupError):
        pid = pod.envoy_pid()
        ended = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        # until it has ended, its socket still takes connections, which are reset
        select.select([ended], [], [], 10)
        os.close(ended)
    pod.control.processes.stop(f"{pod.short}-proxy", by=signal.SIGKILL)


def revive(pod: RunningPod) -> None:
    """Start pilot-agent and Envoy again and wait until they are live."""
    pod.start_proxy()
    pod.live()


@contextlib.contextmanager
def stopped_envoy(pod: RunningPod) -> Iterator[None]:
    """Envoy stands still (SIGSTOP): connections are accepted by the kernel and never answered."""
    pid = pod.envoy_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def stopped_istiod(control: ControlPlane) -> Iterator[None]:
    """istiod stands still (SIGSTOP): what is written meanwhile reaches no proxy."""
    pid = control.processes.pid("istiod")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def bad_admin(pod: RunningPod, manner: str, pause: float = 0.01) -> Iterator[None]:
    """Port-forward to the admin port meets a stand-in: see `admin.py` for the manners.

    `trickle` passes on what Envoy answers, byte by byte with `pause` seconds between; `silent` never answers; `html`
    is a login page; `refused` is a port where nobody listens; `cut` ends in the middle of the body.
    """
    if manner != "refused":
        command = ["-m", "tests.lab.admin", manner, str(STAND_IN_PORT), str(pause)]
        pod.inside("admin", sys.executable, *command)
        log = f"{pod.short}-admin"
        pod.control.processes.ready(log, lambda: "ready" in pod.control.processes.log(log))
    pod.forward_admin_to(STAND_IN_PORT)
    try:
        yield
    finally:
        pod.forward_admin_to(ADMIN)
        if manner != "refused":
            pod.end("admin")
