"""One line of an istio-proxy container's log: an access log line in Istio's own formats, or not.

Read are the default text format, of every release since 1.0, and the default JSON fields, also with further keys
(istio/istio, pilot/pkg/model/telemetry_logging.go: EnvoyTextLogFormat and EnvoyJSONLogFormatIstio). Every step is
linear in the length of the line, because lines contain untrusted input.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from meshdoctor.semantics.ip_addresses import address
from meshdoctor.text.times import rfc3339

MAX_LINE = 64 * 1024
"""Bytes of a line that is looked at; the runtime itself breaks lines at 16 KiB."""


class Other(Enum):
    """Kinds of lines that are not access log lines."""

    AGENT = "agent"
    """A log message of pilot-agent or Envoy."""
    UNKNOWN = "unknown"


class LogLine(Struct, frozen=True):
    """The fields read of an access log line; `""` and 0 where it has `-`."""

    time: str
    http: bool
    flags: str
    cluster: str
    route: str
    authority: str
    sni: str
    ip: str
    """The destination address (downstream_local_address)."""
    port: int
    whole: bool = True
    """Whether it ends with the route's name, so that nothing was cut off."""


_STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_RUNTIME = re.compile(rf"({_STAMP}) (?:std(?:out|err) [FP] )?")
_AGENT = re.compile(rf"{_STAMP}\t|{_STAMP} (?:trace|debug|info|warn|warning|error|critical|fatal)\b", re.IGNORECASE)
_OLD_ENVOY = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:|\[Envoy ")
_HEAD = re.compile(r'\[([^\]\s]{1,64})\] "(\S{1,64}) ')
_STATUS = re.compile(r'" \d{1,3} (\S{1,256}) ')
_ADDRESS = re.compile(r"-|\S{1,128}:\d{1,5}|(?:envoy://|[/@])\S{0,512}")


class _Json(Struct):
    """The default JSON fields that are read, and those that identify another program's line."""

    start_time: Any = UNSET
    method: Any = UNSET
    response_code: Any = UNSET
    response_flags: Any = UNSET
    upstream_cluster: Any = UNSET
    route_name: Any = UNSET
    authority: Any = UNSET
    requested_server_name: Any = UNSET
    downstream_local_address: Any = UNSET
    level: Any = UNSET
    msg: Any = UNSET
    scope: Any = UNSET


_JSON = msgspec.json.Decoder(_Json)


def read_line(text: str) -> LogLine | Other:
    """Parse a line, with or without the timestamp of the container runtime. Never raises."""
    if len(text) > MAX_LINE:
        return Other.UNKNOWN
    if _AGENT.match(text):
        return Other.AGENT
    stamp = _RUNTIME.match(text)
    body = text[stamp.end() :] if stamp else text
    if _AGENT.match(body) or _OLD_ENVOY.match(body):
        return Other.AGENT
    found = _from_json(body) if body.startswith("{") else _from_text(body)
    if isinstance(found, LogLine) and not found.time and stamp:
        return msgspec.structs.replace(found, time=_utc(stamp.group(1)))
    return found


def _from_text(text: str) -> LogLine | Other:
    head = _HEAD.match(text)
    status = _STATUS.search(text, head.end() - 1) if head else None
    quote = text.rfind('" ')
    if head is None or status is None or quote < status.end() - 1:
        return Other.UNKNOWN
    tail = text[quote + 2 :].rstrip("\r").split(" ")
    # before it: ... "AUTHORITY" "UPSTREAM_HOST
    before = text[:quote].rsplit('"', 3)
    if len(tail) < 5 or len(before) < 4 or before[2] != " ":
        return Other.UNKNOWN
    if not all(map(_ADDRESS.fullmatch, (before[3], *tail[1:4]))):
        return Other.UNKNOWN
    cluster, _, dialled, _, sni, *route = tail
    return _made(
        time=head.group(1),
        method=head.group(2),
        flags=status.group(1),
        cluster=cluster,
        route=route[0] if route else "",
        authority=before[1],
        sni=sni,
        dialled=dialled,
        whole=bool(route),
    )


def _from_json(text: str) -> LogLine | Other:
    try:
        found = _JSON.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return Other.UNKNOWN
    fields = (found.upstream_cluster, found.route_name, found.response_flags, found.response_code)
    if not isinstance(found.downstream_local_address, str) or all(value is UNSET for value in fields):
        is_agent = found.level is not UNSET and not (found.msg is UNSET and found.scope is UNSET)
        return Other.AGENT if is_agent else Other.UNKNOWN
    return _made(
        time=found.start_time,
        method=found.method,
        flags=found.response_flags,
        cluster=found.upstream_cluster,
        route=found.route_name,
        authority=found.authority,
        sni=found.requested_server_name,
        dialled=found.downstream_local_address,
    )


def _made(*, whole: bool = True, dialled: Any, **fields: Any) -> LogLine:
    given = {name: value if isinstance(value, str) and value != "-" else "" for name, value in fields.items()}
    ip, port = _endpoint(dialled)
    return LogLine(
        time=_utc(given["time"]),
        http=bool(given["method"]),
        flags=given["flags"],
        cluster=given["cluster"],
        route=given["route"],
        authority=given["authority"],
        sni=given["sni"],
        ip=ip,
        port=port,
        whole=whole,
    )


def _endpoint(text: str) -> tuple[str, int]:
    """`203.0.113.10:443` or `[2001:db8::1]:443` in two; `("", 0)` for what is no such address."""
    host, _, digits = text.rpartition(":")
    ip = address(host) if len(host) < 64 else None
    port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0
    return (str(ip), port) if ip is not None and 0 < port < 65536 else ("", 0)


def _utc(text: str) -> str:
    """A time as `2026-11-21T10:00:00Z`; `""` for what is none."""
    try:
        read = datetime.fromisoformat(text) if len(text) < 40 else None
    except ValueError:
        return ""
    if read is None or read.tzinfo is None:
        return ""
    try:
        return rfc3339(read)
    except OverflowError:
        return ""
