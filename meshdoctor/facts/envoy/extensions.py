"""Durations, percentages and the recognition of filters and transport sockets, v2 and v3."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from meshdoctor.facts.envoy.wire import Metadata, NamedFilter


class TypedConfig(Struct, gc=False):
    """The type URL of an Any."""

    type: str = field(name="@type", default="")


UNREADABLE = (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError)
"""What the readers of listeners, routes and clusters raise where a value does not have the expected type."""

_TYPED = msgspec.json.Decoder(TypedConfig)

FILTER_KINDS = {
    "TcpProxy": "tcp_proxy",
    "HttpConnectionManager": "http_connection_manager",
    "TlsInspector": "tls_inspector",
    "HttpInspector": "http_inspector",
    "OriginalDst": "original_dst",
    "ProxyProtocol": "proxy_protocol",
    "UpstreamTlsContext": "tls",
    "DownstreamTlsContext": "tls",
    "RawBuffer": "raw_buffer",
    "HTTPFault": "fault",
    "RBAC": "rbac",
    "ExtAuthz": "ext_authz",
    "ExternalProcessor": "ext_proc",
    "JwtAuthentication": "jwt_authn",
    "LocalRateLimit": "local_ratelimit",
    "RateLimit": "ratelimit",
    "Lua": "lua",
}
"""Message name to short name; other filters use the last part of their name."""


def kind_of(extension: NamedFilter) -> str:
    """Short name of a filter or socket: `tcp_proxy`, `tls_inspector`, `mongo_proxy` ...

    The type URL decides where there is one (the name is free text since v3), else the name's last part.
    """
    if extension.typed_config:
        type_url = _TYPED.decode(extension.typed_config).type
        known = FILTER_KINDS.get(type_url.rsplit(".", 1)[-1])
        if known:
            return known
    return _kind_of_name(extension.name)


@lru_cache(maxsize=512)
def _kind_of_name(name: str) -> str:
    return name.rsplit(".", 1)[-1] or "unknown"


@lru_cache(maxsize=512)
def seconds(duration: str | None) -> float | None:
    """Seconds of a protobuf JSON duration (`0.100s`); None where absent or malformed."""
    if not duration:
        return None
    try:
        return float(duration.removesuffix("s"))
    except ValueError:
        return None


DENOMINATORS = {"HUNDRED": 100.0, "TEN_THOUSAND": 10_000.0, "MILLION": 1_000_000.0}


def percent(fraction: Any, default: float) -> float:
    """Percent, 0 to 100, of a type.v3.FractionalPercent, of v2's plain number, or `default` where absent.

    Raises ValueError where it is something else.
    """
    if fraction is None:
        return default
    if isinstance(fraction, int | float):
        return float(fraction)
    if not isinstance(fraction, dict):
        raise ValueError("expected a percentage")
    if "value" in fraction:
        return float(fraction["value"])
    whole = DENOMINATORS.get(str(fraction.get("denominator", "HUNDRED")), 100.0)
    return min(100.0, 100.0 * float(fraction.get("numerator", 0)) / whole)


def as_dict(raw: Raw) -> dict[str, Any]:
    """A raw part as plain data; `{}` where it is absent. Raises ValueError where it is not an object."""
    return object_in({"it": msgspec.json.decode(raw)}, "it") if raw else {}


def object_in(value: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under a key; `{}` where it is absent. Raises ValueError where it is something else."""
    found = value.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{key}: expected an object")
    return found


def without_nulls(value: Any) -> Any:
    """The value without null fields: in protobuf's JSON null means absent."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def unwrap_typed_struct(value: dict[str, Any]) -> dict[str, Any]:
    """The value inside a TypedStruct, else the value itself."""
    inner = value.get("value")
    return inner if "type_url" in value and isinstance(inner, dict) else value


def istio_config(metadata: Metadata | None) -> str:
    """metadata.filter_metadata.istio.config: the resource that made the object, empty where none is named."""
    if metadata is None or metadata.filter_metadata is None or metadata.filter_metadata.istio is None:
        return ""
    return metadata.filter_metadata.istio.config
