"""A case on its way to its diagnosis: each proxy's turn gives what it adds, in one look at its dump."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from meshdoctor.doctor import Case, diagnosis_of, hosts_of, load_catalogue
from meshdoctor.facts.joined.host_rows import Columns, likely_pairs, rows_of
from meshdoctor.facts.joined.replicas import Look
from meshdoctor.facts.joined.sheet import Sheet
from meshdoctor.judging.check import Course
from meshdoctor.model.finding import Finding
from meshdoctor.sitting.events import Finished, Judged


class CaseCourse:
    """Findings and hosts of one case, together. `sheet` is the case's, limited to what was asked for."""

    def __init__(self, case: Case, sheet: Sheet, *, is_final: bool = True) -> None:
        self._case = case
        self._sheet = sheet
        self._is_final = is_final
        self._rules = load_catalogue()
        self._course = Course(sheet, self._rules)
        self._columns = Columns(sheet, likely_pairs(sheet))
        self._policies: dict[str, str] = {}

    def turns(self, names: Collection[str]) -> Iterator[Judged]:
        """What each of these proxies adds. One that cannot be read adds nothing and is in `mesh.proxies_unread`."""
        for look in self._course.turns(names):
            judged = self._judged(look)
            del look  # or this dump is held while the next one is read
            yield judged

    def _judged(self, look: Look) -> Judged:
        pod = look.place.pod
        self._columns.take(look)
        column = self._columns.by_pod.get(pod)
        if column is not None:
            self._policies[pod] = self._policies[look.first] if look.case is None else look.case.policy
        brief = self._sheet.mesh.brief(pod)
        return Judged(
            pod=pod,
            version=brief.version if brief else "",
            policy=self._policies.get(pod, ""),
            verdicts=column.verdicts if column else {},
            is_final=self._is_final,
        )

    def findings(self) -> tuple[Finding, ...]:
        """Those of the proxies looked at so far, without line numbers."""
        return self._course.findings()

    def finished(self) -> Finished:
        """The end, once every proxy of the sheet has had its turn."""
        case, sheet = self._case, self._sheet
        judged = self._course.judgement()
        rows, missing = rows_of(sheet, list(self._columns.by_pod.values()))
        diagnosis = diagnosis_of(case, sheet, self._rules, judged)
        return Finished(case, diagnosis, hosts_of(case, sheet, rows, missing))
