"""Which evidence a rule needs that was not read, by pod."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from msgspec import structs

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


class EvidenceGaps:
    """What rules lack, of the pods in scope. What is the same for several rules is found once.

    Made once every dump was opened: only a look at a dump tells that it cannot be read.
    """

    def __init__(self, mesh: Mesh, is_asked: IsAsked = lambda key: True) -> None:
        self._mesh = mesh
        self._is_asked = is_asked

    def of(self, rule: Rule) -> list[NotEvaluated]:
        """What this rule could not evaluate, one item per kind of missing evidence."""
        found: list[NotEvaluated] = []
        for need in rule.needs:
            if need == "config_dump":
                found += self._dumps(rule)
            elif need == "clusters":
                found += self._endpoints
            elif need == "dns":
                if not _knows_addresses(self._mesh):
                    found.append(NotEvaluated("", (), ("dns.json",), "no DNS answers were read"))
            elif not (gap := self._mesh.coverage(need)).is_whole:
                found.append(NotEvaluated("", (), gap.missing, gap.because, gap.is_read))
        gaps = (gap for kind in rule.reads if not (gap := self._mesh.coverage(kind)).is_whole)
        found += [NotEvaluated("", (), gap.missing, gap.because, True) for gap in gaps]
        return [structs.replace(gap, rule=rule.id) for gap in found]

    def _dumps(self, rule: Rule) -> Iterator[NotEvaluated]:
        yield from self._missing_dumps
        yield from self._sections
        kinds = ("sidecar", "gateway", "waypoint") if rule.select.startswith(_OF_ANY_PROXY) else ("sidecar",)
        if self._kinds.isdisjoint(kinds) and not any(map(self._is_asked, self._mesh.proxies_unread)):
            yield NotEvaluated("", (), ("proxies/*/*/config_dump.json",), "no sidecar's config dump was read")
        if rule.select.startswith(_THROUGH_GATEWAYS):
            yield from self._gateways

    @cached_property
    def _summaries(self) -> dict[str, ProxySummary]:
        """Every proxy that can be read."""
        return dict(self._mesh.summaries())

    @cached_property
    def _judged(self) -> dict[str, ProxySummary]:
        """Those in scope whose dumps rules read."""
        pods, found = self._mesh.pods, self._summaries.items()
        return {k: one for k, one in found if self._is_asked(k) and proxy_kind_of(pods.get(k), one) in JUDGED}

    @cached_property
    def _kinds(self) -> set[str]:
        """Kinds of the proxies in scope, those included that are not there and should be."""
        mesh, read = self._mesh, self._summaries
        keys = filter(self._is_asked, {**read, **dict.fromkeys(_expected(mesh))})
        return {proxy_kind_of(mesh.pods.get(key), read.get(key)) for key in keys}

    @cached_property
    def _missing_dumps(self) -> list[NotEvaluated]:
        """Dumps that do not exist, or cannot be read."""
        mesh = self._mesh
        found = _by_reason(mesh, _absent(mesh, self._is_asked))
        _ = self._summaries  # opens those that were not opened yet
        places = {name: place for place, name in enumerate(mesh.proxy_names)}
        for key in sorted(filter(self._is_asked, mesh.proxies_unread), key=lambda key: places.get(key, -1)):
            found.append(NotEvaluated("", (key,), (_dump_of(key),), mesh.proxies_unread[key]))
        return found

    @cached_property
    def _sections(self) -> list[NotEvaluated]:
        """Sections that a dump lacks, as a whole or in part."""
        found: list[NotEvaluated] = []
        for key, summary in self._judged.items():
            lacking = _absent_sections(summary)
            if lacking:
                named = tuple(f"{summary.document}: {section}" for section in lacking)
                found.append(NotEvaluated("", (key,), named, f"the dump has no section for {', '.join(lacking)}"))
            gaps = {name: summary.coverage(name) for name in (*SECTIONS, "bootstrap") if name not in lacking}
            partial = {section: coverage for section, coverage in gaps.items() if not coverage.is_whole}
            if partial:
                missing = tuple(
                    f"{summary.documents.get(section, summary.document)}: {one}"
                    for section, coverage in partial.items()
                    for one in coverage.missing or (section,)
                )
                because = "; ".join(coverage.because for coverage in partial.values())
                found.append(NotEvaluated("", (key,), missing, because, True))
        return found

    @cached_property
    def _gateways(self) -> list[NotEvaluated]:
        """Gateways besides the pods in scope: connections may be routed through them."""
        mesh = self._mesh
        gateways = [k for k in _expected(mesh) if proxy_role(mesh.pods[k]) in GATEWAYS and not self._is_asked(k)]
        return _by_reason(mesh, [k for k in gateways if k not in mesh.proxy_names or k in mesh.proxies_unread])

    @cached_property
    def _endpoints(self) -> list[NotEvaluated]:
        found: list[NotEvaluated] = []
        summaries = {k: one for k, one in self._summaries.items() if self._is_asked(k) and one.kind in JUDGED}
        blind = [key for key, summary in summaries.items() if not summary.knows_endpoints]
        if blind:
            documents = tuple(f"proxies/{key}/clusters.json" for key in blind)
            why = "neither clusters.json nor a dump with endpoints (?include_eds) was read"
            found.append(NotEvaluated("", tuple(blind), documents, why))
        for key, summary in summaries.items():
            coverage = summary.gaps.get("endpoints")
            if coverage is not None:
                missing = tuple(f"{summary.document}: endpoints of {one}" for one in coverage.missing)
                missing = missing or (f"{summary.document}: endpoints",)
                found.append(NotEvaluated("", (key,), missing, coverage.because, True))
        return found


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


def _by_reason(mesh: Mesh, pods: Sequence[str]) -> list[NotEvaluated]:
    """Pods without a dump, by the reason the collector noted."""
    reasons = {note.path: note.because for note in mesh.unread}
    found: dict[str, list[str]] = {}
    for pod in pods:
        found.setdefault(reasons.get(_dump_of(pod), "the sidecar's config dump was not read"), []).append(pod)
    return [NotEvaluated("", tuple(those), tuple(map(_dump_of, those)), why) for why, those in found.items()]


def _dump_of(pod: str) -> str:
    return f"proxies/{pod}/config_dump.json"


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
