"""A sidecar's log as it is written: kept as a file that a kubelet can serve, and Envoy's access log by connection."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from msgspec import Struct

FIELDS = (
    "time",
    "request",
    "status",
    "flags",
    "details",
    "termination",
    "failure",
    "received",
    "sent",
    "duration",
    "upstream_time",
    "forwarded_for",
    "user_agent",
    "request_id",
    "authority",
    "upstream_host",
    "cluster",
    "upstream_local",
    "dialled",
    "client",
    "sni",
)
"""Istio's default text format (pilot/pkg/model/telemetry_logging.go, EnvoyTextLogFormat); the rest is the route."""

TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]]*)\]|(\S+)')


class Logged(Struct, frozen=True):
    """One line of Envoy's access log; a value that Envoy has not got is empty."""

    line: str
    client: str
    """The client's own address and port: which connection this was."""
    status: str
    flags: tuple[str, ...]
    details: str
    """Why the response is what it is: `via_upstream`, `direct_response`, `route_not_found`."""
    failure: str
    """What failed in TLS towards the outside."""
    cluster: str
    upstream_host: str
    route: str
    """Name of the HTTP route."""


def parse(line: str) -> Logged | None:
    """A line of the access log, None for any other line."""
    if not line.startswith("[20"):
        return None
    tokens = [match[1] or match[2] or match[3] or "" for match in TOKEN.finditer(line)]
    if len(tokens) <= len(FIELDS):
        return None
    said = {name: "" if value == "-" else value for name, value in zip(FIELDS, tokens, strict=False)}
    route = " ".join(tokens[len(FIELDS) :])
    return Logged(
        line,
        said["client"],
        said["status"],
        tuple(said["flags"].split(",")) if said["flags"] else (),
        said["details"],
        said["failure"],
        said["cluster"],
        said["upstream_host"],
        "" if route == "-" else route,
    )


class SidecarLog:
    """The output of pilot-agent and Envoy, followed by a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[str, list[Logged]] = {}
        self._more = threading.Condition()

    def follow(self, output: IO[bytes]) -> None:
        """Read until the program ends. The file has the container runtimes' form: time, stream, F, text."""
        threading.Thread(target=self._follow, args=(output,), daemon=True).start()

    def _follow(self, output: IO[bytes]) -> None:
        with self.path.open("ab", buffering=0) as file, output:
            for line in output:
                now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
                file.write(f"{now} stdout F ".encode() + line)
                logged = parse(line.decode(errors="replace").rstrip("\n"))
                if logged is not None:
                    with self._more:
                        self._lines.setdefault(logged.client, []).append(logged)
                        self._more.notify_all()

    def forget(self) -> None:
        """Drop the connections seen so far: clients' ports come again."""
        with self._more:
            self._lines.clear()

    def of(self, clients: Sequence[str], patience: float) -> dict[str, list[Logged]]:
        """The lines of these connections by the client's address; what is not there after `patience` s never comes."""
        deadline = time.monotonic() + patience
        with self._more:
            self._more.wait_for(lambda: all(c in self._lines for c in clients), max(0, deadline - time.monotonic()))
            return {client: list(self._lines.get(client, ())) for client in clients}

    def tail(self, size: int = 2000) -> str:
        """The end of the log."""
        return self.path.read_text(errors="replace")[-size:] if self.path.is_file() else ""
