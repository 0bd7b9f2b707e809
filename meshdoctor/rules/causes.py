"""Which hit explains which: the cause keeps its severity, its consequences are reported as information.

For one host:port and pod, the first rule of `model.rule.CAUSES` that fired is the cause of every later one there, and a
rule's own `explained_by` adds to that. Three conditions apply:

- A hit explains another only if its host covers the other's: `*.wiki.example` explains `en.wiki.example`, not the
  reverse. A hit with a port and no host (a rejected listener) explains every host on that port of its pod. Without a
  port nothing is explained.
- Information explains nothing more severe than information. With ALLOW_ANY an unregistered host is not a fault, so it
  cannot make another finding of that pod harmless.
- It is decided pod by pod. A finding that is explained for some of its pods is reported twice, see `tally`.

A consequence names the root cause, never another consequence.
"""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.model.rule import CAUSES
from meshdoctor.model.verdict import Severity
from meshdoctor.rules.hits import Hit, fingerprint
from meshdoctor.semantics.istio.host_names import wildcards_for

_RANK = {rule: index for index, rule in enumerate(CAUSES)}


def explain(hits: Sequence[Hit]) -> list[Hit]:
    """The hits in their order; those explained by another one have the fingerprint of that finding."""
    index = _by_host(hits)
    explained = []
    for hit in hits:
        root, seen = hit, {hit.rule.id}
        while (cause := _cause(root, index)) is not None and cause.rule.id not in seen:
            seen.add(cause.rule.id)
            root = cause
        explained.append(hit if root is hit else hit._replace(caused_by=fingerprint(root)))
    return explained


_Index = dict[tuple[str, int, str], dict[str, Hit]]


def without_unneeded_backstops(hits: Sequence[Hit]) -> list[Hit]:
    """The hits without those of fallback rules for whose pod, host and port another rule has a hit."""
    covered = _by_host([hit for hit in hits if not hit.rule.backstop])
    return [hit for hit in hits if not hit.rule.backstop or not any(key in covered for key in _keys(hit))]


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
            if cause is not None and (cause.severity is not Severity.INFO or hit.severity is Severity.INFO):
                return cause
    return None
