"""Users' own files are changed here: only the lines that have to change, and never to anything but what was asked.

Comments, order, quotes, indentation, line ends and the other documents stay as they were typed, because only the
characters of what changes are exchanged. The result is read again before it is returned; where it is not what was
wanted, nothing is.
"""

from __future__ import annotations

import codecs
from itertools import chain
from typing import Any

import msgspec
import yaml

from meshdoctor.errors import NotEditable, Unreadable
from meshdoctor.yamlio.alignment import same
from meshdoctor.yamlio.nodes import DocumentText, documents_of, line_end
from meshdoctor.yamlio.pieces import Style, as_document, as_json, style_of
from meshdoctor.yamlio.reading import load_documents
from meshdoctor.yamlio.splices import Splice, Splicer

_BOM = "\ufeff"


def rewritten(data: bytes, where: str, wanted: list[Any]) -> bytes:
    """The file with the values `wanted` in place of those `load_documents` finds in it, one for one.

    Raises `NotEditable` where that would change more than it should (what changes is shared by an alias, say), and
    `Unreadable` as `load_documents` does. `where` names the file.
    """
    found = load_documents(data, where)
    if len(found) != len(wanted):
        raise ValueError(f"{len(wanted)} values for {len(found)} documents")
    text, documents = _parts(data, where)
    is_json = _is_json(data)
    splices: list[Splice] = []
    for document, old, new in zip(documents, found, wanted, strict=True):
        if not same(old, new):
            style = style_of(text, chain((document,), documents))
            splices += Splicer(text, document, style, where, is_json=is_json).change(old, new)
    return _ended_as(data, _joined(text, splices, where), where, wanted)


def with_document(data: bytes, where: str, value: dict[str, Any]) -> bytes:
    """The file with one more document behind the others, in their layout.

    Raises `NotEditable` for a JSON file, which holds one value only.
    """
    found = load_documents(data, where)
    if _is_json(data):
        raise NotEditable(f"{where} is JSON and holds one object; another one needs a file of its own.")
    text, documents = _parts(data, where)
    style = style_of(text, documents)
    last = text.rstrip().rsplit("\n", 1)[-1]
    separator = "" if last == "---" or not documents else "---" + style.line_break
    return _proven(text + separator + as_document(value, style), data, where, [*found, value])


def without_document(data: bytes, where: str, index: int) -> bytes | None:
    """The file without one of its documents, counted as `load_documents` does; None where no other is in it."""
    found = load_documents(data, where)
    if len(found) == 1:
        return None
    text, documents = _parts(data, where)
    document = documents[index]
    start, end = document.start, document.end
    if not text.startswith("---", start) and text[end : line_end(text, end)] == "---":
        end = line_end(text, end) + len(style_of(text, documents).line_break)
    return _ended_as(data, text[:start] + text[end:], where, [*found[:index], *found[index + 1 :]])


def new_file(value: dict[str, Any], like: bytes | None = None, where: str = "") -> bytes:
    """A file of its own for one object, laid out as the file `like` where that is YAML."""
    style = Style()
    if like is not None and not _is_json(like):
        text, documents = _parts(like, where)
        style = style_of(text, documents)
    return as_document(value, style).encode()


def json_text(value: Any) -> str:
    """A value as a JSON file of its own."""
    return as_json(value, indent=2, at="", is_tight=False) + "\n"


def _parts(data: bytes, where: str) -> tuple[str, list[DocumentText]]:
    """The text without its byte-order mark, a line break in front and its last line ended; and its documents."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise NotEditable(f"{where} is UTF-16. Save it as UTF-8, or use --export.")
    try:
        text = "\n" + data.decode().removeprefix(_BOM)
        text += "" if text.endswith("\n") else "\r\n" if "\r\n" in text else "\n"
        return text, documents_of(text)
    except (UnicodeDecodeError, yaml.YAMLError):
        raise NotEditable(f"{where} cannot be taken apart by its text. Use --export.") from None


def _is_json(data: bytes) -> bool:
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _joined(text: str, splices: list[Splice], where: str) -> str:
    pieces: list[str] = []
    reached = 0
    for splice in sorted(splices, key=lambda splice: (splice.start, splice.end > splice.start)):
        if splice.start < reached:
            raise _refusal(where)
        pieces += (text[reached : splice.start], splice.text)
        reached = splice.end
    return "".join([*pieces, text[reached:]])


def _ended_as(data: bytes, text: str, where: str, wanted: list[Any]) -> bytes:
    """The edited text as `_proven` has it, its last line ended only if the file's was, or a block of text needs it."""
    if not data.endswith(b"\n"):
        try:
            return _proven(text.removesuffix("\n").removesuffix("\r"), data, where, wanted)
        except NotEditable:
            pass
    return _proven(text, data, where, wanted)


def _proven(text: str, data: bytes, where: str, wanted: list[Any]) -> bytes:
    """The edited text as a file again. Raises `NotEditable` where it does not say what is wanted."""
    result = (codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b"") + text.removeprefix("\n").encode()
    try:
        sound = same(load_documents(result, where), wanted)
    except Unreadable:
        sound = False
    if not sound:
        raise _refusal(where)
    return result


def _refusal(where: str) -> NotEditable:
    return NotEditable(
        f"{where} is laid out in a way that cannot be changed safely; nothing was written. Use --export, and carry "
        "the change over by hand."
    )
