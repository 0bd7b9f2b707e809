"""A connection as it is typed."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from msgspec import Struct, structs

from meshdoctor.errors import UsageError
from meshdoctor.model.evidence import Evidence
from meshdoctor.model.trace import PROTOCOLS, ClientOptions
from meshdoctor.semantics.ip_addresses import is_ip
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.semantics.istio.host_port import read_host_port
from meshdoctor.tui.state.mesh_state import MeshState
from meshdoctor.tui.state.rows import rank
from meshdoctor.tui.state.view_state import Panel, ViewState

AUTO = "auto"
KINDS = (AUTO, *PROTOCOLS)
"""What the client does; `auto`: as declared, else as the port is known for."""
NO_SNI = '""'
"""What is typed for TLS without server name, as on the command line."""
OFFERED = 100
"""Completions at most."""

Field = Literal["pod", "to", "ip", "sni", "authority", "path"]


class TraceSubject(NamedTuple):
    """The connection of a row, as far as it is known."""

    pod: str = ""
    host: str = ""
    port: int | None = None


class Form(Struct):
    """What stands in the fields. An empty one is as most clients do."""

    pod: str = ""
    to: str = ""
    ip: str = ""
    kind: str = AUTO
    sni: str = ""
    authority: str = ""
    path: str = ""


class TraceRequest(Struct, frozen=True):
    """A connection to trace: the arguments of `DiagnosisSession.trace`."""

    pod: str
    host: str
    port: int
    ip: str | None = None
    protocol: str | None = None
    sni: str | None = None
    authority: str | None = None
    path: str | None = None
    scheme: str | None = None

    @property
    def client(self) -> ClientOptions:
        """All but pod, host and port."""
        return ClientOptions(
            ip=self.ip,
            protocol=self.protocol,
            sni=self.sni,
            authority=self.authority,
            path=self.path,
            scheme=self.scheme,
        )


def read_form(form: Form, mesh_state: MeshState) -> TraceRequest:
    """The form as a connection. Raises `UsageError` with what to type where a field is empty or not valid."""
    if form.pod not in mesh_state.pods:
        raise UsageError(f"no pod {form.pod}" if form.pod else "type a pod, or choose one")
    if not form.to.strip():
        raise UsageError("type a destination: github.com:443, or a whole URL")
    to = read_host_port(form.to)
    if form.ip and not is_ip(form.ip):
        raise UsageError(f"{form.ip!r} is no IP address: write 198.51.100.20 or 2001:db8::20")
    kind = to.protocol if form.kind == AUTO else form.kind
    is_http = kind in (None, "http")
    is_url = to.scheme is not None and form.kind == AUTO
    return TraceRequest(
        form.pod,
        to.host,
        to.port,
        form.ip or None,
        None if is_url else kind,
        ("" if form.sni == NO_SNI else form.sni) if form.sni and kind in (None, "tls") else None,
        form.authority if form.authority and is_http else None,
        form.path or (to.path if kind == "http" else None) if is_http else None,
        to.scheme if is_url else None,
    )


def of_row(view_state: ViewState, panel: Panel, key: Any) -> TraceSubject:
    """The connection that the row under the cursor and the choices beside it are about."""
    mesh_state = view_state.mesh_state
    chosen = {choice.panel: choice.key for choice in view_state.choices} | ({panel: key} if key is not None else {})
    pod, pair = str(chosen.get("pods", "")), chosen.get("hosts")
    line = mesh_state.findings.get(chosen.get("findings", ""))
    if line is not None and (panel == "findings" or not (pod and pair)):
        pair = line.pair if panel == "findings" or pair is None else pair
        if not pod and line.finding.pods:
            pod = line.finding.pods[0]
    return TraceSubject(pod, pair[0], pair[1]) if pair else TraceSubject(pod)


def pods_like(mesh_state: MeshState, typed: str, to: str = "") -> list[str]:
    """Pods whose name holds what was typed; those first that want the destination or are looked at."""
    wanting = {pod for line in mesh_state.hosts.values() if host_port(*line.pair) == to for pod in line.used_by}
    text = typed.strip().lower()
    found = [row for row in mesh_state.pods.values() if text in row.text and row.state != "none"]
    found.sort(key=lambda row: (row.key not in wanting, not row.name.startswith(text), row.state != "judged", row.key))
    return [row.key for row in found[:OFFERED]]


def hosts_like(mesh_state: MeshState, typed: str, pod: str = "") -> list[str]:
    """Destinations of the board that hold what was typed; those first that the pod wants."""
    row = mesh_state.pods.get(pod)
    wants = row.dependencies if row else frozenset()
    text = typed.strip().lower()
    found = [line for line in mesh_state.hosts.values() if line.port is not None and text in host_port(*line.pair)]
    found.sort(key=lambda line: (line.pair not in wants, not line.host.startswith(text), rank(line), line.pair))
    return [host_port(*line.pair) for line in found[:OFFERED]]


_OBJECT = re.compile(r"\$\.(?:configs\[\d+\]\.\w+|configs\.\w+\.\w+|items)\[\d+\]")


def whole(piece: Evidence) -> Evidence:
    """The same in the whole object that it is part of: a listener, a cluster, a resource."""
    found = _OBJECT.match(piece.path)
    return structs.replace(piece, path=found.group(), line=None) if found else piece
