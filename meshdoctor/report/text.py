"""Blocks as text for a terminal, a pipe or a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from meshdoctor.report.text_writer import TextWriter
from meshdoctor.text.printable import TextLines, printable
from meshdoctor.text.wrapping import columns, in_columns, pad, trimmed, wrap
from meshdoctor.view import blocks as view

_WIDEST_CELL = 36
"""Columns of a table's cells that the others are lined up with; longer ones push the rest of their row."""
_STEP_NAME = 16


def render(blocks: Iterable[view.Block], writer: TextWriter) -> str:
    """The whole text, ending in a line break."""
    lines = list(_lines(blocks, writer, 0))
    while lines and not lines[0]:
        lines.pop(0)
    return "\n".join(lines) + "\n"


def _lines(blocks: Iterable[view.Block], writer: TextWriter, indent: int) -> Iterator[str]:
    for block in blocks:
        yield from _DRAWN[type(block)](block, writer, indent)


def _paragraph(block: view.Paragraph, writer: TextWriter, indent: int) -> Iterator[str]:
    if not block.text:
        yield ""
        return
    for line in writer.paragraph(block.text, indent):
        yield writer.toned(line, block.tone)


def _labelled(block: view.Labelled, writer: TextWriter, indent: int) -> Iterator[str]:
    said = f"{printable(block.label)}: {block.text}"
    for line in writer.paragraph(TextLines(said) if isinstance(block.text, TextLines) else said, indent, 2):
        yield writer.toned(line, block.tone)
    yield from _lines(block.blocks, writer, indent + 2)


def _names(block: view.NameList, writer: TextWriter, indent: int) -> Iterator[str]:
    more = f" and {block.more:,} more" if block.more else ""
    yield from writer.paragraph(f"{block.label}: {', '.join(block.names)}{more}", indent, 2)


def _marked(block: view.Marked, writer: TextWriter, indent: int) -> Iterator[str]:
    for number, line in enumerate(wrap(block.text, writer.width - indent - 2)):
        lead = "  " if number else f"{writer.mark(block.icon)} "
        yield " " * indent + lead + writer.toned(line, block.tone)
    yield from _lines(block.blocks, writer, indent + 4)


def _rows(block: view.Rows, writer: TextWriter, indent: int) -> Iterator[str]:
    table = [[printable(cell) or "-" for cell in row.cells] for row in block.rows]
    heads = [[printable(title) for title in block.columns]] if block.columns else []
    widths = [min(max(map(columns, cells)), _WIDEST_CELL) for cells in zip(*heads, *table, strict=True)]
    if heads:
        yield writer.toned(f"{' ' * indent}  {in_columns(heads[0], widths).rstrip()}", "strong")
    for row, cells in zip(block.rows, table, strict=True):
        yield from _row(row, in_columns(cells[:-1], widths), cells[-1], writer, indent)


def _row(row: view.TableRow, before: str, last: str, writer: TextWriter, indent: int) -> Iterator[str]:
    """The cells in a line. The last one is wrapped under itself, or under the first where little room is left."""
    lead = f"{' ' * indent}{writer.mark(row.icon)} "
    used = indent + 2 + columns(before) + 2
    lines = wrap(last, writer.width - used)
    if (len(lines) > 1 and used > writer.width // 2) or used + columns(lines[0]) > writer.width:
        yield lead + before.rstrip()
        yield from writer.paragraph(last, indent + 4)
    else:
        yield f"{lead}{before}  {lines[0]}".rstrip()
        yield from (" " * used + line for line in lines[1:])
    yield from _lines(row.blocks, writer, indent + 4)


def _steps(block: view.PathSteps, writer: TextWriter, indent: int) -> Iterator[str]:
    for step in block.steps:
        note = f"  <- {step.note}" if step.note else ""
        line = f"{pad(printable(step.at), _STEP_NAME)}  {printable(step.chose + note)}"
        is_marked = step.icon != "step"
        yield f"{' ' * indent}  {writer.mark(step.icon)} {writer.toned(line, 'strong') if is_marked else line}"
        if step.because:
            yield from writer.paragraph(step.because, indent + _STEP_NAME + 6)
        if step.evidence is not None and is_marked:
            for number, text in enumerate(filter(None, (step.evidence.document, step.evidence.path))):
                yield writer.toned(f"{' ' * (indent + 4 + 2 * number)}{printable(text)}", "faint")


def _passage(block: view.Passage, writer: TextWriter, indent: int) -> Iterator[str]:
    yield writer.toned(" " * indent + printable(block.document), "faint")
    for where, value in block.values:
        line = " = ".join(filter(None, (printable(where), printable(value))))
        if not (where and value) or columns(line) + indent + 2 <= writer.width:
            yield from writer.paragraph(line, indent + 2, 2)
        else:
            yield f"{' ' * (indent + 2)}{printable(where)}"
            yield from writer.paragraph(f"= {value}", indent + 2, 2)


def _diff(block: view.DiffText, writer: TextWriter, indent: int) -> Iterator[str]:
    for line in trimmed(block.text):
        yield " " * indent + writer.toned(line, view.diff_tone(line))


def _code(block: view.CodeText, writer: TextWriter, indent: int) -> Iterator[str]:
    for line in trimmed(block.text):
        yield f"{' ' * indent}  {line}".rstrip()


def _headed(block: view.Headed, writer: TextWriter, indent: int) -> Iterator[str]:
    yield ""
    lines = wrap(block.title, writer.width - indent)
    yield from (" " * indent + writer.toned(line, "strong") for line in lines)
    yield " " * indent + "-" * max(map(columns, lines))
    yield from _lines(block.blocks, writer, indent)


_DRAWN: dict[type, Callable[[Any, TextWriter, int], Iterator[str]]] = {
    view.Paragraph: _paragraph,
    view.Labelled: _labelled,
    view.NameList: _names,
    view.Marked: _marked,
    view.Rows: _rows,
    view.PathSteps: _steps,
    view.Passage: _passage,
    view.DiffText: _diff,
    view.CodeText: _code,
    view.Headed: _headed,
}
