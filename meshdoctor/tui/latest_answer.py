"""Questions that a thread answers one at a time; of those that wait, only the newest is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from textual.message_pump import MessagePump

from meshdoctor.errors import MeshdoctorError, fault

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class LatestAnswer(Generic[Question, Answer]):
    """Calls `work` in a thread, and `answered` in the app's thread: a question at each keystroke delays no key.

    `answered` gets the question, and its answer or why there is none. It also gets an answer that a newer question
    has overtaken, if that was being worked on: something to show meanwhile.
    """

    def __init__(
        self,
        owner: MessagePump,
        work: Callable[[Question], Answer],
        answered: Callable[[Question, Answer | None, str], None],
    ) -> None:
        self._owner = owner
        self._work = work
        self._answered = answered
        self._next: list[Question] = []
        self._is_working = False

    def ask(self, question: Question) -> None:
        """Asks, in place of the question that waits. Called in the app's thread."""
        self._next = [question]
        if not self._is_working:
            self._start()

    def forget(self) -> None:
        """Drops the question that waits."""
        self._next = []

    def _start(self) -> None:
        self._is_working = True
        question = self._next.pop()
        self._owner.app.run_worker(lambda: self._answer(question), thread=True, exit_on_error=False, group="latest")

    def _answer(self, question: Question) -> None:
        """Works in the thread."""
        answer, problem = None, ""
        try:
            answer = self._work(question)
        except MeshdoctorError as reason:
            problem = str(reason)
        except Exception as reason:
            problem = fault(reason)
        self._owner.call_later(self._deliver, question, answer, problem)

    def _deliver(self, question: Question, answer: Answer | None, problem: str) -> None:
        """Hands over the answer in the app's thread."""
        self._is_working = False
        if self._next:
            self._start()
        if self._owner.is_running:
            self._answered(question, answer, problem)
