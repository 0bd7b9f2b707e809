"""What kwok is told for each pod: which ports it forwards, where a command runs, and where the sidecar's log is.

kwok runs commands on the host and finds them on its own PATH (kwok, pkg/utils/exec/exec.go). So that PATH holds one
script for each command that a sidecar's image has; it enters the network namespace that the pod's `Exec` names.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.lab.api import Object
from tests.lab.parts import Parts, tool

COMMAND_FOLDER = "container-bin"
COMMANDS = ("pilot-agent", "curl", "getent", "cat", "ls", "env", "hostname", "sh")
NAMESPACE_VARIABLE = "LAB_NETNS"
ADMIN_PORTS = (15000, 15004, 15020, 15021)
SIDECAR = "istio-proxy"
VERSION = "kwok.x-k8s.io/v1alpha1"


def write_commands(folder: Path, parts: Parts) -> None:
    """The commands of a sidecar's container."""
    folder.mkdir()
    for name in COMMANDS:
        real = parts.program(name) if name == "pilot-agent" else tool(name)
        script = folder / name
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        enter = f'exec {tool("ip")} netns exec "${NAMESPACE_VARIABLE}" {real} "$@"'
        script.write_text(f'#!{tool("sh")}\nexport PATH="{path}"\n{enter}\n')
        script.chmod(0o755)


def forward_by(namespace: str, pod: str, script: Path) -> Object:
    """Port-forward of the sidecar's ports by a script that gets the port; see `write_forward`."""
    forwards = [{"ports": [port], "command": [str(script), str(port)]} for port in ADMIN_PORTS]
    return _object("PortForward", namespace, pod, {"forwards": forwards})


def write_forward(script: Path, netns: str, admin: int) -> None:
    """The script that joins a forwarded port to a namespace, with the admin port at `admin`; takes effect at once."""
    instead = f'test "$1" = {ADMIN_PORTS[0]} && set -- {admin}'
    joined = f'exec {tool("ip")} netns exec {netns} {tool("socat")} - "TCP:127.0.0.1:$1"'
    unfinished = script.with_suffix(".part")
    unfinished.write_text(f"#!{tool('sh')}\n{instead}\n{joined}\n")
    unfinished.chmod(0o755)
    unfinished.rename(script)


def forward_to_address(namespace: str, pod: str, address: str, port: int) -> Object:
    """Port-forward of the admin port to an address of the host."""
    forwards = [{"ports": [15000], "target": {"address": address, "port": port}}]
    return _object("PortForward", namespace, pod, {"forwards": forwards})


def exec_in_netns(namespace: str, pod: str, netns: str, folder: Path) -> Object:
    """Exec in the sidecar's container."""
    local = {"workDir": str(folder), "envs": [{"name": NAMESPACE_VARIABLE, "value": netns}]}
    return _object("Exec", namespace, pod, {"execs": [{"containers": [SIDECAR], "local": local}]})


def logs_from(namespace: str, pod: str, file: Path) -> Object:
    """The sidecar's log; the file is in the form of the container runtimes (CRI)."""
    return _object("Logs", namespace, pod, {"logs": [{"containers": [SIDECAR], "logsFile": str(file)}]})


def _object(kind: str, namespace: str, pod: str, spec: Object) -> Object:
    return {"apiVersion": VERSION, "kind": kind, "metadata": {"name": pod, "namespace": namespace}, "spec": spec}
