"""Recognises settings that contain a secret, by name and value, for redaction and for rule plaintext-credentials."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from meshdoctor.text.marks import is_mark, without_marks
from meshdoctor.text.word_sets import word_set, words

_SECRET_WORDS = frozenset(
    {"PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "SECRET", "APIKEY", "CREDENTIAL", "CREDENTIALS", "SECRETKEY", "PASS"}
)
_GLUED_PASSWORD = re.compile(r"[A-Z]{2,}(PASSWORD|PASSWD)\Z")
_KEYS = frozenset(
    {"API", "ACCESS", "PRIVATE", "SECRET", "ENCRYPTION", "SIGNING", "ACCOUNT", "SHARED", "AUTH", "MASTER", "LICENSE"}
)
"""Words before KEY that make it a secret: API_KEY."""

_OPEN_KEYS = word_set(
    """
    PARTITION SORT SORTING ROUTING PRIMARY FOREIGN UNIQUE INDEX CACHE PUBLIC HASH RANGE SHARD GROUP ORDER LOOKUP JOIN
    OBJECT MAP CONFIG TOPIC MESSAGE LABEL METRIC TAG FIELD PARENT SCHEMA TRANSLATION REGISTRY DEDUP HEADER METADATA
    """
)
"""Words before KEY that make it a name: PARTITION_KEY."""
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})

_ABOUT_A_SECRET = word_set(
    """
    FILE FILENAME PATH DIR URL URI NAME TTL ID ENABLED ENABLE REQUIRED TYPE LENGTH MIN MAX EXPIRY EXPIRES
    EXPIRATION LIFETIME TIMEOUT SECONDS MINUTES HOURS DAYS MS DURATION INTERVAL POLICY ALGORITHM ALG HEADER FIELD
    PREFIX SUFFIX ISSUER AUDIENCE ENDPOINT HOST PORT REF REFERENCE STORE PROVIDER LOCATION VERSION COUNT LIMIT
    SIZE ARN NAMESPACE MODE FORMAT ENCODING ROTATION CLAIM CLASS SERVICE MANAGER BACKEND ENGINE ROLE SCOPE SCOPES
    LABEL KIND MOUNT HOSTS HOSTNAME SERVER SERVERS ADDR ADDRS ADDRESS DOMAIN URLS PORTS
    """
)
"""Last words of names of settings that are about a secret but do not contain it: TOKEN_TTL."""

_NO_SECRET = frozenset(
    {"", "true", "false", "yes", "no", "on", "off", "0", "1", "none", "null", "nil", "enabled", "disabled", "required"}
)
_PLACEHOLDER = re.compile(r"\$\(\w[\w.-]*\)|\$\{[^}]*\}|\$[A-Z_][A-Z0-9_]*|\{\{.*\}\}|<[^<>]*>|%\w+%", re.DOTALL)
_ELSEWHERE = re.compile(
    r"(?:vault|secret|secretref|ssm|sm|op|awssm|asm|gcpsm|akv|keyvault|ref\+\w+|file|env)://?\S*\Z"
    r"|(?:vault|secretref|ssm|file|env|arn):\S+\Z"
    r"|projects/[^/\s]+/secrets/\S+\Z"
    r"|@Microsoft\.KeyVault\(.*\)\Z"
    r"|[A-Za-z]:\\[\w\\. -]+\Z"
    r"|(?:~|\.{1,2})?/[\w.@+-]+(?:/[\w.@+-]+)*/?\Z",
    re.IGNORECASE,
)
"""Values that only refer to a secret: references to secret stores, and file paths."""

_URL_PASSWORD = re.compile(r"[A-Za-z]://[^\s/?#:@\"']{0,256}:([^\s/?#\"']{1,1024})@|\A[^\s/:@]+:([^\s/@]+)@tcp\(")
_PARAMETER_PASSWORD = re.compile(r"(?:\A|[?&;,\s])(?:password|passwd|pwd)\s*=\s*([^&;,\s\"']+)", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name contains a secret, and not its path, its lifetime or its user."""
    parts = words(name)
    if not parts or parts[-1] in _ABOUT_A_SECRET:
        return False
    if parts[-1] in ("PWD", "PW"):
        return len(parts) > 1 and parts[0] != "OLD"
    keys = any(first in _KEYS and second == "KEY" for first, second in pairwise(parts))
    return keys or any(p in _SECRET_WORDS or _GLUED_PASSWORD.match(p) for p in parts)


def form_of_secret(name: str, value: str) -> str:
    """`url` where the value of this setting contains a password, `literal` where it is a secret, else `""`."""
    text = without_marks(value).strip()
    for match in (*_URL_PASSWORD.finditer(text), *_PARAMETER_PASSWORD.finditer(text)):
        password = next(group for group in match.groups() if group)
        if not _PLACEHOLDER.fullmatch(password):
            return "url"
    if is_secret_name(name) and text.lower() not in _NO_SECRET and not is_reference(text):
        return "literal"
    return ""


@lru_cache(maxsize=4096)
def may_name_secret(name: str) -> bool:
    """Whether a setting of this name may be a secret. Cached, because every page has the same few hundred names."""
    return name.lower() in _SECRET_HEADERS or is_secret_name(name)


def is_secret_setting(name: str, value: str) -> bool:
    """Whether the whole value of a setting (environment, annotation, header, key of a ConfigMap) is a secret."""
    if is_mark(value) or not may_name_secret(name):
        return False
    return name.lower() in _SECRET_HEADERS or form_of_secret(name, value) == "literal"


def holds_secret(name: str, value: str) -> bool:
    """The same, or a KEY of unknown kind: it makes no finding, but is redacted."""
    return is_secret_setting(name, value) or (not is_mark(value) and _may_be_key(name, value))


def _may_be_key(name: str, value: str) -> bool:
    parts = words(name)
    if len(parts) < 2 or parts[-1] != "KEY" or parts[-2] in _OPEN_KEYS:
        return False
    text = value.strip()
    return text.lower() not in _NO_SECRET and not is_reference(text)


def is_placeholder(text: str) -> bool:
    """Whether the whole text is a placeholder: `$(DB_PASSWORD)`, `${PASS}`, `<password>`."""
    return _PLACEHOLDER.fullmatch(text) is not None


def is_reference(text: str) -> bool:
    """Whether the value only refers to a secret, or is a placeholder, or a URL without password."""
    return bool(_PLACEHOLDER.fullmatch(text) or _ELSEWHERE.match(text) or re.match(r"[a-z][a-z0-9+.-]*://", text))
