"""Edits YAML and JSON files of users in place, changing only the lines that have to change.

Comments, order, quotes, indentation, line ends and other documents stay as they are, because only the text of changed
values is replaced. The result is parsed again before it is returned; where it does not have the requested values, the
edit is refused.
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
from meshdoctor.yamlio.pieces import Style, as_document, style_of
from meshdoctor.yamlio.reading import load_documents
from meshdoctor.yamlio.splices import Splice, Splicer

_BOM = "\ufeff"


def rewritten(data: bytes, where: str, wanted: list[Any]) -> bytes:
    """The file with the values `wanted` instead of those that `load_documents` finds in it, one for one.

    Raises `NotEditable` where that would change more (because an alias shares a changed value, say), and `Unreadable`
    as `load_documents` does. `where` names the file.
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
    """The file with one more document at the end, in the layout of the others.

    Raises `NotEditable` for a JSON file, which has one value only.
    """
    found = load_documents(data, where)
    if _is_json(data):
        raise NotEditable(f"{where} is JSON and contains one object; put the other object into a file of its own.")
    text, documents = _parts(data, where)
    style = style_of(text, documents)
    last = text.rstrip().rsplit("\n", 1)[-1]
    separator = "" if last == "---" or not documents else "---" + style.line_break
    return _verified(text + separator + as_document(value, style), data, where, [*found, value])


def without_document(data: bytes, where: str, index: int) -> bytes | None:
    """The file without one of its documents, counted as `load_documents` does; None where it is the only one."""
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
    """A new file for one object, in the layout of the file `like` where that is YAML."""
    style = Style()
    if like is not None and not _is_json(like):
        text, documents = _parts(like, where)
        style = style_of(text, documents)
    return as_document(value, style).encode()


def _parts(data: bytes, where: str) -> tuple[str, list[DocumentText]]:
    """The text without byte-order mark, with a line break at both ends; and its documents."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise NotEditable(f"{where} is UTF-16. Save it as UTF-8, or use --export.")
    try:
        text = "\n" + data.decode().removeprefix(_BOM)
        text += "" if text.endswith("\n") else "\r\n" if "\r\n" in text else "\n"
        return text, documents_of(text)
    except (UnicodeDecodeError, yaml.YAMLError):
        raise NotEditable(f"{where} cannot be edited in place. Use --export.") from None


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
    """The edited text as `_verified` returns it, with a final line break only if the file had one or needs one."""
    if not data.endswith(b"\n"):
        try:
            return _verified(text.removesuffix("\n").removesuffix("\r"), data, where, wanted)
        except NotEditable:
            pass
    return _verified(text, data, where, wanted)


def _verified(text: str, data: bytes, where: str, wanted: list[Any]) -> bytes:
    """The edited text as a file. Raises `NotEditable` where it does not parse to the values `wanted`."""
    result = (codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b"") + text.removeprefix("\n").encode()
    try:
        is_right = same(load_documents(result, where), wanted)
    except Unreadable:
        is_right = False
    if not is_right:
        raise _refusal(where)
    return result


def _refusal(where: str) -> NotEditable:
    return NotEditable(
        f"{where} has a layout that cannot be edited safely; nothing was written. Use --export, and make the change "
        "manually."
    )
