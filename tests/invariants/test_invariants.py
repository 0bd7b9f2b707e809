"""What an answer means: six invariants, asked of every capture there is.

The bundled snapshots always, and the captures beside the checkout where they are there.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from meshdoctor import doctor
from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun
from meshdoctor.diagnosis.events import Event
from meshdoctor.diagnosis.scope import sheet_of
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.sheet import Connection
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.tui.state.mesh_state import MeshState
from tests.invariants.answers import BAD, Answer, ask, preview, rules, silent_failures, two_answers, used
from tests.invariants.captures import beside, bundled
from tests.invariants.known import OPEN

CAPTURES = {one.name: one for one in [*bundled(), *beside()]}
FOLDER = TemporaryDirectory(prefix="invariants-")


def each_capture(invariant: str) -> pytest.MarkDecorator:
    """Every capture. Of those that are known to break the invariant it is asked as well: once it holds, it is to be
    taken from the list.
    """
    known = OPEN.get(invariant, ())
    marks = {name: [pytest.mark.xfail(strict=True, reason="in known.OPEN")] for name in known}
    return pytest.mark.parametrize("name", [pytest.param(name, marks=marks.get(name, [])) for name in CAPTURES])


@cache
def folder_of(name: str) -> Path:
    return CAPTURES[name].write(Path(FOLDER.name) / name)


@cache
def answer_of(name: str) -> Answer:
    answer = ask(folder_of(name))
    assert answer.diagnosis is not None, answer.refused
    return answer


def judged(name: str) -> Diagnosis:
    found = answer_of(name).diagnosis
    assert found is not None
    return found


def errors_of(name: str) -> list[Finding]:
    return [one for one in judged(name).findings if one.severity is Severity.ERROR]


def test_the_captures_are_there() -> None:
    assert len(bundled()) > 15
    assert sum(bool(errors_of(one.name)) for one in bundled()) > 8


# 1. No silent failure


@each_capture("no silent failure")
def test_what_fails_is_an_error_or_not_evaluated(name: str) -> None:
    assert silent_failures(answer_of(name)) == []


# 2. One answer


@each_capture("one answer")
def test_hosts_and_trace_agree(name: str) -> None:
    assert two_answers(answer_of(name)) == []


@each_capture("one answer in facts")
def test_the_facts_that_rules_select_agree_with_the_host_table(name: str) -> None:
    answer = answer_of(name)
    assert answer.case is not None
    assert answer.hosts is not None
    table = {(v.pod, row.host, row.port): v.verdict for row in answer.hosts.hosts for v in row.verdicts}
    sheet = FactSheet(answer.case.mesh)
    by_proxy = {(one.pod, one.host, one.port) for one in sheet.facts("proxied")}
    facts = [one for one in sheet.facts("connections") if isinstance(one, Connection)]
    differing = {
        (fact.pod, fact.host, fact.port): (fact.verdict, table.get((fact.pod, fact.host, fact.port)))
        for fact in facts
        if fact.verdict is not table.get((fact.pod, fact.host, fact.port), fact.verdict)
        # a connection fact is about dialling the host, which nobody does where all clients ask a forward proxy
        and (fact.used or (fact.pod, fact.host, fact.port) not in by_proxy)
    }
    assert differing == {}


@each_capture("one answer in the session")
def test_the_session_shows_the_same_verdicts(name: str) -> None:
    events: list[Event] = []
    DiagnosisSession(doctor.Source(path=folder_of(name)), events.append).refresh_now()
    state = MeshState()
    state.apply(events)
    answer = answer_of(name)
    assert answer.hosts is not None
    for row in answer.hosts.hosts:
        shown = {v.pod: state.pods[v.pod].verdicts[row.host, row.port][0] for v in row.verdicts}
        assert shown == {v.pod: v.verdict for v in row.verdicts}
    assert {line.finding for line in state.findings.values()} == set(judged(name).findings)


@each_capture("the session's icons")
def test_no_row_of_the_session_is_fine_where_something_fails_or_is_unknown(name: str) -> None:
    events: list[Event] = []
    DiagnosisSession(doctor.Source(path=folder_of(name)), events.append).refresh_now()
    state = MeshState()
    state.apply(events)
    hosts = answer_of(name).hosts
    assert hosts is not None
    for row, verdict in used(hosts.hosts):
        if verdict.verdict in BAD:
            assert state.pods[verdict.pod].worst in ("error", "unknown"), (row.host, row.port)
            assert state.hosts[row.host, row.port].worst in ("error", "unknown"), (row.host, row.port)
        if verdict.verdict is Verdict.UNKNOWN and row.port is not None:
            assert state.pods[verdict.pod].worst != "fine", (row.host, row.port)


@each_capture("one answer in previews")
def test_a_preview_starts_from_the_verdict_that_is_shown(name: str) -> None:
    answer = answer_of(name)
    table = answer.verdicts()
    for finding in [one for one in judged(name).findings if any(fix.is_automatic for fix in one.fixes)][:4]:
        plan = preview(answer, finding, doctor.Source(path=folder_of(name)))
        for change in plan.impact.connections if plan else ():
            said = {table.get((pod, change.host, change.port)) for pod in change.pods} - {None}
            assert all(change.before.startswith(str(verdict)) for verdict in said), (finding.rule, change)


# 3. Less evidence never looks better: see test_mutations.py


# 6. Severity is consequence

NOT_ALWAYS = frozenset({"config-rejected", "egress-gateway-broken", "resolution-none-leak", "protocol-mismatch"})
"""Rules whose errors may name a host that a pod reaches all the same: by the older configuration, by the rest of a
split, while others leak through its chain, or where the client speaks the declared protocol after all."""


@each_capture("no false alarm")
def test_an_error_about_a_connection_is_one_that_fails(name: str) -> None:
    answer = answer_of(name)
    assert answer.hosts is not None
    table = {(v.pod, row.host, row.port): v.verdict for row in answer.hosts.hosts for v in row.verdicts}
    delivered = [
        (one.rule, one.host, one.port, pod)
        for one in errors_of(name)
        if one.rule not in NOT_ALWAYS
        for pod in one.pods
        if table.get((pod, one.host or "", one.port)) is Verdict.DELIVERED
    ]
    assert delivered == []


@each_capture("findings group equals")
def test_a_finding_groups_only_pods_of_which_it_says_the_same(name: str) -> None:
    """Each pod that a finding names has, diagnosed alone, the same finding with the same objects and fixes."""
    case = answer_of(name).case
    assert case is not None
    shared = [one for one in judged(name).findings if len(one.pods) > 1]
    for pod in sorted({pod for one in shared for pod in one.pods}):
        alone = {one.fingerprint: one for one in diagnosed_alone(case, pod)}
        for one in shared:
            if pod in one.pods:
                assert one.fingerprint in alone, (one.rule, one.host, pod)
                assert said(alone[one.fingerprint]) == said(one), pod


def diagnosed_alone(case: doctor.Case, pod: str) -> tuple[Finding, ...]:
    sheet = sheet_of(case)
    vars(sheet)["is_asked"] = lambda key: key == pod
    run = DiagnosisRun(case, sheet, rules(), with_hosts=False)
    run.drain()
    return run.diagnosis().findings


def said(finding: Finding) -> tuple[object, ...]:
    """What must be the same for every pod of a finding."""
    fixes = [(fix.id, fix.declared, fix.manifests) for fix in finding.fixes]
    return finding.severity, finding.confidence, finding.message, set(finding.resources), fixes
