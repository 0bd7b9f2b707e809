"""A mesh as a YAML file: objects, pods, outside hosts, and connections to try. Unknown keys are refused.

`objects` is a list of batches. The lab applies one batch, waits until the clock shows the next second, then applies
the next: creation times, by which Istio settles many conflicts, have whole seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct, field

Object = dict[str, Any]


class Host(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An outside host that stands on the pods' loopback."""

    host: str
    ips: tuple[str, ...]
    ports: dict[int, str]
    """What listens: tcp (greets), http, tls (HTTP inside), any (what the client speaks), plain (the same but TLS),
    proxy (a forward proxy)."""
    names: tuple[str, ...] = ()
    """Other names of it, `*.` wildcards too: answered by DNS (but for wildcards), accepted as Host."""
    dns: tuple[str, ...] | None = None
    """What DNS answers, where that is not all of `ips`."""

    @property
    def answers(self) -> dict[str, tuple[str, ...]]:
        """DNS answers by name."""
        ips = self.ips if self.dns is None else self.dns
        return {name: ips for name in (self.host, *self.names) if "*" not in name}


class Pod(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A pod. Capture annotations are obeyed as istio-init would."""

    name: str
    namespace: str = "shop"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    env: dict[str, str] = {}
    container: str = "app"
    sidecar: bool = True
    native: bool = False
    """The sidecar is an init container that restarts always, as Kubernetes' native sidecars."""
    gateway: bool = False
    """The proxy is a gateway (a router), and there is no application."""
    dns_capture: bool = False
    istio_version: str = "1.30.0"
    agent: dict[str, str] = {}
    """More environment for pilot-agent."""

    @property
    def key(self) -> str:
        """namespace/name."""
        return f"{self.namespace}/{self.name}"


class Probe(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A connection the application of `pod` opens."""

    pod: str
    host: str
    port: int
    protocol: str
    """tcp (speaks first), server-first (waits for the greeting), tls, http."""
    ip: str | None = None
    sni: str | None = None
    authority: str | None = None
    path: str | None = None
    method: str | None = None
    headers: dict[str, str] = {}
    url: str | None = None
    """What host:port, a forward proxy, is asked for; with protocol http."""
    own: tuple[str, ...] = ()
    """Hosts whose clusters are this host's own because a VirtualService for it sends it there."""
    policy: tuple[str, ...] = ()
    """Clusters to which the outbound policy sends what is not registered, beside PassthroughCluster."""


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The whole."""

    about: str
    pods: tuple[Pod, ...]
    hosts: tuple[Host, ...] = ()
    objects: tuple[tuple[Object, ...], ...] = ()
    probes: tuple[Probe, ...] = ()
    mesh: dict[str, Any] = {}
    """Mesh settings over the lab's own (REGISTRY_ONLY, access log to stdout)."""
    istiod: dict[str, str] = {}
    """More environment for istiod."""
    expect: dict[str, str] = field(default_factory=dict)
    """The story's point, `host:port` or `host:port@ip` to verdict, lest the scenario come to verify another."""
    healthy: bool = False
    """A documented set-up that works: `check` has no error to report, and every connection is delivered."""


def read_scenario(path: Path) -> Scenario:
    """A scenario file. Raises msgspec.ValidationError with the place that is wrong."""
    return msgspec.convert(yaml.load(path.read_bytes(), yaml.CSafeLoader), Scenario, strict=False)
