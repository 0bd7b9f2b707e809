"""Shows Markdown on a terminal: headings at the left margin, and code that is never wrapped, so that it can be copied.

Imports rich: import this module only where it is used, so that `check` starts without it.
"""

from __future__ import annotations

import io
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.text import Text
from rich.theme import Theme

_THEME = Theme(
    {
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.h3": "bold",
        "markdown.code": "bold cyan",
        "markdown.code_block": "cyan",
        "markdown.table.header": "bold",
        "markdown.table.border": "dim",
        "markdown.item.bullet": "none",
    },
    inherit=True,
)


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Code(CodeBlock):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = str(self.text).rstrip().split("\n")
        indent = "  " if max(map(len, lines)) + 2 <= options.max_width else ""
        yield Text("\n".join(indent + line for line in lines), "markdown.code_block", no_wrap=True, overflow="ignore")


class _Guide(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
    }


def rendered(text: str, width: int, *, colour: bool) -> str:
    """Markdown laid out for a terminal of this width; without colour there are no escape sequences in it."""
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=True,
        color_system="standard" if colour else None,
        legacy_windows=False,
        width=width,
        theme=_THEME,
        highlight=False,
        _environ={},
    )
    console.print(_Guide(text, hyperlinks=False), crop=False)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())
