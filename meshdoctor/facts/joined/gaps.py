"""Which evidence a rule needs and lacks, by pod: what could not be evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.model.finding import NotEvaluated
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.proxy import Proxy
from meshdoctor.model.rule import Rule
from meshdoctor.semantics.dataplane import is_ztunnel

SECTIONS = ("listeners", "routes", "clusters")
"""Sections of a dump without which its outbound side cannot be judged."""


def gaps_of(rule: Rule, mesh: Mesh, namespaces: Sequence[str] = ()) -> list[NotEvaluated]:
    """What this rule could not look at, one item per kind of missing evidence."""
    found: list[NotEvaluated] = []
    for need in rule.needs:
        if need == "config_dump":
            found += _missing_dumps(rule.id, mesh, namespaces)
        elif need == "clusters":
            found += _missing_endpoints(rule.id, mesh, namespaces)
        elif need == "dns":
            found += _missing_dns(rule.id, mesh)
        elif need not in mesh.kinds_read:
            path = f"resources/{need}.yaml"
            found.append(NotEvaluated(rule.id, (), (path,), f"{need} were not read"))
    return found


def _asked(key: str, namespaces: Sequence[str]) -> bool:
    return not namespaces or key.split("/", 1)[0] in namespaces


def _missing_dumps(rule: str, mesh: Mesh, namespaces: Sequence[str]) -> Iterator[NotEvaluated]:
    proxied = [k for k, pod in mesh.pods.items() if pod.proxy_container and pod.phase in ("", "Running", "Pending")]
    expected = [k for k in proxied if not is_ztunnel(k, mesh.pods[k])]
    absent = [k for k in expected if k not in mesh.proxies and k not in mesh.proxies_unread and _asked(k, namespaces)]
    if absent:
        documents = tuple(f"proxies/{k}/config_dump.json" for k in absent)
        yield NotEvaluated(rule, tuple(absent), documents, "the sidecar's config dump was not read")
    for key, because in mesh.proxies_unread.items():
        if _asked(key, namespaces):
            yield NotEvaluated(rule, (key,), (f"proxies/{key}/config_dump.json",), because)
    for key, proxy in mesh.proxies.items():
        lacking = [s for s in SECTIONS if s not in proxy.sections]
        if lacking and _asked(key, namespaces):
            named = tuple(f"{proxy.document}: {s}" for s in lacking)
            yield NotEvaluated(rule, (key,), named, f"the dump has no section for {', '.join(lacking)}")
    if not (expected or mesh.proxies or mesh.proxies_unread):
        yield NotEvaluated(rule, (), ("proxies/*/*/config_dump.json",), "no sidecar's config dump was read")


def _missing_endpoints(rule: str, mesh: Mesh, namespaces: Sequence[str]) -> Iterator[NotEvaluated]:
    blind = [k for k, proxy in mesh.proxies.items() if not _knows_endpoints(proxy) and _asked(k, namespaces)]
    if blind:
        documents = tuple(f"proxies/{k}/clusters.json" for k in blind)
        why = "neither clusters.json nor a dump with endpoints (?include_eds) was read"
        yield NotEvaluated(rule, tuple(blind), documents, why)


def _knows_endpoints(proxy: Proxy) -> bool:
    return proxy.live_endpoints is not None or "endpoints" in proxy.sections


def _missing_dns(rule: str, mesh: Mesh) -> Iterator[NotEvaluated]:
    if mesh.dns is None and not any(_knows_endpoints(p) for p in mesh.proxies.values()):
        yield NotEvaluated(rule, (), ("dns.json",), "no DNS answers were read")
