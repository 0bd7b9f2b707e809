"""What of the settings of a forward proxy stays in a capture: the proxy, and the hosts that are dialled without it."""

from __future__ import annotations

import re
from collections.abc import Callable

from meshdoctor.semantics.clients.forward_proxies import PROPERTY, is_list_of_direct_hosts, is_proxy_setting
from meshdoctor.text.marks import REDACTED, is_mark, shape

_DIRECT = re.compile(
    r"\*|(?:\*?\.|\*)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9*.])?(?::\d{1,5})?"
    r"|[0-9a-fA-F.:]{2,45}(?:/\d{1,3})?|\[[0-9a-fA-F.:]{2,45}\](?::\d{1,5})?"
)
"""An item of NO_PROXY or nonProxyHosts: a name, a suffix, a wildcard, an address or a range."""
_PROXY = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,15}://)?(?P<login>[^@/\s]{1,512}@)?"
    r"(?P<host>[A-Za-z0-9_][A-Za-z0-9_.-]{0,253}(?::\d{1,5})?/?)"
)
"""A proxy. Its host may be that of a Service or of the pod itself, and its scheme one that names no other host."""


def kept_proxy_setting(name: str, value: str, is_token: Callable[[str], bool]) -> str | None:
    """What is kept of a setting's value that is about forward proxies; None where other settings are kept likewise.

    `is_token` says whether a text looks like a token, which is never kept.
    """
    if is_list_of_direct_hosts(name):
        parts = re.split(r"([,|\s\"']+)", value)
        return "".join(_kept_host(part, is_token) if at % 2 == 0 else part for at, part in enumerate(parts))
    match = _PROXY.fullmatch(value) if is_proxy_setting(name) else None
    if match is None or is_token(match["host"]) or "$" in (match["login"] or ""):
        return None  # a placeholder for a login is no literal, and stays where other URLs are kept
    login = f"{REDACTED}{f':{REDACTED}' if ':' in match['login'] else ''}@" if match["login"] else ""
    return f"{match['scheme'] or ''}{login}{match['host']}"


def _kept_host(text: str, is_token: Callable[[str], bool]) -> str:
    stays = not text or is_mark(text) or (_DIRECT.fullmatch(text) and not is_token(text))
    return text if stays else shape(text)


def around_properties(text: str, keep: Callable[[str], str], is_token: Callable[[str], bool]) -> str | None:
    """A text with the JVM's properties of forward proxies kept, and the rest kept by `keep`; None where it has none."""
    made: list[str] = []
    done = 0
    for match in PROPERTY.finditer(text):
        group = next(number for number in (2, 3, 4) if match.group(number) is not None)
        value = match.group(group).replace("\\", "")
        kept = kept_proxy_setting(match.group(1), value, is_token)
        if kept is not None:
            made += [_rest(text[done : match.start(group)], keep), kept]
            done = match.end(group)
    return "".join((*made, _rest(text[done:], keep))) if made else None


def _rest(text: str, keep: Callable[[str], str]) -> str:
    """The text between, kept; the property's own name and quotes stay as they are."""
    match = re.search(r"-D[A-Za-z.]{1,24}=[\"']?\Z", text)
    head, tail = (text[: match.start()], match.group()) if match else (text, "")
    lead = re.match(r"[\"']?\s*", head)
    start = lead.end() if lead else 0
    core = head[start:].rstrip()
    return head[:start] + (keep(core) if core else "") + head[start + len(core) :] + tail
