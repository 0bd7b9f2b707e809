"""Host names as Istio compares them.

Istio's only wildcard is a leading `*`: `*.example.com` covers every name that ends in `.example.com`, however many
labels stand before it, and not `example.com` itself; `*` covers everything (istio.io/latest/docs/reference/config/
networking/service-entry, `hosts`; istio/pkg/config/host/name.go, `Name.Matches`). Comparison ignores case.
"""

from __future__ import annotations


def covers(pattern: str, host: str) -> bool:
    """Whether every name that `host` stands for is one that `pattern` stands for. Either may be a wildcard."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if not pattern or not host:
        return False
    if pattern == host or pattern == "*":
        return True
    return pattern.startswith("*") and host.endswith(pattern[1:])


def wildcards_for(host: str) -> tuple[str, ...]:
    """The wildcards that cover a host besides itself, the narrowest first: `*.b.c`, `*.c`, `*` for `a.b.c`."""
    host = host.lower().rstrip(".")
    if not host or host == "*":
        return ()
    labels = host.split(".")
    return (*("*." + ".".join(labels[n:]) for n in range(1, len(labels))), "*")


def host_port(host: str, port: int | None) -> str:
    """`host:port`, with brackets around an IPv6 address; the host alone where no port is known."""
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
