"""What of a free text stays in a capture: the hosts, ports and paths that it names, and words without content.

Promises: a text that names no host, and is no number, time, address or switch, leaves only its length; of a URL, user,
password, query and parts of the path that look like a token never stay; what `semantics.clients.settings` reads of a
setting, it reads of what is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from msgspec import structs

from meshdoctor.semantics.clients.addresses_in_text import NamedHost, canonical_host, is_address, targets_in
from meshdoctor.semantics.clients.setting_names import names_a_host
from meshdoctor.semantics.clients.settings import Setting, named_hosts
from meshdoctor.sources.kept.fields import TextOf
from meshdoctor.sources.kept.proxies import around_properties, kept_proxy_setting
from meshdoctor.text.marks import REDACTED, is_mark, is_redacted, shape, split_at_marks, without_marks
from meshdoctor.text.redaction import clean_text, has_secret_form
from meshdoctor.text.secrets import form_of_secret, holds_secret, is_placeholder, is_reference, is_secret_name
from meshdoctor.text.word_sets import word_set, words

_HARMLESS = re.compile(
    r"-?\d{1,5}(?:\.\d{1,9})?%?"
    r"|\d{1,10}(?:\.\d{1,9})?(?:ns|us|ms|s|m|h|d|Mi|Gi|Ki|M|G|k)"
    r"|\d{4}-\d\d-\d\dT[\d:.]{5,18}(?:Z|[+-]\d\d:?\d\d)?(?:/\d{1,9})?"
    r"|\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?"
    r"|(?=[0-9a-fA-F]*:[0-9a-fA-F]*:)[0-9a-fA-F:]{2,39}(?:\.\d{1,3}){0,3}(?:/\d{1,3})?"
    r"|type\.googleapis\.com/[A-Za-z][\w.]{0,120}"
)
"""Numbers, durations, sizes, times, IP addresses and ranges, and the type URLs of Envoy."""
_WORDS = word_set(
    """
    TRUE FALSE YES NO ON OFF NONE NULL NIL ENABLED DISABLED REQUIRED AUTO DEFAULT ALL ANY DEBUG INFO WARN WARNING ERROR
    TRACE CRITICAL HTTP HTTPS HTTP2 GRPC TCP TLS UDP MONGO MYSQL REDIS STATIC EDS STRICT_DNS LOGICAL_DNS ORIGINAL_DST
    CLUSTER_PROVIDED LEAST_REQUEST ROUND_ROBIN RANDOM RING_HASH MAGLEV PASSTHROUGH V4_ONLY V6_ONLY V4_PREFERRED
    INBOUND OUTBOUND UNSPECIFIED HIGH LOW HEALTHY UNHEALTHY DEGRADED UNKNOWN DRAINING TIMEOUT LIVE INITIALIZING
    PRE_INITIALIZING SERVE VALIDATE V2 V3 DELTA_GRPC AGGREGATED_GRPC TLSV1_0 TLSV1_1 TLSV1_2 TLSV1_3 TLS_AUTO
    EXTERNAL SAME_IP_OR_LOOPBACK ACCEPT_UNTRUSTED VERIFY_TRUST_CHAIN HUNDRED TEN_THOUSAND MILLION HTTP1 HTTP3
    REDIRECT TPROXY REGISTRY_ONLY ALLOW_ANY MESH_EXTERNAL MESH_INTERNAL DNS DNS_ROUND_ROBIN DYNAMIC_DNS SIMPLE MUTUAL
    ISTIO_MUTUAL DISABLE PERMISSIVE STRICT GATEWAY SIDECAR SIDECAR_INBOUND SIDECAR_OUTBOUND
    GET POST PUT HEAD DELETE PATCH OPTIONS CONNECT CLUSTERIP NODEPORT LOADBALANCER EXTERNALNAME HEADLESS ALWAYS NEVER
    IFNOTPRESENT ONFAILURE RUNNING PENDING SUCCEEDED FAILED IPV4 IPV6 JAVA SINGLESTACK DUALSTACK GAUGE COUNTER
    KEEP_UNCHANGED SANITIZE_SET APPEND_FORWARD RELEASE CLEAN BORINGSSL IMMEDIATE GRADUAL
    """
)
"""Switches, log levels, and the enums of Kubernetes, Istio and Envoy, in capitals."""
_PARAMETERS = word_set("PASSWORD PASSWD PWD HOST PORT ADDRESS PROTOCOL SCHEME")
_SCHEME = r"[A-Za-z][A-Za-z0-9+._-]{0,31}(?::[A-Za-z][A-Za-z0-9+._-]{0,31}){0,4}"
_PIECE = re.compile(
    rf"(?P<url>{_SCHEME}://(?:(?!,{_SCHEME}://)[^\s\"'<>\\`|;]){{0,4096}})"
    r"|(?P<hole>\$\([\w.-]{1,128}\)|\$\{[\w.-]{1,128}(?::[-=?+]?[\ue000-\uf8ff])?\}|\$\$)"
    r"|(?P<break>[=;,])"
    r"|(?P<gap>[\s\"'`()<>|&\[\]{}\\]+)"
    r"|(?P<word>(?:[^\s\"'`()<>|&;,=\[\]{}\\$]|\$(?![({$]))+|\$)"
)
_URL = re.compile(rf"(?P<scheme>{_SCHEME}://)(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(?P<rest>.*)\Z", re.DOTALL)
_HOLE = re.compile(r"\$\([\w.-]{1,128}\)|\$\{[\w.-]{1,128}(?::[-=?+]?[\ue000-\uf8ff])?\}")
_DEFAULT = re.compile(r"(?<=\$\{)([\w.-]{1,128}:[-=?+]?)([^{}]{1,4096})(?=\})")
"""What a shell or Spring puts in where the variable is not set: `${PASSWORD:-hunter2}`."""
_BARE_PLACEHOLDER = re.compile(
    r"\{\{[\s\w.$|-]{1,80}\}\}|<[\w .-]{1,40}>|\$[A-Z_][A-Z0-9_]{0,127}|%[A-Z_][A-Z0-9_]{0,127}%"
)
_LOGIN = re.compile(r"[^\s/@:]{1,256}:[^\s/@]{1,1024}(?=@)")
_FLAG = re.compile(r"-{1,2}(?:D(?=[a-z]))?[A-Za-z][A-Za-z.-]{0,63}\Z")
_ORACLE = re.compile(
    r"(?P<head>jdbc:oracle:[a-z]{1,16}:)(?P<user>[^@\s]{0,512})(?P<at>@(?://)?)(?P<rest>[^\s]*)\Z", re.I
)
_GO_MYSQL = re.compile(r"(?P<user>[^\s:@]*:?)(?P<password>[^\s@]*)(?P<at>@(?:tcp|unix))\Z")
_FIRST_STAND_IN = 0xE000
"""Private characters that stand for marks while the text around them is taken apart."""
_STAND_IN = re.compile(r"[\ue000-\uf8ff]")
_TOKEN_PIECE = re.compile(r"[^-._~!$'()*+,;=:@%/]+")
_PASSWORD = re.compile(r"(?:password|passwd|pwd)=[\ue000-\uf8ff]", re.I)
_QUERY = re.compile(r"\?[\w.-]{1,64}=")
_LONGEST = 1 << 16
"""Characters of a text that is taken apart; of a longer one only the hosts stay."""


def is_harmless(text: str) -> bool:
    """Whether the text has a form that cannot be a secret: a number, a time, an address, a switch or an enum's word."""
    return text.upper() in _WORDS or _HARMLESS.fullmatch(text) is not None or not text.strip()


def kept_name(text: str) -> str:
    """A text of a field that is kept, without secrets of a form that can be recognised."""
    if "@" in text and "://" not in text:
        text = _LOGIN.sub(REDACTED, text)
    return clean_text(text)[0] if "=" in text or has_secret_form(text) else text


def kept_path(path: str) -> str:
    """The path of a URL or a route, or a pattern of one, without query and parts that look like a token."""
    query = _QUERY.search(path)
    if query:
        return f"{kept_path(path[: query.start()])}?{shape(path[query.start() + 1 :])}"
    return "/".join(shape(part) if looks_like_token(part) else part for part in kept_name(path).split("/"))


def kept_value(text: str, rule: TextOf) -> str:
    """What is kept of a text."""
    if rule is TextOf.NAME:
        return kept_name(text)
    if rule is TextOf.PATH:
        return kept_path(text)
    if is_mark(text) or is_harmless(text):
        return text
    return kept_text(text) if rule is TextOf.FREE else shape(text)


@lru_cache(maxsize=8192)
def kept_setting(name: str, value: str) -> str:
    """What is kept of the value of a setting: of an environment variable, an annotation, a key of a ConfigMap.

    Cached, because replicas have the same settings.
    """
    if is_mark(value):
        return value
    if holds_secret(name, value):
        return REDACTED
    if is_harmless(value) or _HOLE.fullmatch(value) or _BARE_PLACEHOLDER.fullmatch(value):
        return value
    proxied = kept_proxy_setting(name, value, looks_like_token) or around_properties(value, kept_text, looks_like_token)
    if proxied is not None:
        return proxied
    value = _without_defaults(value)
    if is_secret_name(name) and "://" not in value:
        keeps = (is_placeholder(value) and is_redacted(value)) or (is_reference(value) and not looks_like_token(value))
        return kept_name(value) if keeps else REDACTED
    return _checked(name, clean_text(value)[0])


def _without_defaults(text: str) -> str:
    return _DEFAULT.sub(lambda found: found[1] + (found[2] if is_mark(found[2]) else shape(found[2])), text)


def kept_text(text: str) -> str:
    """The hosts, ports and paths that a text names, everything else as marks."""
    if is_mark(text) or is_harmless(text):
        return text
    proxied = around_properties(text, kept_text, looks_like_token)
    if proxied is not None:
        return proxied
    return _checked("", clean_text(_without_defaults(text))[0])


def kept_arguments(arguments: Sequence[str]) -> list[str]:
    """What is kept of a command line: names of flags, and the hosts, ports and paths that its words name."""
    kept: list[str] = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if _is_flag(argument) or is_mark(argument):
            kept.append(argument)
        elif equals and re.fullmatch(r"-{0,2}D?[A-Za-z][\w.-]{0,63}", name) and not re.search(r"\s-", argument):
            kept.append(f"{name if not looks_like_token(name) else shape(name)}={kept_setting(_setting(name), value)}")
        else:
            previous = kept[-1].lstrip("-") if kept and _is_flag(kept[-1]) else ""
            kept.append(kept_setting(previous, argument) if previous else kept_text(argument))
    return kept


def _setting(option: str) -> str:
    """The name of the setting that an option sets: `--db.host` and `-Ddb.host` set `db.host`."""
    return option.lstrip("-").removeprefix("D") if option.startswith("-") else option


def _is_flag(text: str) -> bool:
    """A flag's name: a long one, one of a single letter, or one that names a host. `-pSECRET` is none."""
    if not _FLAG.match(text) or looks_like_token(text):
        return False
    return (
        text.startswith("--") or len(text) == 2 or names_a_host(text.lstrip("-")) or "PORT" in words(text.lstrip("-"))
    )


def _checked(name: str, text: str) -> str:
    """The text with marks; where that names other hosts than the text does, the hosts themselves, or only a mark."""
    expected = what_is_read(name, text)
    if not expected[0] and not expected[1] and not _HOLE.search(text):
        return shape(text)
    ways = (_in_json, _in_pieces) if len(text) <= _LONGEST else ()
    tried = (*(way(text) for way in ways), _listed(name, text))
    return next((made for made in tried if made is not None and what_is_read(name, made) == expected), shape(text))


def what_is_read(name: str, text: str) -> tuple[Any, str, list[str]]:
    """What a diagnosis reads of a setting, under its own name and under one that says that it is a host."""
    read = [
        [(_with_kept_path(found.target), found.port_from is None) for found in named_hosts([Setting(given, text)])]
        for given in dict.fromkeys((name, f"{name}_HOST", ""))
    ]
    return [one for one in read if one], form_of_secret(name, text), _HOLE.findall(text)


def _with_kept_path(target: NamedHost) -> NamedHost:
    return structs.replace(target, path=without_marks(kept_path(target.path))) if target.path else target


def _listed(name: str, text: str) -> str | None:
    """The hosts that a text names, and nothing else."""
    found = [one.target for one in named_hosts([Setting(name or "HOST", text)])]
    return " ".join(dict.fromkeys(map(_written, found))) or None


def _written(target: NamedHost) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    port = f":{target.port}" if target.port_written else ""
    return f"{target.scheme}://{host}{port}{kept_path(target.path)}" if target.scheme else f"{host}{port}"


def _in_json(text: str) -> str | None:
    """A JSON text, each of its strings kept as the setting of its key; None where it is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.dumps(_kept_json(json.loads(text), ""))
    except (ValueError, RecursionError):
        return None


def _kept_json(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {
            (key if re.fullmatch(r"[A-Za-z][\w.-]{0,63}", key) else shape(key)): _kept_json(v, key)
            for key, v in value.items()
        }
    if isinstance(value, list):
        return [_kept_json(one, name) for one in value]
    if isinstance(value, int) and holds_secret(name, str(value)):
        return REDACTED
    return kept_setting(name, value) if isinstance(value, str) else value


def _in_pieces(text: str) -> str | None:
    """The text with everything that names no host replaced by marks; None where it cannot be taken apart."""
    if _STAND_IN.search(text):
        return None
    parts = split_at_marks(text)
    marks = parts[1::2]
    if len(marks) > 0xF8FF - _FIRST_STAND_IN:
        return None
    joined = "".join(part if index % 2 == 0 else chr(_FIRST_STAND_IN + index // 2) for index, part in enumerate(parts))
    made: list[str] = []
    hidden = ""
    pieces = list(_PIECE.finditer(joined))
    for index, piece in enumerate(pieces):
        following = pieces[index + 1].group() if index + 1 < len(pieces) else ""
        kept = _kept_piece(piece, following)
        if kept is None or (piece.lastgroup == "gap" and hidden):
            hidden += piece.group()
        else:
            made.append(_hide(hidden))
            hidden = ""
            made.append(kept)
    made.append(_hide(hidden))
    return _STAND_IN.sub(lambda found: marks[ord(found.group()) - _FIRST_STAND_IN], "".join(made))


def _hide(hidden: str) -> str:
    """A mark for the text; slashes before it, and blanks, quotes and brackets after it, are left as they are."""
    core = hidden.lstrip("/:").rstrip(" \t\r\n\"'`()<>|&[]{}\\")
    start = hidden.index(core)
    return hidden[:start] + (shape(_STAND_IN.sub("", core) or core) if core else "") + hidden[start + len(core) :]


def _kept_piece(piece: re.Match[str], following: str) -> str | None:
    text = piece.group()
    if piece.lastgroup in ("gap", "break", "hole") or _STAND_IN.fullmatch(text):
        return text
    if piece.lastgroup == "url":
        return _kept_url(text)
    if is_harmless(text) or _is_flag(text) or re.fullmatch(r":\d{0,5}", text):
        return text
    if text.startswith("://"):
        return (_kept_url(f"x{text}") or "x")[1:] or None
    if following == "=" and not looks_like_token(text):
        name = _setting(text)
        if re.fullmatch(r"[A-Za-z][\w.-]{0,63}", name) and (
            names_a_host(name) or _PARAMETERS.intersection(words(name))
        ):
            return text
    return _kept_with_login(text) or _kept_address(text)


def _kept_with_login(text: str) -> str | None:
    """The forms of Oracle's and Go's clients, where the login stands before `@`."""
    oracle = _ORACLE.match(text)
    if oracle:
        user = shape(oracle["user"]) if oracle["user"] else ""
        return f"{oracle['head']}{user}{oracle['at']}{oracle['rest'].split('?')[0]}"
    go_mysql = _GO_MYSQL.match(text)
    if go_mysql:
        return f"{_kept_login(go_mysql['user'])}{_kept_login(go_mysql['password'], REDACTED)}{go_mysql['at']}"
    return None


def _kept_url(text: str) -> str | None:
    match = _URL.match(text)
    if match is None:
        return None
    user, at, hosts = match["authority"].rpartition("@")
    name, colon, password = user.partition(":")
    listed = [_kept_host(host) for host in hosts.split(",")]
    if any(host is None for host in listed):
        return None
    login = f"{_kept_login(name)}{colon}{_kept_login(password, REDACTED)}{at}" if at else ""
    rest = match["rest"]
    query = rest[:1] + _kept_query(rest[1:])
    hosts = ",".join(filter(None, listed))
    return f"{match['scheme']}{login}{hosts}{kept_path(match['path'] or '')}{query}"


def _kept_query(query: str) -> str:
    """Marks for the parameters; the name of one that held a password stays, because it makes a finding."""
    parts = re.split("([&;])", query)
    if not any(map(_PASSWORD.fullmatch, parts)):
        return shape(query) if query else ""
    return "".join(p if not p or i % 2 or _PASSWORD.fullmatch(p) else shape(p) for i, p in enumerate(parts))


def _kept_login(text: str, mark: str = "") -> str:
    """User or password of a URL: placeholders and marks stay, and so does a colon at the end."""
    bare = text.removesuffix(":")
    stays = not bare or _HOLE.fullmatch(bare) or _STAND_IN.fullmatch(bare)
    return text if stays else (mark or shape(bare)) + text[len(bare) :]


def _kept_host(text: str) -> str | None:
    """`host[:port]` where it is one; None for other text. A name of one label names no external host."""
    if not text:
        return text
    bare = _HOLE.sub("0", text)
    host, colon, port = bare.rpartition(":")
    if not colon or "]" in port or (":" in host and not bare.startswith("[")):
        host, port = bare, "0"
    if re.fullmatch(r"\d{0,5}", port) and (host == "0" or canonical_host(host) or (host != text and "0" in host)):
        return text
    return None


def _kept_address(text: str) -> str | None:
    """A word that is `host`, `host:port` or `host:port/path`; a user before it becomes a mark."""
    user, at, rest = text.rpartition("@")
    head, slash, tail = rest.partition("/")
    prefix = "tcp:" if head.lower().startswith("tcp:") else ""
    bare = head[len(prefix) :]
    named = targets_in(bare, names_host=True)
    if len(named) != 1 or (named[0].port is None and is_address(named[0].host) and slash):
        return None
    login = (shape(user) if not _STAND_IN.fullmatch(user) else user) + at if at else ""
    return f"{login}{head[: len(prefix)]}{bare}{kept_path(slash + tail) if slash else ''}"


def looks_like_token(text: str) -> bool:
    """Whether a part of the text is long and mixed as only generated texts are."""
    for piece in _TOKEN_PIECE.findall(text):
        if len(piece) < 16:
            continue
        digits = sum(c.isdigit() for c in piece)
        letters = len(piece) - digits
        cases = {c.isupper() for c in piece if c.isalpha()}
        if (digits >= 3 and letters >= 3) or (len(piece) >= 24 and digits and len(cases) == 2):
            return True
    return False
