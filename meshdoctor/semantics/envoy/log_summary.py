"""An istio-proxy log becomes counts of outbound connections that were blocked or passed through, and a document.

Never looked at: inbound traffic, registered hosts. Never kept: paths, queries, headers but the authority, clients.
Which cluster and route mean what: istio.io/latest/docs/tasks/traffic-management/egress/egress-control.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.model.access_log import SCHEMA, AccessLog, LogEntry, Outcome
from meshdoctor.semantics.envoy.log_line import LogLine, Other, read_line
from meshdoctor.semantics.ip_addresses import address
from meshdoctor.semantics.istio.resource_names import BLACKHOLE, PASSTHROUGH

MAX_ENTRIES = 200
"""Destinations kept for one pod."""
MAX_DISTINCT = 20_000
"""Destinations counted separately while a log is read; further ones only count as left out."""
MAX_FLAGS = 8

_CAPTURE_PORTS = (15001, 15006)
"""Envoy's own listeners, which drop connections addressed to them."""
_NO_WAY_OUT = frozenset({"NR", "NC", "UH"})
"""No route or filter chain, no cluster, no healthy upstream (Envoy's documentation, access log, RESPONSE_FLAGS)."""
_INBOUND_CLUSTERS, _INBOUND_ROUTES = ("inbound|", "InboundPassthroughCluster"), ("inbound|", "virtualInbound")
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_FLAG = re.compile(r"[A-Za-z]{1,16}")
# pilot-agent prints its configuration as YAML, and a crash as a stack, on lines without a time.
_CONTINUED = re.compile(r"\s|- |[\w./-]{1,64}:(?:\s|$)|[\]})]|goroutine |[\w./*()-]{1,256}\(.*\)$|$")

_Key = tuple[str, int, str, Literal["tls", "http", "tcp"], Outcome]


def digest(
    text: bytes | Iterable[bytes],
    *,
    own_ips: Iterable[str] = (),
    since_seconds: int | None = None,
    read_at: str | None = None,
) -> AccessLog:
    """The summary of a log, given whole or by lines. Never raises.

    `own_ips` are the pod's own addresses: a connection to them is inbound, which its line does not show where no filter
    chain matched. Addresses that other lines show to be the pod's own are recognised without it.
    """
    tally = _Tally(own_ips)
    for line, is_torn in _lines(text):
        tally.add(line.decode("utf-8", "replace"), is_torn)
    return tally.result(since_seconds, read_at)


def encode(log: AccessLog) -> bytes:
    """The content of access_log.json."""
    return msgspec.json.format(msgspec.json.encode(log), indent=1) + b"\n"


def decode(content: bytes, where: str) -> AccessLog:
    """An access_log.json. Raises `Unreadable`, naming `where`, for other content and for a schema not yet known."""
    try:
        log = msgspec.json.decode(content, type=AccessLog)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise Unreadable(
            f"{where}: expected the access log summary that `meshdoctor capture` writes; {problem}"
        ) from None
    if log.schema > SCHEMA:
        raise Unreadable(
            f"{where}: schema {log.schema} is newer than this version reads ({SCHEMA}); use a newer meshdoctor."
        )
    return log


def _lines(text: bytes | Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """(line, whether its end may be missing): a log fetched with a limit stops anywhere."""
    if not isinstance(text, bytes):
        yield from ((line.rstrip(b"\n"), False) for line in text)
        return
    start = 0
    while start < len(text):
        end = text.find(b"\n", start)
        yield text[start : end if end >= 0 else len(text)], end < 0
        start = end + 1 if end >= 0 else len(text)


class _Counted:
    """Counter of equal connections."""

    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = ""
        self.cluster = ""
        self.flags: set[str] = set()

    def add(self, line: LogLine) -> None:
        self.count += 1
        self.cluster = line.cluster if line.cluster in (BLACKHOLE, PASSTHROUGH) else ""
        if line.time:
            self.first = min(self.first or line.time, line.time)
            self.last = max(self.last, line.time)
        if len(self.flags) < MAX_FLAGS:
            self.flags.update(flag for flag in line.flags.split(",")[:MAX_FLAGS] if _FLAG.fullmatch(flag))


class _Tally:
    def __init__(self, own_ips: Iterable[str]) -> None:
        self.own = {str(ip) for ip in map(address, own_ips) if ip is not None}
        self.found: dict[_Key, _Counted] = {}
        self.lines = self.parsed = self.skipped = self.beyond = 0
        self.after_agent = False

    def add(self, text: str, is_torn: bool) -> None:
        self.lines += 1
        line = read_line(text)
        if isinstance(line, LogLine) and (line.whole or not is_torn):
            self.parsed += 1
            self.after_agent = False
            self._count(line)
            return
        torn = is_torn or self.lines == 1
        self.after_agent = line is Other.AGENT or (self.after_agent and _CONTINUED.match(text) is not None)
        self.skipped += torn or self.after_agent or not text.strip()

    def _count(self, line: LogLine) -> None:
        if line.cluster.startswith(_INBOUND_CLUSTERS) or line.route.startswith(_INBOUND_ROUTES):
            self.own.update({line.ip} - {""})
            return
        outcome = _outcome(line)
        if outcome is None or not line.port or line.port in _CAPTURE_PORTS:
            return
        protocol: Literal["tls", "http", "tcp"] = "http" if line.http else "tls" if line.sni else "tcp"
        host = host_name(line.sni) or (host_name(line.authority, with_port=True) if line.http else "") or line.ip
        key = (host, line.port, line.ip, protocol, outcome)
        if key not in self.found:
            if len(self.found) >= MAX_DISTINCT:
                self.beyond += 1
                return
            self.found[key] = _Counted()
        self.found[key].add(line)

    def result(self, since_seconds: int | None, read_at: str | None) -> AccessLog:
        entries = [_entry(key, counted) for key, counted in self.found.items() if key[2] not in self.own]
        entries.sort(key=lambda e: (e.host, e.port, e.ip, e.protocol, e.outcome))
        entries.sort(key=lambda e: (e.count, e.last), reverse=True)
        return AccessLog(
            since_seconds=since_seconds,
            read_at=read_at,
            lines=self.lines,
            parsed=self.parsed,
            skipped=self.skipped,
            unparsed=self.lines - self.parsed - self.skipped,
            left_out=len(entries[MAX_ENTRIES:]) + self.beyond,
            entries=tuple(entries[:MAX_ENTRIES]),
        )


def _entry(key: _Key, counted: _Counted) -> LogEntry:
    host, port, ip, protocol, outcome = key
    return LogEntry(
        host=host,
        port=port,
        ip=ip,
        protocol=protocol,
        outcome=outcome,
        count=counted.count,
        first=counted.first,
        last=counted.last,
        cluster=counted.cluster,
        flags=tuple(sorted(counted.flags)),
    )


def _outcome(line: LogLine) -> Outcome | None:
    """The outcome of an outbound connection; None where it went to a registered host."""
    if line.cluster == BLACKHOLE or line.route == "block_all":
        return "blocked"
    if line.cluster == PASSTHROUGH or line.route == "allow_any":
        return "passthrough"
    return "blocked" if not line.cluster and _NO_WAY_OUT.intersection(line.flags.split(",")) else None


def host_name(text: str, *, with_port: bool = False) -> str:
    """A name or address as it may be shown: lower case, no port, brackets or final dot; `""` for anything else."""
    host = text.lower()
    is_bare_ipv6 = host.count(":") > 1 and not host.startswith("[")
    if with_port and not is_bare_ipv6 and (colon := host.rfind(":")) >= 0 and host[colon + 1 :].isdigit():
        host = host[:colon]
    ip = address(host) if len(host) < 64 else None
    if ip is not None:
        return str(ip)
    host = host.removesuffix(".")
    return host if _NAME.fullmatch(host) and ".." not in host else ""
