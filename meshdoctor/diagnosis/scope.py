"""Chooses the pods and the rules. Unknown names are refused, as an empty result would look healthy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meshdoctor import bundled
from meshdoctor.errors import NothingToJudge, Unreadable, UsageError
from meshdoctor.facts.case import Case
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.rule import Rule
from meshdoctor.rules.loader import load_rules
from meshdoctor.text.nearest import nearest


def sheet_of(case: Case, namespaces: Sequence[str] = (), labels: str = "") -> FactSheet:
    """The facts of the pods asked for. Raises `NothingToJudge` where there is no pod, or none of those asked for."""
    refuse_empty(case)
    refuse_unknown(namespaces, case.mesh)
    sheet = FactSheet(case.mesh, namespaces, labels)
    if labels and not any(map(sheet.is_asked, case.mesh.pod_names)):
        raise NothingToJudge(f"no pod has the labels {labels}, so there is nothing to check.")
    return sheet


def refuse_empty(case: Case) -> None:
    """Raise where no proxy or pod could be read: exit code 4 if there is an unreadable one, else 3."""
    mesh = case.mesh
    if mesh.pods or mesh.proxies:
        return
    if mesh.proxies_unread:
        reasons = "; ".join(list(mesh.proxies_unread.values())[:3])
        more = len(mesh.proxies_unread) - 3
        raise Unreadable(f"{reasons}; and {more} more" if more > 0 else reasons)
    why = "; ".join(f"{u.path}: {u.because}" for u in mesh.unread[:3])
    tail = f" Not read: {why}." if why else ""
    location = case.capture.location
    raise NothingToJudge(f"{location}: no proxy and no pod in it, so there is nothing to check.{tail}")


def refuse_unknown(namespaces: Sequence[str], mesh: Mesh) -> None:
    """Raise where a chosen namespace has no pod."""
    there = sorted({key.split("/", 1)[0] for key in mesh.pod_names})
    for namespace in namespaces:
        if namespace not in there:
            raise NothingToJudge(f"no pod in namespace {namespace}. {nearest(namespace, there)}")


def load_catalogue(rule_dirs: Sequence[Path] = ()) -> list[Rule]:
    """The built-in rules, and those of the user's directories beside them."""
    return load_rules([bundled.rules_dir(), *rule_dirs])


def choose_rules(catalogue: Sequence[Rule], only: Sequence[str], skip: Sequence[str]) -> list[Rule]:
    """The rules with the ids in `only`, else all, but those in `skip`. Raises `UsageError` for an unknown id."""
    known = {rule.id for rule in catalogue}
    for name in (*only, *skip):
        if name not in known:
            raise UsageError(f"no rule {name}. {nearest(name, sorted(known))}")
    return [r for r in catalogue if (not only or r.id in only) and r.id not in skip]
