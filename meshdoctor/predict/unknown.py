"""What the resources leave open about a predicted sidecar."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from meshdoctor.semantics.istio.host_names import covers


class Unknown(Struct, frozen=True):
    """Something that is not known: for one port, one host, or all where neither is named."""

    because: str
    port: int | None = None
    host: str | None = None

    def touches(self, host: str, port: int) -> bool:
        """Whether it leaves open what becomes of a connection."""
        return self.port in (None, port) and (self.host is None or covers(self.host, host))


def unknown_about(doubts: Iterable[Unknown], host: str, port: int) -> str:
    """The first reason why the outcome of a connection is open; empty where none is."""
    return next((doubt.because for doubt in doubts if doubt.touches(host, port)), "")
