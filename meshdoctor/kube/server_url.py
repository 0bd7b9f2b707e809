"""The URL of an API server: without its user and password, and whether credentials may go there."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

from meshdoctor.errors import Unreadable

_USERINFO = re.compile(r"//\S*@")


def without_password(text: str) -> str:
    """A text for the user in which no URL has a user and password. A password may have any character but a space."""
    return _USERINFO.sub("//", text)


def request_url(server: str) -> str:
    """The URL that requests go to. User and password are left out: API servers take none from a URL.

    Raises `Unreadable` for what is no URL.
    """
    try:
        parts = urlsplit(server)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if not host:
        # It is not shown: who knows where in it a password is.
        raise Unreadable("the `server` of the kubeconfig's cluster is not a URL: write https://HOST:PORT")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")


def hides_credentials(url: str) -> bool:
    """Nobody on the way can read what is sent: it is encrypted, or does not leave this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".") == "localhost"
