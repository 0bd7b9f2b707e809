"""The record of one walk through a proxy: steps taken, objects chosen, and what is still missing."""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.proxy import Cluster, FilterChain, Listener, Proxy, Route, VirtualHost
from meshdoctor.model.trace import Destination, Expect, Step
from meshdoctor.model.verdict import Verdict


class Outcome(Struct, frozen=True):
    """How a walk ended: the verdict before anyone asks for its cause."""

    verdict: Verdict
    kind: str
    """What decided it, a slug: `blackhole`, `no-route`, `hang`, `own`, `other-cluster` ..."""
    because: str
    expect: Expect = Expect()
    missing: tuple[str, ...] = ()


class Walk:
    """Mutable while the walk goes on; `steps` is its story so far."""

    def __init__(self, proxy: Proxy, destination: Destination) -> None:
        self.proxy = proxy
        self.destination = destination
        self.steps: list[Step] = []
        self.listener: Listener | None = None
        self.chain: FilterChain | None = None
        self.virtual_host: VirtualHost | None = None
        self.domain = ""
        self.route: Route | None = None
        self.route_name: str | None = None
        self.cluster: Cluster | None = None
        self.cluster_name: str | None = None
        self.endpoint: str | None = None
        self.setting = ""
        """The capture setting that decides, `annotation ... (now 10.96.0.0/16)`."""
        self.config = ""
        """istio.config of the chain or route that chose the cluster."""

    def step(self, at: str, chose: str | None, because: str, path: str = "", value: str = "") -> None:
        """Add one decision; `path` points into the dump."""
        evidence = Evidence(self.proxy.document, path, value) if path else None
        self.steps.append(Step(at, chose, because, evidence))
