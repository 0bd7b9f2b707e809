"""The path of one connection through a proxy: its steps, the objects chosen, and how it ends."""

from __future__ import annotations

from msgspec import Struct, structs

from meshdoctor.model.proxy import Cluster, FilterChain, Listener, Proxy
from meshdoctor.model.routes import Route, VirtualHost
from meshdoctor.model.trace import Destination, Expect, Step
from meshdoctor.model.verdict import Verdict


class Outcome(Struct, frozen=True):
    """How a connection's path ends: the verdict, and what decided it."""

    verdict: Verdict
    kind: str
    """What decided it, a slug: `blackhole`, `no-route`, `hang`, `own`, `other-cluster` ..."""
    because: str
    expect: Expect = Expect()
    missing: tuple[str, ...] = ()


class Walk:
    """The path of one connection so far, filled in step by step."""

    def __init__(self, proxy: Proxy, destination: Destination) -> None:
        self.proxy = proxy
        self.destination = destination
        self.steps: list[Step] = []
        self.listener: Listener | None = None
        self.chain: FilterChain | None = None
        self.is_dialled_directly = False
        """Not redirected: the client dials the listener's own port."""
        self.matches_all = False
        """The chain was chosen without any match criterion."""
        self.virtual_host: VirtualHost | None = None
        self.domain = ""
        self.route: Route | None = None
        self.route_name: str | None = None
        self.cluster: Cluster | None = None
        self.cluster_name: str | None = None
        self.endpoint: str | None = None
        self.guards: tuple[str, ...] = ()
        """Filters in the way that may refuse the connection or request, which meshdoctor does not evaluate."""
        self.setting = ""
        """The traffic-capture setting that decides, `annotation ... (now 10.96.0.0/16)`."""
        self.config = ""
        """istio.config of the chain or route that chose the cluster."""

    def step(self, at: str, chose: str | None, because: str, path: str = "", value: str = "") -> None:
        """Add one decision; `path` points into the dump."""
        evidence = self.proxy.evidence(path, value) if path else None
        self.steps.append(Step(at, chose, because, evidence))

    def guarded(self, outcome: Outcome) -> Outcome:
        """The outcome; unknown where it is good and a filter in the way may refuse."""
        if not self.guards or outcome.verdict not in (Verdict.DELIVERED, Verdict.PASSTHROUGH):
            return outcome
        why = f"filter {self.guards[0]} is in the way, which meshdoctor does not evaluate: it may refuse"
        return Outcome(Verdict.UNKNOWN, "guard", why, missing=(f"outcome of filter {self.guards[0]}",))

    def blame_chain(self) -> None:
        """Say in its step that a chain of another host takes this connection because it matches every connection."""
        if self.matches_all and self.chain is not None and self.chain.tcp is not None:
            host = self.destination.host
            fault = f", those to {host} too: this is the fault"
            self.steps = [
                structs.replace(s, because=s.because + fault) if s.at == "filter_chain" else s for s in self.steps
            ]
