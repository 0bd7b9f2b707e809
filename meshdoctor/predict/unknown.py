"""What the resources do not determine about a predicted sidecar."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from meshdoctor.semantics.istio.host_names import covers


class Unknown(Struct, frozen=True):
    """Why a prediction is uncertain: for one port or host, or for the whole sidecar where neither is set."""

    because: str
    port: int | None = None
    host: str | None = None

    def touches(self, host: str, port: int) -> bool:
        """Whether it makes the result of a connection uncertain."""
        return self.port in (None, port) and (self.host is None or covers(self.host, host))


def unknown_about(unknowns: Iterable[Unknown], host: str, port: int) -> str:
    """The first reason why the result of a connection is uncertain; empty where it is certain."""
    return next((unknown.because for unknown in unknowns if unknown.touches(host, port)), "")
