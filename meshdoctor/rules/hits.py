"""A hit: one rule matches one fact; and the identity of a hit's root cause."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from meshdoctor.errors import UsageError
from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import Confidence
from meshdoctor.model.rule import Rule
from meshdoctor.model.verdict import Severity

# Kubernetes draws generated names from this alphabet (k8s.io/apimachinery util/rand): no vowels, no 0, 1 or 3.
_DRAWN = "[bcdfghjklmnpqrstvwxz2456789]"
_REPLICA = re.compile(rf"(?:-(?:{_DRAWN}{{6,10}}|\d+))?-{_DRAWN}{{5}}$|-\d+$")
_TEMPLATE_HASH = re.compile(rf"-{_DRAWN}{{6,10}}$")


class Hit(NamedTuple):
    """A rule that matches a fact. `host` is empty and `port` 0 where the subject names none."""

    rule: Rule
    fact: Fact
    severity: Severity
    confidence: Confidence
    host: str
    port: int
    about: str = ""
    protocol: str = ""
    caused_by: str = ""
    """Fingerprint of the finding that explains this hit; empty where none does."""

    @property
    def rank(self) -> int:
        """0 for the most severe."""
        return self.severity.rank


def identity(hit: Hit) -> tuple[str, ...]:
    """The key of a hit's root cause: equal for every affected pod, and in every run.

    The key is the rule with host and port and the rule's `subject.about`, which names the objects that decide where
    they differ between pods. Without host and `about`: the objects named; pods count only where nothing else is named,
    and then by their workload's name.
    """
    if hit.host or hit.about:
        return (hit.rule.id, hit.host, str(hit.port), *([hit.about] if hit.about else []))
    named = {(item.kind, item.namespace, item.name) for item in hit.fact.resources}
    owners = {item for item in named if item[0] != "Pod"} or named
    return (hit.rule.id, "", str(hit.port), *sorted(f"{k} {ns}/{_lasting_name(k, name)}" for k, ns, name in owners))


def fingerprint(hit: Hit) -> str:
    """A short name for the finding this hit belongs to, for baselines: from `identity` and the severity where it is not
    the rule's own, never from pods or order."""
    severity = "" if hit.severity is hit.rule.severity else hit.severity
    text = "\n".join((*identity(hit), "explained" if hit.caused_by else severity))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@contextmanager
def naming(rule: Rule) -> Iterator[None]:
    """Puts the rule's id and file before the message of an error in one of its expressions."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"rule {rule.id} ({rule.id}.yaml): {error}") from None


def _lasting_name(kind: str, name: str) -> str:
    """The part of an object's name that survives a rollout: `ratings-v2` for the pod `ratings-v2-6c8d9f7b5-x2x4q`."""
    pattern = {"Pod": _REPLICA, "ReplicaSet": _TEMPLATE_HASH}.get(kind)
    return pattern.sub("", name) if pattern else name
