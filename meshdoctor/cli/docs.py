"""`meshdoctor docs`: the guides, offline."""

from __future__ import annotations

import re
import sys
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from meshdoctor import bundled
from meshdoctor.cli import options
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.streams import put, writer
from meshdoctor.errors import UsageError
from meshdoctor.text.nearest import nearest

if TYPE_CHECKING:
    from meshdoctor.bundled import Guide

_COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE)
_PICTURE = re.compile(r"^!\[.*\]\(.*\)\n+", re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>[^\]\n]+)\]\((?!https?:)(?P<target>[^)\n]+)\)")
_GUIDE = re.compile(r"(?P<topic>[a-z-]+)\.md(?:#.*)?")


def complete_topic(incomplete: str) -> list[str]:
    """Topics of the guides, for shell completion."""
    return [guide.topic for guide in bundled.guides() if guide.topic.startswith(incomplete)]


Topic = Annotated[
    str | None,
    typer.Argument(
        metavar="TOPIC", help="Guide (default a list of them)", autocompletion=complete_topic, show_default=False
    ),
]


def docs(topic: Topic = None, no_color: options.NoColor = False) -> int:
    """Print a guide, without a network.

    Examples:
      # List the guides
      meshdoctor docs

      # Print one
      meshdoctor docs database
      meshdoctor docs options | less
    """
    guides = bundled.guides()
    if topic is None:
        put(listing(guides))
        return ExitCode.CLEAN
    topics = [guide.topic for guide in guides]
    if topic not in topics:
        raise UsageError(f"there is no guide {topic}. {nearest(topic, topics)}")
    text = offline(bundled.guide_text(topic))
    page = writer(no_color=no_color)
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    if is_terminal and page.symbols:
        from meshdoctor.cli.terminal_markdown import rendered

        text = rendered(text, page.width, colour=page.colour)
    put(text)
    return ExitCode.CLEAN


def listing(guides: list[Guide]) -> str:
    """The topics with a line each, in groups."""
    width = max(len(guide.topic) for guide in guides)
    lines: list[str] = []
    for group, members in groupby(guides, lambda guide: guide.group):
        lines += [f"{group}:", *(f"  {guide.topic:{width}}  {guide.about}" for guide in members), ""]
    return "\n".join([*lines, "Use `meshdoctor docs TOPIC` to read one.", ""])


def offline(text: str) -> str:
    """A guide without comments, pictures and links into the repository, which only a web page can show."""
    return _LINK.sub(_unlinked, _PICTURE.sub("", _COMMENT.sub("", text)))


def _unlinked(link: re.Match[str]) -> str:
    guide = _GUIDE.fullmatch(link["target"])
    return f"{link['text']} (`meshdoctor docs {guide['topic']}`)" if guide else link["text"]
