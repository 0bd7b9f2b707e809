"""Manifests of a fix: from a rule's YAML text, or from an object of the evidence with some fields set.

Values never pass through YAML text: a template is parsed first and filled afterwards, so a host name with a colon or a
line break in it can only become part of a string.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from meshdoctor import yamlio
from meshdoctor.errors import MeshdoctorError
from meshdoctor.model.fact import Fact
from meshdoctor.model.rule import ManifestChange
from meshdoctor.rules.fact_paths import Path, parse_path, value_at
from meshdoctor.rules.templates import BadTemplate, parse_template
from meshdoctor.semantics.istio.admission import refusals
from meshdoctor.text.printable import printable_lines

_CAPTURE = re.compile(r"""(["']?)\{(fact\.[^{}]*)\}(?=(["']?))""")
_TOKEN = re.compile(r"meshdoctor-capture-(\d+)-")


def make_manifests(change: str | ManifestChange, fact: Fact) -> Iterator[str]:
    """The manifests as YAML; none where the fact has no object to change or a path to set does not exist."""
    for _, manifest in _made(change, fact):
        yield printable_lines(yamlio.dump(manifest))


def is_admitted(change: str | ManifestChange, fact: Fact) -> bool:
    """Whether admission would accept the changes to ServiceEntries in the manifests."""
    entries = ((base, made) for base, made in _made(change, fact) if made.get("kind") == "ServiceEntry")
    return all(set(refusals(made)) <= set(refusals(base)) for base, made in entries)


def _made(change: str | ManifestChange, fact: Fact) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each object before and after; before is empty for one that is new."""
    if isinstance(change, str):
        yield {}, filled(manifest_template(change), fact)
        return
    found = value_at(fact, parse_path(change.base.removeprefix("fact.")))
    for base in found if isinstance(found, list | tuple) else [found]:
        if not isinstance(base, dict) or not base:
            continue
        manifest = copy.deepcopy(base)
        try:
            for path, value in change.set.items():
                _set(manifest, parse_path(path), filled(value, fact))
        except LookupError:
            continue
        yield base, manifest


@cache
def manifest_template(text: str) -> Any:
    """A manifest's YAML text as a tree whose strings are templates, parsed once per text. Do not change the tree.

    A capture in quotes, `"{fact.port}"`, is text there as it is in YAML; without quotes it keeps the field's type.

    Raises:
        BadTemplate: a bad capture, or the text around the captures is not one YAML object.
    """
    captures: list[str] = []

    def token(match: re.Match[str]) -> str:
        opened, body, closed = match.groups()
        captures.append(f"{{{body}:text}}" if opened and opened == closed and ":" not in body else f"{{{body}}}")
        return f"{opened}meshdoctor-capture-{len(captures) - 1}-"

    parse_template(text)
    plain = _CAPTURE.sub(token, text).replace("{{", "{").replace("}}", "}")
    try:
        documents = yamlio.load_documents(plain.encode(), "manifest")
    except MeshdoctorError as error:
        raise BadTemplate(f"line {str(error).removeprefix('manifest:')}") from None
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise BadTemplate("a manifest must be one YAML object; add another list item for a second one")
    return _with_captures(documents[0], captures)


def filled(value: Any, fact: Fact) -> Any:
    """A tree with its templates filled; a string that consists of one capture becomes the value itself."""
    if isinstance(value, dict):
        return {filled_text(str(key), fact): filled(item, fact) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, fact) for item in value]
    if not isinstance(value, str):
        return value
    alone = parse_template(value).alone
    return msgspec.to_builtins(value_at(fact, alone.path)) if alone else filled_text(value, fact)


def filled_text(template: str, fact: Fact) -> str:
    """A template filled as text, spaces and line breaks kept."""
    return parse_template(template).fill(fact)


def _with_captures(value: Any, captures: list[str]) -> Any:
    if isinstance(value, dict):
        return {_with_captures(str(key), captures): _with_captures(item, captures) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_captures(item, captures) for item in value]
    if isinstance(value, str):
        literal = value.replace("{", "{{").replace("}", "}}")
        return _TOKEN.sub(lambda match: captures[int(match[1])], literal)
    return value


def _set(tree: Any, path: Path, value: Any) -> None:
    """Set one path, making the objects on the way; a value of None removes the field.

    Raises:
        LookupError: the path needs a list item or an object that is not there.
    """
    *way, last = path
    for segment in way:
        if isinstance(tree, dict) and isinstance(segment, str):
            tree = tree.setdefault(segment, {})
        elif isinstance(tree, list) and isinstance(segment, int):
            tree = tree[segment]
        else:
            raise LookupError(segment)
    if isinstance(tree, dict) and isinstance(last, str):
        if value is None:
            tree.pop(last, None)
        else:
            tree[last] = value
    elif isinstance(tree, list) and isinstance(last, int):
        tree[last : last + 1] = [] if value is None else [value]
    else:
        raise LookupError(last)
