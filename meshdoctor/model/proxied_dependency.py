"""The fact about a dependency that a pod reaches by a forward proxy: a list of the sheet."""

from __future__ import annotations

from meshdoctor.model.fact import Fact
from meshdoctor.model.verdict import Verdict


class ProxiedDependency(Fact, frozen=True):
    """A URL of the pod that its client asks a forward proxy for, and what the sidecar does with the connection to the
    proxy (`trace`)."""

    proxy: str
    """host:port of the forward proxy; empty where it is not known."""
    setting: str
    """What names the proxy: `env HTTPS_PROXY of container app`."""
    method: str
    """`CONNECT`, or `GET` for a plain HTTP URL in absolute form; empty where no connection was traced."""
    seen: tuple[str, ...]
    """Where the URL was found, and by which proxy it goes."""
    verdict: Verdict
    """Of the connection to the proxy."""
    reason: str
    because: str
    missing: tuple[str, ...] = ()
    """Evidence whose absence makes the verdict unknown."""
