"""The shape of a route's match, v2 and v3: decoded route by route, as most of them are the plain prefix `/`."""

from __future__ import annotations

from typing import Any

from msgspec import field

from meshdoctor.facts.envoy.wire import Wire


class Regex(Wire):
    """type.matcher.v3.RegexMatcher."""

    regex: str = ""


class StringMatch(Wire):
    """type.matcher.v3.StringMatcher."""

    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    contains: str | None = None
    safe_regex: Regex | None = None
    ignore_case: bool = False


class WireHeaderMatch(Wire):
    """config.route.v3.HeaderMatcher, `string_match` and the older `*_match` fields."""

    name: str = ""
    string_match: StringMatch | None = None
    exact_match: str | None = None
    prefix_match: str | None = None
    suffix_match: str | None = None
    contains_match: str | None = None
    regex_match: str | None = None
    safe_regex_match: Regex | None = None
    range_match: dict[str, Any] | None = None
    present_match: bool | None = None
    invert_match: bool = False
    treat_missing_header_as_empty: bool = False


class WireQueryMatch(Wire):
    """config.route.v3.QueryParameterMatcher; v2 had `value` and `regex`."""

    name: str = ""
    string_match: StringMatch | None = None
    value: str = ""
    regex: bool = False


class RuntimeFraction(Wire):
    """config.core.v3.RuntimeFractionalPercent."""

    default_value: Any = None


class WireMatch(Wire):
    """config.route.v3.RouteMatch and v2's."""

    prefix: str | None = None
    path: str | None = None
    path_separated_prefix: str | None = None
    safe_regex: Regex | None = None
    regex: str | None = None
    path_match_policy: dict[str, Any] | None = None
    connect_matcher: dict[str, Any] | None = None
    case_sensitive: bool | None = None
    headers: list[WireHeaderMatch] = field(default_factory=list)
    query_parameters: list[WireQueryMatch] = field(default_factory=list)
    runtime_fraction: RuntimeFraction | None = None
    grpc: dict[str, Any] | None = None
    dynamic_metadata: list[Any] = field(default_factory=list)
    filter_state: list[Any] = field(default_factory=list)
    tls_context: dict[str, Any] | None = None
