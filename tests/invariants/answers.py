"""What meshdoctor says of a capture, asked in this process through `meshdoctor.doctor`, and what must hold of it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

from meshdoctor import doctor
from meshdoctor.cli.check import FailOn, exit_code
from meshdoctor.cli.main import run
from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun
from meshdoctor.diagnosis.recorded import DiagnosisRecord, DiagnosisRequest
from meshdoctor.diagnosis.scope import sheet_of
from meshdoctor.errors import MeshdoctorError
from meshdoctor.fixes.plan.fix_plan import choose, plan
from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.host_table import HostRow, HostTable
from meshdoctor.model.rule import Rule
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.report import json_v1, text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.view import check as check_view
from meshdoctor.view import hosts as hosts_view
from meshdoctor.view import trace as trace_view

BAD = {Verdict.BLOCKED, Verdict.BROKEN, Verdict.MISROUTED, Verdict.LEAKED}
Lost = tuple[str | None, int | None, str]
"""Host, port and pod that an error names; a finding without pods has an empty one."""


class Hang(BaseException):
    """The answer took too long."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `Hang` in this (the main) thread after so many seconds of CPU time, or ten times as many in all."""

    def stop(*_: object) -> None:
        raise Hang

    timers = {signal.ITIMER_PROF: (signal.SIGPROF, seconds), signal.ITIMER_REAL: (signal.SIGALRM, 10 * seconds)}
    before = {number: signal.signal(number, stop) for number, _ in timers.values()}
    try:
        for timer, (_, after) in timers.items():
            signal.setitimer(timer, after)
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@cache
def rules() -> tuple[Rule, ...]:
    return tuple(doctor.load_catalogue())


class Answer(NamedTuple):
    """A diagnosis with its host table, or the error that ended the command."""

    code: int
    """The exit code of `check --strict`."""
    refused: str = ""
    case: doctor.Case | None = None
    diagnosis: Diagnosis | None = None
    hosts: HostTable | None = None

    @property
    def errors(self) -> dict[Lost, str]:
        """What the errors name, with the rule."""
        found = self.diagnosis.findings if self.diagnosis else ()
        errors = [one for one in found if one.severity is Severity.ERROR]
        return {(one.host, one.port, pod): one.rule for one in errors for pod in one.pods or ("",)}

    @property
    def gaps(self) -> set[tuple[str, ...]]:
        """Everything that it says it could not look at, or not whole: (what, about which pod)."""
        if self.diagnosis is None:
            return {(self.refused, "")}
        entries = [(one.rule, one.because, pod) for one in self.diagnosis.not_evaluated for pod in one.pods or ("",)]
        return {*entries, *((one.path, one.because, "") for one in self.diagnosis.unread)}

    def verdicts(self) -> dict[tuple[str, str, int], Verdict]:
        """The verdict of each pod for each host and port that it uses."""
        rows = self.hosts.hosts if self.hosts else ()
        return {(v.pod, row.host, row.port or 0): v.verdict for row, v in used(rows)}


def used(rows: tuple[HostRow, ...]) -> Iterator[tuple[HostRow, Any]]:
    """The verdicts for pods that use the row's host."""
    for row in rows:
        users = {one.pod for one in row.used_by}
        yield from ((row, verdict) for verdict in row.verdicts if verdict.pod in users)


def ask(source: Path | doctor.Source) -> Answer:
    """`check --strict` and `hosts` of a source. Raises what is no `MeshdoctorError`."""
    if isinstance(source, Path):
        source = doctor.Source(path=source)
    try:
        case = doctor.open_case(source)
        run = DiagnosisRun(case, sheet_of(case), rules())
        run.drain()
        hosts = run.hosts()
        diagnosis = run.diagnosis()
    except MeshdoctorError as problem:
        return Answer(problem.exit_code, str(problem))
    with redirect_stderr(StringIO()):
        code = int(exit_code(diagnosis, FailOn.ERROR, strict=True))
    return Answer(code, "", case, diagnosis, hosts)


def covers(host: str | None, other: str) -> bool:
    """Whether a finding about `host` names `other`."""
    return host == other or bool(host and host.startswith("*.") and other.endswith(host[1:]))


def silent_failures(answer: Answer) -> list[str]:
    """Invariant 1: dependencies that fail without an error that names them, or a pod that is not evaluated."""
    if answer.diagnosis is None or answer.hosts is None:
        return []
    gaps = answer.diagnosis.not_evaluated
    blind = {pod for gap in gaps for pod in gap.pods}
    is_any_gap = bool(gaps or answer.diagnosis.unread)
    errors = [one for one in answer.diagnosis.findings if one.severity is Severity.ERROR]
    found = []
    for row, verdict in used(answer.hosts.hosts):
        said = any(
            verdict.pod in one.pods and one.port == row.port and covers(one.host, row.host) for one in errors
        )  # fmt: skip
        is_silent = verdict.verdict in BAD and not said and verdict.pod not in blind
        if is_silent or (verdict.verdict is Verdict.UNKNOWN and not is_any_gap and not said):
            found.append(f"{verdict.pod} {row.host}:{row.port} is {verdict.verdict} ({verdict.reason})")
    return found


def two_answers(answer: Answer, limit: int = 1000) -> list[str]:
    """Invariant 2: dependencies whose `trace` says another verdict than `hosts`."""
    if answer.case is None or answer.hosts is None:
        return []
    found = []
    for row, verdict in list(used(answer.hosts.hosts))[:limit]:
        if row.port is None:
            continue
        traced = doctor.trace(answer.case, verdict.pod, row.host, row.port)
        text.render(trace_view.report(traced), TextWriter())
        json.loads(json_v1.trace(traced))
        if traced.verdict is not verdict.verdict:
            found.append(f"{verdict.pod} {row.host}:{row.port}: hosts {verdict.verdict}, trace {traced.verdict}")
    return found


def turned_silent(before: Answer, after: Answer) -> list[str]:
    """Invariant 3: errors of `before` that are no errors any more, while `after` names no new gap that explains it."""
    if after.diagnosis is None:
        return [] if after.code in (2, 3, 4) else [f"refused with exit code {after.code}"]
    new = after.gaps - before.gaps
    about = {gap[-1] for gap in new} | {gap[0] for gap in new}
    about_proxies = {(rule, pod) for (_, _, pod), rule in after.errors.items()}
    lost = [
        f"{rule} {host}:{port} of {pod}"
        for (host, port, pod), rule in before.errors.items()
        if (host, port, pod) not in after.errors
        and not about & {"", pod, rule}
        and not (host is None and (rule, pod) in about_proxies)
    ]
    now = after.verdicts()
    for key, verdict in before.verdicts().items():
        better = now.get(key, Verdict.UNKNOWN) not in (*BAD, Verdict.UNKNOWN)
        if verdict in BAD and better and not new:
            lost.append(f"{key[0]} {key[1]}:{key[2]} was {verdict}, is {now[key]}")
    return lost


def render(answer: Answer) -> None:
    """Draw the answer as every front end does. Raises where one cannot."""
    if answer.diagnosis is None or answer.hosts is None:
        return
    json.loads(json_v1.check(answer.diagnosis))
    json.loads(json_v1.hosts(answer.hosts))
    text.render(check_view.report(answer.diagnosis, verbose=True, source=" --from x"), TextWriter())
    text.render(hosts_view.report(answer.hosts, verbose=True), TextWriter())


def preview(answer: Answer, finding: Finding, source: doctor.Source) -> Any:
    """The preview of the finding's first fix; None where it cannot be made, with a message for the user."""
    assert answer.case is not None
    assert answer.diagnosis is not None
    request = DiagnosisRequest(source)
    try:
        return plan(DiagnosisRecord(request, answer.case, answer.diagnosis), finding, choose(finding))
    except MeshdoctorError:
        return None


def run_commands(source: doctor.Source, answer: Answer) -> str:
    """Run the commands as their command lines do; the first that leaves the exit codes or reports a bug."""
    lines = [["check", "--strict", "--json"], ["hosts"], ["fix"]]
    rows = answer.hosts.hosts if answer.hosts else ()
    lines += [["trace", v.pod, f"{row.host}:{row.port}"] for row, v in list(used(rows))[:1] if row.port]
    given = ["--from", str(source.path), *(part for path in source.manifests for part in ("-f", str(path)))]
    for line in lines:
        out, err = TextIOWrapper(BytesIO(), "utf-8"), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([*line, *given])
        if code not in (0, 1, 2, 3, 4) or "a bug in meshdoctor" in err.getvalue():
            return f"{' '.join(line)}: exit code {code}: {err.getvalue()[:300]}"
        if line[0] == "check" and code != answer.code:
            return f"check --strict: exit code {code}, and {answer.code} by the same result"
    return ""
