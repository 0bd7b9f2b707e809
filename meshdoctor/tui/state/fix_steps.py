"""The steps of a fix: those done, the one that is running and for how long, and what stopped it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from msgspec import Struct, structs

from meshdoctor.model.fix import Change, FixEvent
from meshdoctor.semantics.istio.egress_kinds import PLURALS
from meshdoctor.text.icons import icon
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.text_lines import Line, paragraph
from meshdoctor.tui.state.tones import Tone, tone

Mark = Literal["fine", "pending", "error", "warning", "unknown", "info", "none"]

_VERBS = {"create": "create", "update": "patch", "delete": "delete"}
_COUNTED = 2.0
"""Seconds from which the duration of a running step is shown."""


class StepLine(Struct, frozen=True):
    """One step."""

    mark: Mark
    text: str
    began: float = 0.0
    """When a pending step began, by the clock of the list."""


class StepList:
    """Steps in their order. The last one may be pending; the next step replaces it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.lines: list[StepLine] = []
        self._clock = clock
        self._accepted = (0, 0)

    @property
    def pending(self) -> StepLine | None:
        """The step that is running."""
        last = self.lines[-1] if self.lines else None
        return last if last is not None and last.mark == "pending" else None

    def begin(self, text: str) -> None:
        """Adds a pending step, or changes its text."""
        now = self.pending
        if now is not None:
            self.lines[-1] = structs.replace(now, text=text)
        else:
            self.lines.append(StepLine("pending", text, self._clock()))

    def put(self, mark: Mark, text: str) -> None:
        """Adds a finished step, in place of a pending one."""
        if self.pending is not None:
            self.lines.pop()
        self.lines.append(StepLine(mark, text))

    def absorb(self, event: FixEvent) -> None:
        """Adds an event of a fix."""
        match event.step:
            case "waiting":
                self._accepted = (event.done, event.of)
                self.begin(event.text)
            case "begun":
                self.begin(event.text)
            case "checking":
                done, of = self._accepted
                if self.pending is not None and of:
                    self.put("fine" if done == of else "unknown", self.lines[-1].text)
                self._accepted = (0, 0)
                self.begin(event.text)
            case "journaled":
                self.put("fine", f"{event.text}: U undoes it")
            case "rolled back" | "warning":
                self.put("warning", event.text)
            case "checked":
                self.put("fine", "checked again")
            case _:
                count = f" ({event.done} of {event.of})" if event.of > 1 else ""
                self.put("fine", f"{event.text}{count}")

    def laid_out(self, width: int, *, ascii_only: bool = False) -> Iterator[Line]:
        """The steps as lines."""
        for step in list(self.lines):
            text = step.text
            if step.mark == "pending":
                seconds = self._clock() - step.began
                text += f", {seconds:.0f} s so far" if seconds >= _COUNTED else ""
            mark = icon(step.mark, ascii_only=ascii_only) if step.mark != "none" else " "
            text_tone: Tone = tone(step.mark) if step.mark in ("error", "warning", "unknown") else "plain"
            mark_tone: Tone = tone(step.mark) if step.mark != "none" else "plain"
            yield from paragraph(text, width, text_tone, lead=(Cell(f"{mark} ", mark_tone),))


def allowed(changes: Sequence[Change]) -> str:
    """The permissions that were checked, in a sentence."""
    rights = [
        f"{_VERBS[c.action]} {PLURALS.get(c.key.kind, c.key.kind)} in {c.key.namespace or 'the cluster'}"
        for c in changes
    ]
    return f"allowed: may {', '.join(dict.fromkeys(rights))}"
