"""The first bytes of clients that speak first over TCP, before they wait for the server.

Sources: RFC 1928 (SOCKS), RFC 4511 (LDAP), RFC 6587 (syslog), git's protocol-pack, ZooKeeper's ConnectRequest and
four-letter words, IBM MQ's TSH segments, and the documentation of each other product.
"""

from __future__ import annotations

from msgspec import Struct


class FirstMessage(Struct, frozen=True):
    """What a usual client of a protocol sends first, and what some send."""

    protocol: str
    usual: bytes
    some: bytes = b""
    """What the clients of `whose` send; empty where all send the like of `usual`."""
    whose: str = ""


_ANONYMOUS_BIND = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"
_BIND = b"\x30\x2b\x02\x01\x01\x60\x26\x02\x01\x03\x04\x19cn=app,dc=shop,dc=example\x80\x06secret"
_SYSLOG = b"<34>1 2026-01-01T00:00:00Z host app - - - text"
_LDAP = FirstMessage("LDAP", _BIND, _ANONYMOUS_BIND, "a client that binds anonymously")
_OCTETS = b"%d %s" % (len(_SYSLOG), _SYSLOG)
_OCTET_COUNTED = "a client that counts octets (RFC 6587)"

_BY_PORT = {
    389: _LDAP,
    601: FirstMessage("syslog", _OCTETS),
    514: FirstMessage("syslog", _SYSLOG + b"\n", _OCTETS, _OCTET_COUNTED),
    1080: FirstMessage("SOCKS5", b"\x05\x01\x00"),
    1414: FirstMessage("IBM MQ", b"TSH \x00\x00\x01\x0c\x02\x01\x31\x00" + bytes(20)),
    1433: FirstMessage("TDS", b"\x12\x01\x00\x2f\x00\x00\x01\x00" + bytes(20)),
    1521: FirstMessage("Oracle", b"\x00\x57\x00\x00\x01\x00\x00\x00" + bytes(20)),
    1883: FirstMessage("MQTT", b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04name"),
    2181: FirstMessage("ZooKeeper", b"\x00\x00\x00\x2d" + bytes(45), b"ruok", "a four-letter command such as ruok"),
    3268: _LDAP,
    5432: FirstMessage("PostgreSQL", b"\x00\x00\x00\x08\x04\xd2\x16\x2f"),
    5672: FirstMessage("AMQP", b"AMQP\x00\x00\x09\x01"),
    6379: FirstMessage("Redis", b"*1\r\n$4\r\nPING\r\n"),
    9042: FirstMessage("Cassandra", b"\x04\x00\x00\x00\x05\x00\x00\x00\x00"),
    9092: FirstMessage("Kafka", b"\x00\x00\x00\x20\x00\x12\x00\x03" + bytes(28)),
    9418: FirstMessage("git", b"002bgit-upload-pack /a.git\x00host=git.example\x00"),
    11211: FirstMessage("memcached", b"version\r\n"),
}


def first_message(port: int) -> FirstMessage | None:
    """What a client that speaks TCP on this port sends first; None where the port does not tell."""
    return _BY_PORT.get(port)


def first_bytes(port: int) -> bytes:
    """What a usual client that speaks TCP on this port sends first; empty where the port does not tell."""
    found = first_message(port)
    return found.usual if found else b""
