"""Every kind of block in every front end: none of its texts is lost, and none steers the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, get_args

import msgspec
import pytest
from markdown_it import MarkdownIt

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.fix import ConnectionChange, FixResult, Verification
from meshdoctor.model.verdict import Verdict
from meshdoctor.report import markdown, text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.text.printable import TextLines, printable
from meshdoctor.tui.state.draw import draw
from meshdoctor.tui.state.text_lines import shown
from meshdoctor.view import verification
from meshdoctor.view.blocks import (
    Block,
    CodeText,
    DiffText,
    Headed,
    Icon,
    Labelled,
    Marked,
    NameList,
    Paragraph,
    Passage,
    PathStep,
    PathSteps,
    Rows,
    TableRow,
    Tone,
)
from tests.golden.fixes import entry

BELOW = (Paragraph("belongs below"), CodeText("kubectl get pods"), NameList("sidecars", ("shop/web",), 7))
HEADS = ("HOST", "PROTOCOL", "VERDICT")
PIECE = Evidence("d.json", "$.a")
BLOCKS: list[Block] = [
    Paragraph("a sentence of several words that is long enough to be wrapped in each of the front ends there are"),
    Labelled("label", "said", BELOW),
    Labelled("named", "shop/api", is_name=True),
    NameList("pods", ("shop/web-1", "shop/web-2"), 12),
    *(Marked(icon, f"marked {icon}", BELOW, tone="strong") for icon in get_args(Icon)),
    *(Paragraph(f"toned {tone}", tone) for tone in get_args(Tone)),
    Rows((TableRow("error", ("a.test:443", "tls", "blocked"), BELOW), TableRow("step", ("b.test", "", "fine"))), HEADS),
    Rows((TableRow("fine", ("without", "titles")),)),
    PathSteps(
        (
            PathStep("capture", "outbound", "all is captured"),
            PathStep("cluster", "BlackHoleCluster", "nothing matches", "error", "goes wrong here", PIECE),
        )
    ),
    Passage("resources/pods.yaml", (("$.items", "3"), ("", "a value"))),
    DiffText(TextLines("--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same\n")),
    CodeText(TextLines("kind: ServiceEntry\n  spec: {}"), "yaml"),
    Headed("a heading", (Paragraph("first"), Headed("inner", (Paragraph("second"),)))),
]  # fmt: skip
FRONT_ENDS: dict[str, Callable[[list[Block]], str]] = {
    "text": lambda blocks: text.render(blocks, TextWriter()),
    "colour": lambda blocks: text.render(blocks, TextWriter(width=40, colour=True)),
    "ascii": lambda blocks: text.render(blocks, TextWriter(symbols=False)),
    "markdown": markdown.render,
    "tui": lambda blocks: shown(draw(blocks, 60)),
    "tui narrow": lambda blocks: shown(draw(blocks, 30, ascii_only=True)),
}
each_front_end = pytest.mark.parametrize("name", FRONT_ENDS)


def texts(value: Any, key: str = "") -> Iterator[str]:
    """The texts of a block: all but what tells how it is drawn, and the evidence of steps, which panels show."""
    if isinstance(value, str):
        yield from () if key in ("tone", "icon", "form") else value.split()
    elif isinstance(value, tuple):
        for one in value:
            yield from texts(one, key)
    elif isinstance(value, msgspec.Struct) and not isinstance(value, Evidence):
        for name in value.__struct_fields__:
            yield from texts(getattr(value, name), name)
    elif type(value) is int and value:
        yield str(value)


def without_markup(drawn: str) -> str:
    return re.sub("\x1b\\[[0-9;]*m|\\\\(?=[^x])", "", drawn)


def test_each_kind_of_block_is_here() -> None:
    assert {type(block) for block in BLOCKS} == set(get_args(Block))


@each_front_end
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: type(block).__name__)
def test_no_text_of_a_block_is_lost(block: Block, name: str) -> None:
    drawn = without_markup(FRONT_ENDS[name]([block]))
    squeezed = re.sub(r"\s+", "", drawn)
    assert [word for word in texts(block) if word not in drawn and word not in squeezed] == []


@each_front_end
def test_each_block_is_drawn_the_same_beside_others(name: str) -> None:
    together = without_markup(FRONT_ENDS[name](BLOCKS))
    assert all(word in together or word in re.sub(r"\s+", "", together) for word in texts(tuple(BLOCKS)))


def everywhere(evil: str) -> list[Block]:
    """A block of each kind with this text in each place."""
    blocks: list[Block] = [
        Paragraph(evil),
        Labelled(evil, evil),
        NameList(evil, (evil,)),
        Marked("error", evil),
        Rows((TableRow("error", (evil, evil)),), (evil, evil)),
        PathSteps((PathStep(evil, evil, evil, "error", evil, Evidence(evil, evil)),)),
        Passage(evil, ((evil, evil),)),
        DiffText(evil),
        CodeText(evil),
        Headed(evil, ()),
    ]
    assert {type(block) for block in blocks} == set(get_args(Block))
    return blocks


@each_front_end
def test_no_text_steers_the_terminal(name: str) -> None:
    drawn = re.sub("\x1b\\[[0-9;]*m", "", FRONT_ENDS[name](everywhere("evil\x1b[2J\u202e\x07")))
    assert not {"\x1b", "\u202e", "\x07"} & set(drawn)


@each_front_end
@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_no_text_begins_a_line_of_its_own(name: str, newline: str) -> None:
    plain = "x" * len(printable(newline))
    drawn = FRONT_ENDS[name](everywhere(f"name{newline}FORGED"))
    assert len(drawn.splitlines()) == len(FRONT_ENDS[name](everywhere(f"name{plain}FORGED")).splitlines())
    assert not [line for line in without_markup(drawn).splitlines() if line.lstrip(" -#>|").startswith("FORGED")]


@pytest.mark.parametrize(
    "text",
    ["# head", "### head", "---", "===", "- item", "+ item", "12. item", "1) item", "> quote", "| a | b |", "```",
     "~~~", "<script>x</script>", "<!-- x", "[x](https://evil.test)", "![x](https://evil.test/p.png)", "**x**",
     "&lt;b&gt;", "* * *", "_ _ _", "    code", "\tcode"],
)  # fmt: skip
def test_no_text_is_markup_in_markdown(text: str) -> None:
    """The rendered document has the text in its paragraphs and items, and no element that it asks for."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown.render(everywhere(text)))
    plain = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown.render(everywhere("plain")))

    def kinds(of: list[Any]) -> list[str]:
        nested = [child for token in of for child in (token, *(token.children or ())) if child.type != "text_special"]
        return [token.type for token in nested if token.type != "text"]

    assert kinds(tokens) == kinds(plain)


@pytest.mark.parametrize("name", ["ascii", "tui narrow"])
def test_where_only_ascii_can_be_written_nothing_else_is(name: str) -> None:
    assert FRONT_ENDS[name](BLOCKS).isascii()


@each_front_end
def test_connections_that_still_fail_are_shown_although_the_finding_is_gone(name: str) -> None:
    failing = ConnectionChange("shop/web-1", "db.test:3306", Verdict.BLOCKED, Verdict.BLOCKED)
    made = FixResult(entry=entry(), verification=Verification(is_gone=True, still_failing=(failing,)))
    drawn = " ".join(without_markup(FRONT_ENDS[name](list(verification.result(made)))).split())
    assert "the finding is gone" in drawn
    assert "still failing: db.test:3306: blocked" in drawn
    assert "shop/web-1" in drawn
    assert "not verified" in drawn
