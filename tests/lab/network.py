"""Network namespaces: one for each pod, and one with the bridge that joins them.

All traffic stays among them: the outside hosts' addresses lie on the pod's own loopback, and no namespace has a way
to the machine's network.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.lab.processes import is_alive, owner_mark, run

PREFIX = "md-"
APPLICATION_UID = 65534
"""Only this user is redirected, so that Envoy (root) gets out. Istio excepts 1337 and redirects all others."""

OUTBOUND, DNS_CAPTURE = "15001", "15053"
RESOLVERS = Path("/etc/netns")
"""Where `ip netns exec` finds a namespace's own resolv.conf (ip-netns(8))."""

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Network:
    """The namespaces of one lab."""

    def __init__(self) -> None:
        self.mark = owner_mark(os.getpid())
        self.bridge = self.name("bridge")
        _add(self.bridge)
        _ip("-n", self.bridge, "link", "add", "pods", "type", "bridge")
        _ip("-n", self.bridge, "link", "set", "pods", "up")

    def name(self, pod: str) -> str:
        """The namespace of a pod."""
        return f"{PREFIX}{self.mark}-{pod}"

    def add(self, pod: str, address: str, outside: Iterable[str]) -> str:
        """A namespace with this address on the bridge and the outside's addresses on its loopback; gives its name."""
        name = self.name(pod)
        _add(name)
        _ip("-n", self.bridge, "link", "add", f"to-{pod}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("-n", self.bridge, "link", "set", f"to-{pod}", "master", "pods", "up")
        batch = [f"addr add {address}/16 dev eth0", "link set eth0 up", "route add default dev lo"]
        # Nobody answers at an unknown address: Envoy (root) is told so at once. The application's connections need a
        # route, since the redirect comes after routing.
        batch += ["route add 10.244.0.0/16 dev eth0 table 100", "route add unreachable default table 100"]
        batch += ["rule add pref 100 uidrange 0-0 lookup 100"]
        batch += [f"addr add {ip}/32 dev lo" for ip in sorted(set(outside))]
        run("ip", "-n", name, "-batch", "-", stdin="\n".join(batch) + "\n")
        folder = RESOLVERS / name
        folder.mkdir(parents=True)
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        return name

    def remove(self, pod: str) -> None:
        """Remove a pod's namespace."""
        _remove(self.name(pod))

    def remove_all(self) -> None:
        """Remove every namespace of this lab."""
        for name in _existing():
            if name.startswith(f"{PREFIX}{self.mark}-"):
                _remove(name)


def redirect(netns: str, spared: Sequence[Sequence[str]], captured: Sequence[Sequence[str]], dns_capture: bool) -> None:
    """Istio's redirect for the application's user, by iptables matches: what stays out, then what is captured."""
    mine = ["-m", "owner", "--uid-owner", str(APPLICATION_UID)]
    lines = [["-d", "127.0.0.0/8", "-p", "tcp", "-j", "RETURN"]]
    lines += [["-p", "tcp", *mine, *match, "-j", "RETURN"] for match in spared]
    lines += [["-p", "tcp", *mine, *match, "-j", "REDIRECT", "--to-ports", OUTBOUND] for match in captured]
    if dns_capture:
        asked = ["--dport", "53", *mine, "-j", "REDIRECT", "--to-ports", DNS_CAPTURE]
        lines = [["-p", protocol, *asked] for protocol in ("udp", "tcp")] + lines
    table = ["*nat", *(f"-A OUTPUT {' '.join(line)}" for line in lines), "COMMIT", ""]
    run("ip", "netns", "exec", netns, "iptables-restore", "--noflush", stdin="\n".join(table))


def connect(netns: str, port: int, limit: float) -> socket.socket:
    """A connection to 127.0.0.1:port in a namespace: a socket belongs to the namespace of the thread that made it."""
    result: list[socket.socket | OSError] = []

    def dial() -> None:
        made = None
        try:
            with open(f"/run/netns/{netns}") as there:
                if _libc.setns(there.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"no network namespace {netns}")
            made = socket.socket()
            made.settimeout(limit)
            made.connect(("127.0.0.1", port))
            result.append(made)
        except OSError as error:
            if made is not None:
                made.close()
            result.append(error)

    thread = threading.Thread(target=dial)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]


def sweep() -> None:
    """Remove namespaces of labs whose process died without doing so."""
    for name in _existing():
        mark = name.removeprefix(PREFIX).rpartition("-")[0]
        if name.startswith(PREFIX) and not is_alive(mark):
            _remove(name)


def _existing() -> list[str]:
    return [line.split()[0] for line in run("ip", "netns", "list").splitlines() if line]


def _add(name: str) -> None:
    _ip("netns", "add", name)
    _ip("-n", name, "link", "set", "lo", "up")


def _remove(name: str) -> None:
    run("ip", "netns", "del", name, check=False)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(RESOLVERS / name)


def _ip(*words: str) -> None:
    run("ip", *words)
