"""The fake API server, a kubeconfig for it, and the loopback, which other tests may not use."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from meshdoctor.kube import retries, session
from meshdoctor.kube.deadline import Cancelled, Deadline
from meshdoctor.kube.login import log_in
from meshdoctor.model.resolver import Resolver
from meshdoctor.sources.live import sidecar_reader
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.sources.live.live_cluster import FetchLimits
from tests.cluster.apiserver import FakeApi, serving
from tests.cluster.meshes import put_snapshot

SNAPSHOT = "tcp-port-clash"
_CONNECT, _LOOK_UP = socket.socket.connect, socket.getaddrinfo


@pytest.fixture(autouse=True)
def loopback(isolated: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loopback by its number, and nothing else, may be reached."""

    def connect(self: socket.socket, address: Any) -> None:
        assert ip_address(address[0]).is_loopback, f"a test reached for {address}"
        _CONNECT(self, address)

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        assert host == "127.0.0.1", f"a test asked for the address of {host}"
        return _LOOK_UP(host, *arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Second attempts come at once."""
    monkeypatch.setattr(retries, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(sidecar_reader, "_PAUSES", (0.0, 0.0))


@pytest.fixture(autouse=True)
def alone(loopback: None, hurried: None) -> Iterator[None]:
    """What a session that was left still asks in its threads ends with the test, or it asks all through the others."""
    yield
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Deadline, "left", _stopped)
        patch.setattr(Deadline, "sleep", lambda self, seconds: False)
        for thread in threading.enumerate():
            if thread.name.startswith("meshdoctor"):
                thread.join(20)
                assert not thread.is_alive(), f"{thread.name} goes on"


def _stopped(self: Deadline, what: str) -> float:
    raise Cancelled(f"the test is over: {what} is not asked for any more")


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """A cluster with one broken mesh in it."""
    with serving(FakeApi()) as served:
        put_snapshot(served, SNAPSHOT)
        yield served


def write_kubeconfig(path: Path, server: str, **user: Any) -> Path:
    """Contexts `lab` (namespace bookinfo, the current one), `prod` and `staging` of one server."""
    contexts = {"lab": {"namespace": "bookinfo"}, "prod": {}, "staging": {"namespace": "nowhere"}}
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "sam", "user": user or {"token": "sams-token"}}],
        "contexts": [
            {"name": name, "context": {"cluster": "c", "user": "sam", **more}} for name, more in contexts.items()
        ],
    }
    path.write_text(json.dumps(body), "utf-8")
    return path


@pytest.fixture
def kubeconfig(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig for the fake API server, in KUBECONFIG."""
    path = write_kubeconfig(tmp_path / "kubeconfig", api.address)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.fixture
def connected(kubeconfig: Path) -> session.Session:
    """A session as the kubeconfig's user."""
    return session.Session(log_in(kubeconfig))


def soon() -> Deadline:
    """Time enough for anything that ends at all."""
    return Deadline(30.0)


MakeSource = Callable[..., ClusterSource]


@pytest.fixture
def source(kubeconfig: Path) -> MakeSource:
    """A `ClusterSource` of the fake API server: no DNS, no logs, and time limits of seconds."""

    def make(**changed: Any) -> ClusterSource:
        pace = FetchLimits(
            concurrency=changed.pop("concurrency", 16), pod_seconds=changed.pop("pod_seconds", 30.0), log_seconds=0
        )
        return ClusterSource(kubeconfig=kubeconfig, pace=pace, **{"resolver": Resolver.OFF, **changed})

    return make
