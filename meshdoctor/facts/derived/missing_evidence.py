"""Which evidence a rule needs that was not read, by pod."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from meshdoctor.model.finding import NotEvaluated
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.proxy_summary import ProxySummary
from meshdoctor.model.rule import Rule
from meshdoctor.semantics.istio.data_plane import GATEWAYS, is_ztunnel, proxy_kind_of, proxy_role

_THROUGH_GATEWAYS = "$.gateway_hops"
"""The list whose facts need other pods' dumps."""
_OF_ANY_PROXY = "$.rejections"
"""The list that every proxy of Istio has; the others are about sidecars."""

IsAsked = Callable[[str], bool]
"""`namespace/name` of a pod → whether it is in scope."""

SECTIONS = ("listeners", "routes", "clusters")
"""Sections of a dump that outbound rules need."""

JUDGED = ("sidecar", "gateway")
"""Kinds of proxies whose dumps rules read: a gateway's as the second hop of a sidecar's connection."""

OF_A_PROXY = ("config_dump", "clusters")
"""Kinds of evidence that are read per proxy."""


def gaps_of(rule: Rule, mesh: Mesh, is_asked: IsAsked = lambda key: True) -> list[NotEvaluated]:
    """What this rule could not evaluate, one item per kind of missing evidence; only for pods in scope."""
    found: list[NotEvaluated] = []
    for need in rule.needs:
        if need == "config_dump":
            found += _dump_gaps(rule, mesh, is_asked)
        elif need == "clusters":
            found += _missing_endpoints(rule.id, mesh, is_asked)
        elif need == "dns":
            if not _knows_addresses(mesh):
                found.append(NotEvaluated(rule.id, (), ("dns.json",), "no DNS answers were read"))
        elif not (coverage := mesh.coverage(need)).is_whole:
            found.append(NotEvaluated(rule.id, (), coverage.missing, coverage.because, coverage.is_read))
    gaps = (coverage for kind in rule.reads if not (coverage := mesh.coverage(kind)).is_whole)
    return found + [NotEvaluated(rule.id, (), gap.missing, gap.because, True) for gap in gaps]


def _dump_gaps(rule: Rule, mesh: Mesh, is_asked: IsAsked) -> Iterator[NotEvaluated]:
    yield from _missing_dumps(rule.id, mesh, is_asked)
    yield from _missing_sections(rule.id, mesh, is_asked)
    if not _has_proxy(rule, mesh, is_asked):
        yield NotEvaluated(rule.id, (), ("proxies/*/*/config_dump.json",), "no sidecar's config dump was read")
    if rule.select.startswith(_THROUGH_GATEWAYS):
        yield from _missing_gateways(rule.id, mesh, is_asked)


def unread_dumps(mesh: Mesh, is_asked: IsAsked) -> tuple[str, ...]:
    """The sidecars that exist and were not read, as one entry: a document's path, or their number."""
    pods = [*_absent(mesh, is_asked), *filter(is_asked, mesh.proxies_unread)]
    if len(pods) > 1:
        return (f"proxies/*/*/config_dump.json of {len(pods)} sidecars",)
    return tuple(map(_dump_of, pods))


def _expected(mesh: Mesh) -> list[str]:
    """Pods that have a proxy, and so a dump."""
    proxied = [k for k, pod in mesh.pods.items() if pod.proxy_container and pod.phase in ("", "Running", "Pending")]
    return [k for k in proxied if not is_ztunnel(k, mesh.pods[k])]


def _absent(mesh: Mesh, is_asked: IsAsked) -> list[str]:
    known = {*mesh.proxy_names, *mesh.proxies_unread}
    return [k for k in _expected(mesh) if k not in known and is_asked(k)]


def _missing_dumps(rule: str, mesh: Mesh, is_asked: IsAsked) -> Iterator[NotEvaluated]:
    """Dumps that do not exist, or cannot be read."""
    for because, pods in _by_reason(mesh, _absent(mesh, is_asked)).items():
        yield NotEvaluated(rule, tuple(pods), tuple(map(_dump_of, pods)), because)
    for _ in mesh.summaries():
        pass  # only a look at a dump tells that it cannot be read
    places = {name: place for place, name in enumerate(mesh.proxy_names)}
    for key in sorted(mesh.proxies_unread, key=lambda key: places.get(key, -1)):
        if is_asked(key):
            yield NotEvaluated(rule, (key,), (f"proxies/{key}/config_dump.json",), mesh.proxies_unread[key])


def _missing_sections(rule: str, mesh: Mesh, is_asked: IsAsked) -> Iterator[NotEvaluated]:
    """Sections that a dump lacks, as a whole or in part."""
    for key, summary in mesh.summaries():
        if not is_asked(key) or proxy_kind_of(mesh.pods.get(key), summary) not in JUDGED:
            continue
        lacking = _absent_sections(summary)
        if lacking:
            named = tuple(f"{summary.document}: {section}" for section in lacking)
            yield NotEvaluated(rule, (key,), named, f"the dump has no section for {', '.join(lacking)}")
        gaps = {section: summary.coverage(section) for section in (*SECTIONS, "bootstrap") if section not in lacking}
        partial = {section: coverage for section, coverage in gaps.items() if not coverage.is_whole}
        if partial:
            missing = tuple(
                f"{summary.documents.get(section, summary.document)}: {one}"
                for section, coverage in partial.items()
                for one in coverage.missing or (section,)
            )
            because = "; ".join(coverage.because for coverage in partial.values())
            yield NotEvaluated(rule, (key,), missing, because, True)


def _has_proxy(rule: Rule, mesh: Mesh, is_asked: IsAsked) -> bool:
    """Whether a pod in scope has, or should have, a proxy that the rule is about."""
    if any(map(is_asked, mesh.proxies_unread)):
        return True
    kinds = ("sidecar", "gateway", "waypoint") if rule.select.startswith(_OF_ANY_PROXY) else ("sidecar",)
    read = {key: proxy_kind_of(mesh.pods.get(key), summary) for key, summary in mesh.summaries()}
    awaited = {key: proxy_kind_of(mesh.pods[key], None) for key in _expected(mesh) if key not in read}
    return any(kind in kinds and is_asked(key) for key, kind in (read | awaited).items())


def _missing_gateways(rule: str, mesh: Mesh, is_asked: IsAsked) -> Iterator[NotEvaluated]:
    """Gateways besides the pods in scope: connections may be routed through them."""
    gateways = [k for k in _expected(mesh) if proxy_role(mesh.pods[k]) in GATEWAYS and not is_asked(k)]
    absent = [k for k in gateways if k not in mesh.proxy_names or k in mesh.proxies_unread]
    for because, pods in _by_reason(mesh, absent).items():
        yield NotEvaluated(rule, tuple(pods), tuple(map(_dump_of, pods)), because)


def _by_reason(mesh: Mesh, pods: Sequence[str]) -> dict[str, list[str]]:
    """Pods without a dump, by the reason the collector noted."""
    reasons = {note.path: note.because for note in mesh.unread}
    found: dict[str, list[str]] = {}
    for pod in pods:
        found.setdefault(reasons.get(_dump_of(pod), "the sidecar's config dump was not read"), []).append(pod)
    return found


def _dump_of(pod: str) -> str:
    return f"proxies/{pod}/config_dump.json"


def _missing_endpoints(rule: str, mesh: Mesh, is_asked: IsAsked) -> Iterator[NotEvaluated]:
    summaries = [(key, one) for key, one in mesh.summaries() if is_asked(key) and one.kind in JUDGED]
    blind = [key for key, summary in summaries if not summary.knows_endpoints]
    if blind:
        documents = tuple(f"proxies/{k}/clusters.json" for k in blind)
        why = "neither clusters.json nor a dump with endpoints (?include_eds) was read"
        yield NotEvaluated(rule, tuple(blind), documents, why)
    for key, summary in summaries:
        coverage = summary.gaps.get("endpoints")
        if coverage is not None:
            missing = tuple(f"{summary.document}: endpoints of {one}" for one in coverage.missing)
            yield NotEvaluated(rule, (key,), missing or (f"{summary.document}: endpoints",), coverage.because, True)


def _knows_addresses(mesh: Mesh) -> bool:
    summaries = (mesh.summary(key) for key in sorted(mesh.proxy_names))
    return mesh.dns is not None or any(summary is not None and summary.knows_endpoints for summary in summaries)


def _absent_sections(summary: ProxySummary) -> list[str]:
    return [s for s in SECTIONS if not summary.coverage(s).is_read]


def cannot_run(rule: Rule, mesh: Mesh) -> bool:
    """Whether a kind of evidence that the rule needs was not read at all, so that it is evaluated for no pod.

    Reads dumps only until one has endpoints.
    """
    kinds = (need for need in rule.needs if need not in OF_A_PROXY and need != "dns")
    return any(not mesh.coverage(kind).is_read for kind in kinds) or (
        "dns" in rule.needs and not _knows_addresses(mesh)
    )


def lacks_evidence(rule: Rule, summary: ProxySummary) -> bool:
    """Whether this one proxy's dump lacks what the rule needs."""
    lacks_sections = "config_dump" in rule.needs and bool(_absent_sections(summary))
    return lacks_sections or ("clusters" in rule.needs and not summary.knows_endpoints)
