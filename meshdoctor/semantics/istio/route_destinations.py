"""Where the rules of a VirtualService send connections. Its route lists are as written, and may be of any shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshdoctor.semantics.kubernetes.manifests import objects_in


def destinations(rule: dict[str, Any]) -> Iterator[tuple[str, int | None]]:
    """Host, as written, and port of each destination of one rule of spec.http, spec.tls or spec.tcp."""
    for target in objects_in(rule.get("route")):
        destination = target.get("destination")
        if isinstance(destination, dict):
            port = destination.get("port")
            number = port.get("number") if isinstance(port, dict) else None
            yield str(destination.get("host", "")), number if isinstance(number, int) else None
