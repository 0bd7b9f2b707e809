"""What the names of settings mean: `MYSQL_DB_HOST`, `db.host`, `--dbHost` and `PGHOST` all name a host, and with which
port.

A name is split into words at `_`, `-`, `.` and where a capital follows a small letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from meshdoctor.text.word_sets import word_set, words

_HOST_WORDS = word_set(
    """
    HOST HOSTS HOSTNAME HOSTNAMES FQDN ADDR ADDRS ADDRESS ADDRESSES ENDPOINT ENDPOINTS SERVER SERVERS URL URLS URI
    URIS BROKER BROKERS BOOTSTRAP NODE NODES SEED SEEDS PEER PEERS CLUSTER TARGET UPSTREAM BACKEND PROXY REMOTE
    DSN GATEWAY DOMAIN IP IPS MASTER REPLICA PRIMARY ENTRYPOINT SERVICE
    """
)
_GLUED = re.compile(r"(?P<before>[A-Z]{2,})(?P<word>HOST|HOSTNAME|ADDR|SERVER|URL|URI)\Z")
_PORTED = ("HOST", "HOSTS", "HOSTNAME", "ADDR", "ADDRESS", "ENDPOINT", "SERVER", "SERVERS", "FQDN", "DOMAIN", "IP")
_URLS = ("URL", "URI")
_IP_WORDS = frozenset({"IP", "IPS", "IPADDR", "IPADDRESS"})

_OWN = word_set(
    """
    CORS ORIGIN ORIGINS REDIRECT CALLBACK COOKIE AUDIENCE ALLOWED ALLOWLIST WHITELIST TRUSTED VIRTUAL LETSENCRYPT
    LISTEN LISTENER LISTENERS LISTENING BIND ADVERTISED ADVERTISE IMAGE EMAIL MAILTO INGRESS
    LOGO TERMS PRIVACY DOCS HOMEPAGE
    """
)
"""Words in settings for the pod's own address, its callers, or something that is not a destination."""

_OWN_NAMES = frozenset(
    {
        ("HOSTNAME",),
        ("PUBLIC", "URL"),
        ("SITE", "URL"),
        ("APP", "URL"),
        ("BASE", "URL"),
        ("EXTERNAL", "URL"),
        ("ROOT", "URL"),
        ("USER", "AGENT"),
        ("POD", "IP"),
        ("HOST", "IP"),
    }
)

_NO_NAME = word_set(
    """
    VERSION TAG RELEASE BUILD TOPIC TOPICS QUEUE EXCHANGE CHANNEL SUBJECT STREAM BUCKET TABLE CLASS CLASSNAME
    PACKAGE MODULE LOGGER LEVEL PROFILE PROFILES FILE FILENAME PATH DIR FOLDER CERT CERTIFICATE LOCALE LANG LC TZ
    TIMEZONE NAME USER USERNAME LOGIN LABEL GROUP CONSUMER ROLE SCOPE SCOPES REALM KEY TYPE FORMAT ID TITLE MAIN
    DRIVER DIALECT PASSWORD SECRET TOKEN REGION ZONE
    """
)
"""Words in settings whose dotted value is not a host unless it has a port or a scheme."""

_INFORMATION = word_set(
    """
    DOCS DOC DOCUMENTATION REPOSITORY REPO RUNBOOK DASHBOARD CHAT SUPPORT BUGS ISSUES LOGS HOMEPAGE LINK CONTACT
    OWNER DESCRIPTION WEBSITE CAUSE SOURCE VCS GIT WIKI
    """
)

_TOOL_DOMAINS = (
    "istio.io",
    "kubernetes.io",
    "k8s.io",
    "prometheus.io",
    "openshift.io",
    "projectcalico.org",
    "cilium.io",
    "cncf.io",
    "helm.sh",
    "argoproj.io",
    "fluxcd.io",
    "linkerd.io",
    "cattle.io",
    "hashicorp.com",
    "datadoghq.com",
    "amazonaws.com",
    "cloud.google.com",
    "gke.io",
    "azure.com",
    "checksum",
    "a8r.io",
)
"""Prefixes of annotations that configure the platform, not the application."""


def names_a_host(name: str) -> bool:
    """Whether the name says that the value is or contains a host."""
    parts = words(name)
    return any(p in _HOST_WORDS or _GLUED.match(p) for p in parts)


def is_own_address(name: str) -> bool:
    """Whether the setting is about the pod's own address, its callers, or what must not be proxied: never a
    dependency."""
    parts = words(name)
    if (
        parts in _OWN_NAMES
        or _OWN.intersection(parts)
        or parts[:2]
        in (("KUBERNETES", "SERVICE"), ("KUBERNETES", "PORT"), ("NEXT", "PUBLIC"), ("REACT", "APP"), ("DD", "GIT"))
        or parts[:1] == ("VITE",)
        or parts[-2:] == ("ROOT", "URL")
    ):
        return True
    return "PROXY" in parts and bool({"NO", "NON"}.intersection(parts))


def allows_bare_name(name: str) -> bool:
    """Whether a dotted value without port may be a host, by the setting's name: not so a topic, a class, a version."""
    parts = words(name)
    if ("HOST", "NAME") in pairwise(parts):
        parts = tuple(p for p in parts if p != "NAME")
    return not _NO_NAME.intersection(parts)


def port_names(name: str) -> Iterator[tuple[str, ...]]:
    """Names (as words) of the setting that holds the port of this host: `DB_HOST` → `DB_PORT`.

    A bare `URL` has no such partner: `PORT` alone is most often where the pod itself listens.
    """
    parts = words(name)
    if len(parts) > 1 and parts[-2:] == ("HOST", "NAME"):
        parts = parts[:-1]
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        glued = _GLUED.match(part)
        if part in _PORTED or (part in _URLS and len(parts) > 1):
            yield (*parts[:index], "PORT", *parts[index + 1 :])
        elif glued:
            yield (*parts[:index], glued.group("before") + "PORT", *parts[index + 1 :])


def host_prefix(name: str) -> tuple[str, ...] | None:
    """The words before the last one where that one names a host, else None: `MYSQL_DB_HOST` → `MYSQL`, `DB`."""
    parts = words(name)
    return parts[:-1] if parts and parts[-1] in (*_PORTED, *_URLS) else None


def address_prefix(name: str) -> tuple[str, ...] | None:
    """The words before `IP`, `IPS`, `IP_ADDRESS`, `ADDRESSES` ..., else None: `MYSQL_DB_IPS` → `MYSQL`, `DB`."""
    parts = words(name)
    if len(parts) > 1 and parts[-2] == "IP" and parts[-1] in ("ADDR", "ADDRS", "ADDRESS", "ADDRESSES", "LIST"):
        return parts[:-2]
    if parts and (parts[-1] in _IP_WORDS or parts[-1] in ("ADDR", "ADDRS", "ADDRESS", "ADDRESSES")):
        return parts[:-1]
    return None


def is_application_annotation(key: str) -> bool:
    """Whether an annotation belongs to the application, not to the platform, and is not a link for people."""
    prefix, slash, name = key.rpartition("/")
    if slash and any(prefix == d or prefix.endswith("." + d) for d in _TOOL_DOMAINS):
        return False
    return not _INFORMATION.intersection(words(name))
