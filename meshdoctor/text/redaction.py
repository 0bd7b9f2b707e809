"""Redacts secrets that a pattern recognises: private keys, passwords in URLs, tokens.

Promises: everything else stays byte for byte, references (`$(VAR)`, `${VAR}`) too; a second pass finds nothing. Every
pattern starts with fixed text or at the start of a word, so that tens of megabytes, hostile ones too, take little time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial

from meshdoctor.text.marks import REDACTED
from meshdoctor.text.secrets import is_placeholder, is_reference, is_secret_setting
from meshdoctor.text.settings_text import clean_settings

_PRIVATE_KEY = re.compile(
    r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----(?:[\w+/=\s\\:,]|-(?!----))*+(?:-----END \1-----)?"
)
_URL = re.compile(r"://([^\s/?#:@\"'\\]{0,256}):([^\s/?#\"'\\]{1,1024})@")
_GO_DSN = re.compile(r"(?<![^\s@\"'/])([^\s:@\"'/]{1,256}):([^\s@\"'/]{1,512})@(?:tcp|unix)\(")
_SCHEME_TOKEN = re.compile(r"\b(Bearer|Basic) +([A-Za-z0-9+/_.~=-]{8,8192})")
_JWT = re.compile(r"\beyJ[\w-]{8,4096}\.eyJ[\w-]{8,16384}\.[\w-]{8,4096}")
_ISSUED = re.compile(
    r"\b(?:A(?:KIA|SIA)[A-Z0-9]{16}\b"
    r"|(?:gh[pousr]_|github_pat_|gl(?:pat|ptt|rt|dt|soat|ft)-|xox[abeprs]-|xapp-|npm_|pypi-|dckr_pat_|dop_v1_|lin_api_)[\w-]{10,255}"
    r"|[rsp]k_(?:live|test)_\w{8,255}|whsec_\w{16,255}|sk-[\w-]{20,255}|sntrys_\w{16,255}"
    r"|AIza[\w-]{30,64}|ya29\.[\w-]{16,2048}|GOCSPX-[\w-]{16,64}"
    r"|hv[sbr]\.[\w-]{16,255}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,64}|SG\.[\w-]{16,64}\.[\w-]{16,64}"
    r"|key-[0-9a-f]{32}|glc_[\w=+/]{16,512}|NRAK-[A-Z0-9]{16,64}|dapi[0-9a-f]{32}|PMAK-[\w-]{16,128}"
    r"|AGE-SECRET-KEY-[A-Z0-9]{16,128})"
)
"""Tokens that begin with the mark of their issuer: AWS, GitHub, GitLab, Slack, npm, PyPI, Docker, DigitalOcean, Linear,
Stripe, OpenAI, Sentry, Google, Vault, Shopify, SendGrid, Mailgun, Grafana, New Relic, Databricks, Postman, age."""
_WEBHOOK = re.compile(
    r"\b(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks"
    r"|[\w-]{1,63}\.webhook\.office\.com/webhookb2|api\.telegram\.org/bot(?=\d)|outlook\.office\.com/webhook)"
    r"/?([^\s\"'<>?#]{8,512})"
)
"""Addresses of webhooks, whose path is their secret."""
_PARAMETER = re.compile(
    r"\b(password|passwd|pwd|access_token|api_key|apikey|client_secret|sig|signature|token|secret)=([^&;,\s\"'\\]{1,2048})",
    re.IGNORECASE,
)
_POSSIBLE = re.compile(r"[A-Za-z0-9_=-]{14}|[@ ]|://|---|/")
"""Fails at once for most names: without any of these no form of a secret matches."""
_HEADER = re.compile(r'"key": ?"([^"\\]{1,128})",\s{0,64}"value": ?"((?:[^"\\]|\\.){1,16384})"')
_PAIR = re.compile(r'"([\w./-]{1,128})": ?"((?:[^"\\]|\\.){1,16384})"')
_LAST_APPLIED = re.compile(r'"kubectl\.kubernetes\.io/last-applied-configuration": ?"((?:[^"\\]|\\.){0,1048576})"')
_MATCHER = re.compile(
    r'"name": ?"([^"\\]{1,128})",\s{0,64}"(?:string_match|exact_match|prefix_match)": ?'
    r'(?:\{\s{0,64}"(?:exact|prefix|suffix|contains)": ?)?"((?:[^"\\]|\\.){1,16384})"'
)


def clean_text(text: str) -> tuple[str, Counter[str]]:
    """`text` without secrets, and how many were redacted, by their kind in words."""
    found: Counter[str] = Counter()
    text = clean_settings(_clean(text, found), found)
    return (_PARAMETER.sub(partial(_parameter, found), text) if "=" in text else text), found


def has_secret_form(text: str) -> bool:
    """Whether `clean_text` may find a secret by its form alone: a private key, a login in a URL, an issued token."""
    if _POSSIBLE.search(text) is None:
        return False
    return any(mark in text for mark in _FORMS) or _ISSUED.search(text) is not None


def clean_page(text: str, settings_end: int | None = None) -> tuple[str, Counter[str]]:
    """The same for JSON of an Envoy admin page, which also has settings and headers as name and value.

    Up to `settings_end` (everywhere where None), names of pairs identify secrets too, as in node metadata; beyond it
    they belong to Envoy's configuration, in which Envoy itself hides sensitive fields.
    """
    found: Counter[str] = Counter()
    head, tail = (text, "") if settings_end is None else (text[:settings_end], text[settings_end:])
    text = _PAIR.sub(partial(_pair, found), head) + tail
    if "last-applied-configuration" in text:
        text = _LAST_APPLIED.sub(partial(_redact, 1, "last-applied configuration", found), text)
    if '"key"' in text:
        text = _HEADER.sub(partial(_header, found), text)
    if "_match" in text:
        text = _MATCHER.sub(partial(_header, found), text)
    return _clean(text, found), found


def _clean(text: str, found: Counter[str]) -> str:
    for mark, pattern, group, kind in _IN_TEXT:
        if mark in text:
            text = pattern.sub(partial(_redact, group, kind, found), text)
    return text


def _redact(group: int, kind: str, found: Counter[str], match: re.Match[str]) -> str:
    """The match with one group redacted; group 0 is all of it."""
    start, end = match.span(group)
    if match.string.startswith(REDACTED, start) or is_placeholder(match.group(group)):
        return match.group()
    found[kind] += 1
    text = match.group()
    return text[: start - match.start()] + REDACTED + text[end - match.start() :]


def _parameter(found: Counter[str], match: re.Match[str]) -> str:
    return match.group() if is_reference(match.group(2)) else _redact(2, "password or token in a text", found, match)


def _header(found: Counter[str], match: re.Match[str]) -> str:
    return _redact(2, "header", found, match) if is_secret_setting(match.group(1), match.group(2)) else match.group()


def _pair(found: Counter[str], match: re.Match[str]) -> str:
    name, value = match.groups()
    if is_secret_setting(name, value):
        return _redact(2, "setting", found, match)
    if "\\" not in value and "=" not in value:
        return match.group()
    # A string that contains a document: an annotation or a setting that is JSON, YAML or properties.
    try:
        inside = json.loads(f'"{value}"', strict=False)
    except ValueError:
        return match.group()
    cleaned, removed = clean_text(inside)
    found.update(removed)
    return (
        f'{match.group()[: match.start(2) - match.start()]}{json.dumps(cleaned)[1:-1]}"' if removed else match.group()
    )


_IN_TEXT = (
    ("-----BEGIN", _PRIVATE_KEY, 0, "private key"),
    ("://", _URL, 2, "password in a URL"),
    ("@tcp(", _GO_DSN, 2, "password in a URL"),
    ("@unix(", _GO_DSN, 2, "password in a URL"),
    ("Bearer ", _SCHEME_TOKEN, 2, "token"),
    ("Basic ", _SCHEME_TOKEN, 2, "token"),
    ("eyJ", _JWT, 0, "token"),
    *((mark, _WEBHOOK, 1, "address of a webhook") for mark in ("hooks.slack", "/webhook", "telegram.org/bot")),
    ("", _ISSUED, 0, "token"),
)
"""Text without which a pattern cannot match, the pattern, the group that is the secret, and what it is."""
_FORMS = tuple(dict.fromkeys(mark for mark, *_ in _IN_TEXT if mark))
