"""Forward proxies of clients, and what a client asks one for."""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.evidence import Pointer


class ForwardProxy(Struct, frozen=True):
    """A forward proxy that a container's settings name.

    `host` is empty where only the setting is known, as with a Secret.
    """

    host: str
    port: int = 0
    scheme: str = "http"
    """How clients speak to the proxy itself: `http`, `https`, or a `socks` scheme."""
    setting: str = ""
    """Where it is set, in words: `env HTTPS_PROXY of container app`."""
    pointer: Pointer = Pointer("")
    doubt: str = ""
    """Why it is not known whether the client uses it; empty where clients do."""
    skipped_by: str = ""
    """Clients that do not use it, in words: of a host that is registered for the pod they count too."""

    @property
    def is_socks(self) -> bool:
        """Whether it is a SOCKS proxy, which relays any TCP connection."""
        return self.scheme.startswith("socks")


class ProxiedRequest(Struct, frozen=True):
    """What a client asks a forward proxy for: the first bytes that the client's sidecar sees."""

    proxy: ForwardProxy
    host: str = ""
    """Of the URL; empty where no URL is known, and the proxy is only set."""
    port: int = 0
    scheme: str = ""
    path: str = ""

    @property
    def method(self) -> str:
        """`CONNECT`, or `GET` for a plain HTTP URL, which the client sends in absolute form."""
        return "GET" if self.scheme == "http" else "CONNECT"

    @property
    def authority(self) -> str:
        """The host that the request names; empty where no URL is known."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if not host or (self.method == "GET" and self.port == 80) else f"{host}:{self.port}"
