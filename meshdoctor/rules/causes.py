"""Which hit explains which: the cause keeps its severity, its consequences are reported as information.

For one host:port and pod, the first rule of `model.rule.CAUSES` that fired is the cause of every later one there, and a
rule's own `explained_by` adds to that. Three conditions apply:

- A hit explains another only if its host covers the other's: `*.wiki.example` explains `en.wiki.example`, not the
  reverse. A hit with a port and no host (a rejected listener) explains every host on that port of its pod. Without a
  port nothing is explained.
- A hit explains nothing more severe than itself. With ALLOW_ANY an unregistered host is not a fault, so it cannot make
  another finding of that pod harmless.
- It is decided pod by pod. A finding that is explained for some of its pods is reported twice, see `tally`.

A consequence names the root cause, never another consequence.

A dependency that fails is an error, whatever rule names the cause. A hit of a fallback rule says that the dependency
fails and, in `fact.reason`, by which cause: the hit of that rule about the same host becomes an error. Where no error
is about the host, the fallback rule's own hit stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.model.rule import CAUSES
from meshdoctor.model.verdict import Severity
from meshdoctor.rules.hits import Hit, fingerprint
from meshdoctor.semantics.istio.host_names import wildcards_for

_RANK = {rule: index for index, rule in enumerate(CAUSES)}


def explained(hits: Sequence[Hit]) -> list[Hit]:
    """The hits of one pod; those explained by another one have the fingerprint of that finding."""
    fallbacks = [hit for hit in hits if hit.rule.backstop]
    failing = {(hit.port, hit.host.lower(), str(getattr(hit.fact, "reason", ""))) for hit in fallbacks}
    raised = [_raised(hit, failing) for hit in hits if not hit.rule.backstop]
    index = _by_host(raised)
    found = []
    for hit in raised:
        root, seen = hit, {hit.rule.id}
        while (cause := _cause(root, index)) is not None and cause.rule.id not in seen:
            seen.add(cause.rule.id)
            root = cause
        found.append(hit if root is hit else hit._replace(caused_by=fingerprint(root)))
    errors = _by_host([hit for hit in found if hit.severity is Severity.ERROR and hit.host and not hit.caused_by])
    return found + [hit for hit in fallbacks if not any(key in errors for key in _keys(hit))]


def _raised(hit: Hit, failing: set[tuple[int, str, str]]) -> Hit:
    """The hit as an error, if it is the cause of a dependency that fails."""
    if (hit.port, hit.host.lower(), hit.rule.id) in failing and hit.host:
        return hit._replace(severity=Severity.ERROR)
    return hit


_Index = dict[tuple[str, int, str], dict[str, Hit]]


def _keys(hit: Hit) -> list[tuple[str, int, str]]:
    """Keys under which a hit about this one's host may be: the host, its wildcards, the port as a whole."""
    return [(hit.fact.pod, hit.port, host) for host in (hit.host.lower(), *wildcards_for(hit.host), "")]


def _by_host(hits: Sequence[Hit]) -> _Index:
    """Hits by pod, port and host, then by rule; of several hits of one rule the most severe."""
    index: _Index = {}
    for hit in hits:
        if hit.port:
            here = index.setdefault((hit.fact.pod, hit.port, hit.host.lower()), {})
            known = here.get(hit.rule.id)
            if known is None or hit.rank < known.rank:
                here[hit.rule.id] = hit
    return index


def _cause(hit: Hit, index: _Index) -> Hit | None:
    if not hit.host or not hit.port:
        return None
    candidates = [index.get(key, {}) for key in _keys(hit)]
    earlier = CAUSES[: _RANK.get(hit.rule.id, 0)]
    for rule in sorted({*earlier, *hit.rule.explained_by}, key=lambda cause: (_RANK.get(cause, len(CAUSES)), cause)):
        for by_rule in candidates:
            cause = by_rule.get(rule)
            if cause is not None and cause.rank <= hit.rank:
                return cause
    return None
