"""Whether the client's first bytes are enough for Envoy to decide what they are.

A client that waits for an answer to them hangs where they are not. Of Envoy 1.40, byte by byte (tests/live):
tls_inspector reads a record header (BoringSSL, ssl_open_handshake), http_inspector a request line
(source/extensions/filters/listener/http_inspector/http_inspector.cc), the HTTP codec a line (balsa_parser.cc).
"""

from __future__ import annotations

_RECORD_HEADER = 5
_METHOD = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""Characters of a token, RFC 9110 section 5.6.2: http_inspector takes any method."""
_BLANKS = frozenset(b"\t\v\f\r ")


def tls_inspector_waits(sent: bytes) -> bool:
    """Whether tls_inspector needs more to tell TLS from other protocols."""
    if len(sent) < _RECORD_HEADER:
        return True
    is_v2_hello = sent[0] & 0x80 and sent[2] == 1 and sent[3] == 3
    return bool(is_v2_hello) or sent.startswith(b"\x16\x03")


def http_inspector_waits(sent: bytes) -> bool:
    """Whether http_inspector takes them for the start of a request line."""
    length = next((place for place, byte in enumerate(sent) if byte not in _METHOD), len(sent))
    if length == len(sent):
        return True
    return length > 0 and sent[length] in _BLANKS and b"\n" not in sent


def http_codec_waits(sent: bytes) -> bool:
    """Whether an HTTP connection manager waits for the end of a request line; else it answers 400."""
    line = sent.lstrip(b"\r\n")
    return not line or (line[0] > ord(" ") and b"\n" not in line)


WAITS = {"tls_inspector": tls_inspector_waits, "http_inspector": http_inspector_waits}
"""By listener filter."""
