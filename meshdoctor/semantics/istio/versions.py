"""Istio versions, as ISTIO_VERSION of a node's metadata gives them: `1.30.0`, `1.24-alpha.3`."""

from __future__ import annotations

import re

VERIFIES_BY_DEFAULT = (1, 21)
"""From this version on istiod verifies with the system's CAs, sends the Host header as SNI and verifies the certificate
for it where a DestinationRule says nothing else (ENABLE_AUTO_SNI, VERIFY_CERTIFICATE_AT_CLIENT; release notes of 1.21).
"""


def minor_version(text: str) -> tuple[int, int] | None:
    """Major and minor number; None where the text begins with none."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def is_before(text: str, version: tuple[int, int]) -> bool:
    """Whether it is known to be older than this version."""
    known = minor_version(text)
    return known is not None and known < version


def is_since(text: str, version: tuple[int, int]) -> bool:
    """Whether it is known to be this version or newer."""
    known = minor_version(text)
    return known is not None and known >= version
