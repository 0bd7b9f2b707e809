"""What Envoy does to a request's path before it chooses a route.

HttpConnectionManager's path_with_escaped_slashes_action, normalize_path and merge_slashes, in this order
(source/common/http/conn_manager_utility.cc maybeNormalizePath, path_utility.cc).
"""

from __future__ import annotations

import re
from urllib.parse import quote

_KEPT = "!$&'()*+,-./:;=@_~%[]|^"
_UNRESERVED = re.compile(r"%([0-9A-Fa-f]{2})")
_ESCAPED_SLASH = re.compile(r"%2f|%5c", re.IGNORECASE)


def split_query(path: str) -> tuple[str, str]:
    """The path, and from the first `?` on the rest."""
    at = re.search(r"[?#]", path)
    return (path[: at.start()], path[at.start() :]) if at else (path, "")


def normalized(path: str) -> str:
    """RFC 3986 normalisation as the Chromium URL library does it: dot segments go, backslashes become slashes, escapes
    of letters, digits and `-._~` are decoded. `""` where there is no such path (`/..%00`): Envoy answers 400.
    """
    bare, rest = split_query(path)
    if not bare.startswith("/"):
        return path
    decoded = _UNRESERVED.sub(_decoded, bare.replace("\\", "/"))
    if "%00" in decoded:
        return ""
    kept: list[str] = []
    parts = decoded.split("/")[1:]
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        if part in (".", ".."):
            if part == ".." and kept:
                kept.pop()
            if is_last:
                kept.append("")
        else:
            kept.append(part)
    return quote("/" + "/".join(kept), safe=_KEPT) + rest


def _decoded(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else found[0]


def with_single_slashes(path: str) -> str:
    """Runs of slashes become one; the query stays (merge_slashes)."""
    bare, rest = split_query(path)
    return re.sub(r"/{2,}", "/", bare) + rest


def has_escaped_slashes(path: str) -> bool:
    """Whether `%2F` or `%5C` is in the path, not in the query."""
    return bool(_ESCAPED_SLASH.search(split_query(path)[0]))


def with_unescaped_slashes(path: str) -> str:
    """`%2F` and `%5C` of the path as slashes (UNESCAPE_AND_FORWARD, UNESCAPE_AND_REDIRECT)."""
    bare, rest = split_query(path)
    return _ESCAPED_SLASH.sub(lambda found: "/" if found[0].lower() == "%2f" else "\\", bare) + rest


def first_values(path: str) -> dict[str, str]:
    """Query parameters by name, the first value of each, not decoded (Utility::parseQueryString)."""
    found: dict[str, str] = {}
    query = path.partition("?")[2].partition("#")[0]
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        found.setdefault(name, value)
    return found
