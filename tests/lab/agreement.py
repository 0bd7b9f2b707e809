"""Where `trace` and what really happened to a connection differ."""

from __future__ import annotations

from meshdoctor import doctor
from meshdoctor.model.trace import Trace
from meshdoctor.semantics.ip_addresses import is_ip
from meshdoctor.semantics.istio.host_port import read_host_port
from tests.lab import hard
from tests.lab.probes import Seen


def traced(case: doctor.Case, seen: Seen) -> Trace:
    """What meshdoctor says of a connection that was made, asked with the address that was dialled; of one to a forward
    proxy, asked with the URL."""
    probe = seen.probe
    if probe.url is not None:
        url = read_host_port(probe.url)
        return doctor.trace(case, probe.pod, url.host, url.port, scheme=url.scheme, path=url.path)
    return doctor.trace(
        case,
        probe.pod,
        probe.host,
        probe.port,
        ip=seen.ip or None,
        protocol=probe.protocol,
        sni=probe.sni,
        authority=probe.authority,
        path=probe.path or "/",
        method=probe.method or "GET",
        headers=tuple(probe.headers.items()),
    )


def not_vouched_for(seen: Seen) -> str:
    """Why nobody can say from outside whether trace was right; empty where the lab can."""
    log = seen.log
    if not seen.connected:
        return "the client got no address"
    if log is None:
        return "" if seen.result == "ok" else "no line in the access log"
    if log.route.startswith(hard.CHANCE):
        return "the route decides by chance"
    if not log.cluster and not log.flags and not log.status.strip("0"):
        return "the line names neither a cluster nor a flag"
    return ""


def differences(trace: Trace, seen: Seen) -> list[str]:
    """One line for each difference; none where they agree. What one side does not know is not compared."""
    log = seen.log
    pairs: list[tuple[str, object, object]] = [
        ("verdict", trace.verdict, seen.verdict),
        ("hangs", trace.expect.hangs, seen.hangs),
    ]
    if log is not None:
        known: list[tuple[str, object, object]] = [
            ("cluster", trace.cluster or "none", log.cluster),
            ("route", trace.route, log.route),
        ]
        known += [("status", trace.expect.http_status, seen.status)]
        if trace.endpoint not in seen.endpoints:
            known += [("endpoint", _as_dialled(trace, log.upstream_host), log.upstream_host)]
        pairs += [(what, predicted, really) for what, predicted, really in known if predicted and really]
    found = [f"{what}: trace says {a!r}, it was {b!r}" for what, a, b in pairs if a != b]
    # Whether anybody listens where the client itself dialled is not the mesh's business.
    is_predicted = seen.verdict not in ("passthrough", "leaked")
    if log is not None and log.flags and is_predicted and not set(log.flags) & set(trace.expect.response_flags):
        found.append(f"flags: trace expects {trace.expect.response_flags}, the log has {log.flags}")
    return found


def _as_dialled(trace: Trace, upstream: str) -> str | None:
    """The endpoint that trace names; of one that is a name, which Envoy resolves itself, the port alone counts."""
    name, _, port = (trace.endpoint or "").rpartition(":")
    return f"{upstream.rpartition(':')[0]}:{port}" if name and not is_ip(name) and upstream else trace.endpoint
