"""Checks a rule with a valid shape: expressions, captures, names of evidence, texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter

from meshdoctor.errors import UsageError
from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import Disposition
from meshdoctor.model.rule import CAUSES, NEEDS, FixTemplate, ManifestChange, Rule
from meshdoctor.model.sheet import SHEET
from meshdoctor.rules.cel_programs import BadCondition
from meshdoctor.rules.conditions import check_condition, compile_condition
from meshdoctor.rules.fact_paths import BadPath, item_type, nearest, neutral, parse_path, type_at, type_name
from meshdoctor.rules.file_shape import Problem
from meshdoctor.rules.fix_manifests import manifest_template
from meshdoctor.rules.selectors import BadSelector, compile_selector
from meshdoctor.rules.templates import BadTemplate, check_template

_ID = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")


def rule_problems(rule: Rule, known_ids: frozenset[str]) -> Iterator[Problem]:
    """Every problem of one rule. `known_ids`: the rules that `explained_by` may name."""
    yield from _names(rule, known_ids)
    yield from _ids(rule)
    yield from _prose(rule)
    try:
        kind = SHEET[compile_selector(rule.select).list_name]
    except BadSelector as error:
        yield Problem("$.select", str(error))
        return
    yield from _conditions(rule, kind)
    for path, text in (
        ("$.subject.host", rule.subject.host),
        ("$.subject.port", rule.subject.port),
        ("$.subject.about", rule.subject.about),
        ("$.message", rule.message),
        ("$.why", rule.why),
    ):
        yield from (Problem(path, problem) for problem in check_template(text, kind))
    for index, fix in enumerate(rule.fixes):
        yield from _fix(fix, f"$.fixes[{index}]", kind)


def circle(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Rules that explain one another in a cycle, so that none would be the cause; empty where there is none."""
    ids = {rule.id for rule in rules}
    causes = [cause for cause in CAUSES if cause in ids]
    graph = {rule.id: {cause for cause in rule.explained_by if cause in ids} for rule in rules}
    for index, cause in enumerate(causes):
        graph[cause].update(causes[:index])
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def _names(rule: Rule, known_ids: frozenset[str]) -> Iterator[Problem]:
    for key, kinds in (("needs", rule.needs), ("reads", rule.reads)):
        for index, kind in enumerate(kinds):
            if kind not in NEEDS:
                yield Problem(f"$.{key}[{index}]", f"unknown evidence `{kind}`{nearest(kind, NEEDS)}")
    for index, cause in enumerate(rule.explained_by):
        if cause == rule.id or cause not in known_ids:
            yield Problem(
                f"$.explained_by[{index}]", f"there is no other rule `{cause}`{nearest(cause, known_ids - {rule.id})}"
            )
    seen: set[str] = set()
    for index, fix in enumerate(rule.fixes):
        if fix.id in seen:
            yield Problem(f"$.fixes[{index}].id", f"duplicate fix `{fix.id}`")
        seen.add(fix.id)


def _ids(rule: Rule) -> Iterator[Problem]:
    """Ids stand in commands and in names of files."""
    for path, one in (("$.id", rule.id), *((f"$.fixes[{index}].id", fix.id) for index, fix in enumerate(rule.fixes))):
        if not _ID.fullmatch(one):
            yield Problem(path, f"`{one}` is not an id: write small letters, digits and hyphens: `tcp-port-clash`")


def _prose(rule: Rule) -> Iterator[Problem]:
    texts = {"$.message": rule.message, "$.why": rule.why}
    texts |= {f"$.page.{name}": getattr(rule.page, name) for name in ("description", "diagnosis", "remediation")}
    texts |= {f"$.fixes[{index}].tradeoff": fix.tradeoff for index, fix in enumerate(rule.fixes)}
    for path, text in texts.items():
        if not text.strip().endswith("."):
            yield Problem(path, f"`{path[2:]}` must end with a period")
        if path.startswith("$.page.") and "{fact." in text:
            yield Problem(path, f"`{path[2:]}` is read without a fact: write HOST instead of `{{fact.host}}`")
    if "{" in rule.title:
        yield Problem("$.title", "`title` must not contain captures; use them in `message`")
    titles = {"$.title": rule.title} | {f"$.fixes[{index}].title": fix.title for index, fix in enumerate(rule.fixes)}
    for path, text in titles.items():
        if not text.strip() or text.strip().endswith("."):
            yield Problem(path, f"`{path[2:]}` must not be empty or end with a period")


def _conditions(rule: Rule, kind: type[Fact]) -> Iterator[Problem]:
    texts = {"$.when": rule.when}
    texts |= {f"$.grades[{index}].when": grade.when for index, grade in enumerate(rule.grades)}
    texts |= {f"$.fixes[{index}].when": fix.when for index, fix in enumerate(rule.fixes)}
    for path, text in texts.items():
        problems = list(check_condition(text, kind)) or list(_trial(text, kind))
        yield from (Problem(path, problem) for problem in problems)


def _trial(text: str, kind: type[Fact]) -> Iterator[str]:
    """Evaluate for a fact with empty fields: finds results that are not bool, and indexes without a guard."""
    try:
        compile_condition(text).holds(_empty(kind))
    except (UsageError, BadCondition) as error:
        yield f"for a fact whose fields are all empty, {error}"


@cache
def _empty(kind: type[Fact]) -> Fact:
    empty: Fact = neutral(kind)
    return empty


def _fix(fix: FixTemplate, path: str, kind: type[Fact]) -> Iterator[Problem]:
    for name in ("title", "tradeoff", "steps"):
        yield from (Problem(f"{path}.{name}", problem) for problem in check_template(getattr(fix, name), kind))
    if fix.disposition is Disposition.MANUAL and not fix.steps.strip():
        yield Problem(path, "a manual fix needs `steps`")
    if fix.deletes:
        yield from _deletes(fix.deletes, f"{path}.deletes", kind)
    for index, manifest in enumerate(fix.manifests):
        here = f"{path}.manifests[{index}]"
        if isinstance(manifest, ManifestChange):
            yield from _change(manifest, here, kind)
            continue
        problems = list(check_template(manifest, kind, prose=False))
        yield from (Problem(here, problem) for problem in problems)
        if not problems:
            try:
                manifest_template(manifest)
            except BadTemplate as error:
                yield Problem(here, str(error))


def _deletes(deletes: str, path: str, kind: type[Fact]) -> Iterator[Problem]:
    try:
        found = type_at(kind, parse_path(deletes.removeprefix("fact.")))
    except BadPath as error:
        yield Problem(path, str(error))
        return
    named = getattr(item_type(found) or found, "__struct_fields__", ())
    if not deletes.startswith("fact.") or not {"kind", "namespace", "name"} <= set(named):
        yield Problem(path, f"`{deletes}` is not a list of objects such as `fact.shadowed`")


def _change(change: ManifestChange, path: str, kind: type[Fact]) -> Iterator[Problem]:
    try:
        found = type_at(kind, parse_path(change.base.removeprefix("fact.")))
        if not change.base.startswith("fact.") or type_name(item_type(found) or found) not in ("manifest", "Any"):
            yield Problem(f"{path}.base", f"`{change.base}` is not a manifest such as `fact.entry.manifest`")
    except BadPath as error:
        yield Problem(f"{path}.base", str(error))
    for target, value in change.set.items():
        try:
            parse_path(target)
        except BadPath as error:
            yield Problem(f"{path}.set", str(error))
        for text in _strings(value):
            yield from (Problem(f"{path}.set", problem) for problem in check_template(text, kind, prose=False))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (*_strings(key), *_strings(item))
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
