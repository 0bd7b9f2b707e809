"""What `fix` and `undo` print: results on stdout as text or JSON, steps and questions on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.streams import put, say
from meshdoctor.errors import NotApplied, PartlyApplied, UsageError
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.text.printable import printable
from meshdoctor.text.shell import ShellCommand

if TYPE_CHECKING:
    from meshdoctor.fixes.apply.journal import Journal
    from meshdoctor.fixes.files.export import Export
    from meshdoctor.fixes.plan.fix_plan import FixPlan
    from meshdoctor.model.finding import Diagnosis
    from meshdoctor.model.fix import FixEvent, FixResult, Impact, JournalEntry


class FixOutput(Struct, frozen=True, kw_only=True):
    """Prints the output of a command; a result gives the exit code."""

    json: bool
    page: TextWriter
    source: str = ""
    """The options that name the source, as they were given, for the next command: ` --from capture/`."""
    cluster: str = ""
    """Those that name the cluster: ` --context prod`."""

    def findings(self, diagnosis: Diagnosis) -> None:
        """The findings that have a fix."""
        from meshdoctor.fixes.plan.fix_plan import choose
        from meshdoctor.report import fix_json, text
        from meshdoctor.view import fix as view

        if self.json:
            put(fix_json.findings(diagnosis))
        else:
            firsts = {finding.fingerprint: choose(finding) for finding in diagnosis.findings if finding.fixes}
            put(text.render(view.findings(diagnosis, firsts, self.source), self.page))

    def preview(self, plan: FixPlan, next_: Sequence[tuple[ShellCommand, str]]) -> None:
        """A fix before it is applied, and the commands that may follow."""
        if self.json:
            from meshdoctor.fixes.plan.object_diff import unified
            from meshdoctor.report import fix_json

            diffs = [(change, unified(change)) for change in plan.changes]
            put(fix_json.preview(plan.finding, plan.fix, diffs, plan.impact))
        else:
            put(self._preview(plan, next_))

    def announce(self, plan: FixPlan, *, with_diffs: bool) -> None:
        """The preview before the question, on stderr."""
        sys.stderr.write(f"{self._preview(plan, with_diffs=with_diffs)}\n")

    def _preview(
        self, plan: FixPlan, next_: Sequence[tuple[ShellCommand, str]] = (), *, with_diffs: bool = True
    ) -> str:
        from meshdoctor.fixes.plan.object_diff import unified
        from meshdoctor.report import text
        from meshdoctor.view import fix as view

        diffs = [diff for change in plan.changes if with_diffs and (diff := unified(change))]
        impact = plan.impact if plan.changes else None
        return text.render(view.preview(plan.finding, plan.fix, diffs, impact, next_), self.page)

    def confirmed(self, question: str, predicted: Impact | JournalEntry) -> bool:
        """Whether the user answers yes; what gets worse is listed right before the question."""
        from meshdoctor.report import text
        from meshdoctor.view import fix as view

        worse = list(view.worse(predicted.regressions, predicted.connections))
        if worse:
            sys.stderr.write(f"\nThis makes something worse:\n{text.render(worse, self.page)}\n")
        return confirmed(question)

    def announce_entry(self, entry: JournalEntry, diffs: Sequence[str], *, is_undo: bool = False) -> None:
        """What a resume or an undo writes, and what an undo does not restore; on stderr."""
        from meshdoctor.view.verification import ownership_changes

        title = f"{'undo of ' * is_undo}fix {entry.id}: {printable(entry.title)}"
        sys.stderr.write("\n".join((title, *diffs, "")))
        for text in ownership_changes(entry.not_restored) if is_undo else ():
            say(text)

    def exported(self, plan: FixPlan, made: Export) -> None:
        """What an export wrote, and the kubectl commands."""
        from meshdoctor.report import fix_json, text
        from meshdoctor.view import fix as view

        lines = [(command.do, command.undo) for command in made.commands]
        if self.json:
            put(fix_json.export(plan.finding, plan.fix, made.folder, made.written, lines, made.notes))
        else:
            put(text.render(view.exported(plan.fix, made.folder, made.written, lines, made.notes), self.page))

    def result(self, made: FixResult) -> ExitCode:
        """How a fix ended."""
        from meshdoctor.report import fix_json, text
        from meshdoctor.view import journal
        from meshdoctor.view import verification as view

        entry, verification = made.entry, made.verification
        if self.json:
            put(fix_json.result(made))
        elif entry.files:
            put(text.render([*journal.written(entry), *journal.then(entry)], self.page))
        else:
            put(text.render([*view.result(made), *journal.then(entry, self.cluster)], self.page))
        is_good = bool(entry.files) or entry.awaits_person or (verification is not None and verification.holds)
        return ExitCode.CLEAN if is_good else ExitCode.FOUND

    def undone(self, made: FixResult) -> ExitCode:
        """How an undo ended."""
        from meshdoctor.report import fix_json, text
        from meshdoctor.view import verification as view

        put(fix_json.undo(made) if self.json else text.render(view.undone(made), self.page))
        if made.verification is not None:
            return ExitCode.CLEAN if made.is_as_before else ExitCode.FOUND
        if made.wrote and not made.entry.files:
            say("no verdict: the fix is undone, but the mesh could not be checked again. Run `meshdoctor check`")
            return ExitCode.NO_VERDICT
        return ExitCode.CLEAN

    def history(self, journal: Journal) -> ExitCode:
        """The journal; unreadable entries are named on stderr."""
        from meshdoctor.report import fix_json, text
        from meshdoctor.view import journal as view

        entries, broken = journal.readable()
        if self.json:
            put(fix_json.history(entries))
        elif entries or not broken:
            put(text.render(view.history(entries), self.page))
        for problem in broken:
            say(problem.message)
        return ExitCode.FAILED if broken else ExitCode.CLEAN


class StepPrinter:
    """Prints one line per step; on a terminal, counts on one line. Use it with `with`.

    Where the block ends early after the fix was journaled, it says what to do next.
    """

    def __init__(self, journaled: str = "") -> None:
        self._is_counting = False
        self.journaled = journaled
        """The sentence that the fix is in the journal; empty before."""

    def __enter__(self) -> StepPrinter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_line()
        if isinstance(error, PartlyApplied):
            undo, resume = f"`meshdoctor undo {error.number}`", f"`meshdoctor fix --resume {error.number}`"
            raise NotApplied(f"{error}: {undo} undoes it, {resume} resumes it") from None
        if kind is KeyboardInterrupt and self.journaled:
            say(f"interrupted. {self.journaled}: `meshdoctor fix --history` shows its state and how to resume it")

    def tell(self, event: FixEvent) -> None:
        """Prints a step."""
        if event.step == "journaled":
            self.journaled = event.text
        if event.step == "begun":
            return
        if event.step == "waiting":
            if sys.stderr.isatty():
                self._is_counting = True
                sys.stderr.write(f"\r  {printable(event.text)}")
                sys.stderr.flush()
            return
        self._end_line()
        sys.stderr.write(f"  {printable(event.text)}\n")
        sys.stderr.flush()

    def _end_line(self) -> None:
        if self._is_counting:
            sys.stderr.write("\n")
            self._is_counting = False


def refuse_unconfirmed(what: str) -> None:
    """Raise `UsageError` where stdin is no terminal: a script has to give --yes."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"{what} asks before it writes, and stdin is not a terminal: give --yes. Nothing was changed")


def confirmed(question: str) -> bool:
    """Whether the user answers yes; any other answer is no."""
    sys.stderr.write(f"{printable(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    say("nothing was changed")
    return False
