"""A choice between a few words, all of which are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from meshdoctor.tui.bindings import CHOICE_KEYS


class OptionRow(Widget, can_focus=True):
    """Left and right choose the word beside, a click the one it hits."""

    DEFAULT_CSS = """
    OptionRow { height: 1; width: auto; }
    OptionRow:focus { background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*CHOICE_KEYS]
    chosen: reactive[str] = reactive("")
    note: reactive[str] = reactive("")
    """Shown beside the first word while that is chosen."""

    class Chosen(Message):
        """The user chose another word."""

        def __init__(self, word: str) -> None:
            self.word = word
            super().__init__()

    def __init__(self, words: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._words = list(words)
        self.set_reactive(OptionRow.chosen, self._words[0])

    def render(self) -> Content:
        """The chosen word in brackets, so it shows without colour."""
        pieces = []
        for word in self._words:
            text = f"{word} ({self.note})" if self.note and word == self._words[0] == self.chosen else word
            is_chosen = word == self.chosen
            pieces.append((f"[{text}]" if is_chosen else f" {text} ", "bold $text-accent" if is_chosen else ""))
        return Content.assemble(*pieces)

    def get_content_width(self, container: object, viewport: object) -> int:
        """As wide as its words."""
        return self.render().cell_length

    def watch_note(self) -> None:
        """The note changes the width."""
        self.refresh(layout=True)

    watch_chosen = watch_note

    def take(self, word: str) -> None:
        """Chooses a word and posts `Chosen`."""
        if word != self.chosen:
            self.chosen = word
            self.post_message(self.Chosen(word))

    def action_next(self, by: int) -> None:
        """Chooses the next word, or the one before."""
        self.take(self._words[(self._words.index(self.chosen) + by) % len(self._words)])

    def on_click(self, event: Click) -> None:
        """Chooses the word that was clicked."""
        start = 0
        for word in self._words:
            noted = bool(self.note) and word == self._words[0] == self.chosen
            end = start + len(word) + 2 + (len(self.note) + 3 if noted else 0)
            if start <= event.x < end:
                self.take(word)
                return
            start = end
