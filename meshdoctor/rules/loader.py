"""Loads rule files. Strict: a rule with any unknown or invalid part is rejected.

All mistakes in all files are reported at once, each as a line `FILE:LINE: what is wrong; did you mean ...?`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from meshdoctor import yamlio
from meshdoctor.errors import MeshdoctorError, UsageError
from meshdoctor.model.rule import CAUSES, Rule
from meshdoctor.rules.file_shape import Problem, shape_problems
from meshdoctor.rules.rule_checks import circle, rule_problems
from meshdoctor.text.printable import in_lines

_LARGEST = 1024 * 1024
"""Bytes of a rule file."""


class _File(NamedTuple):
    path: Path
    data: bytes
    rule: Rule


def load_rules(directories: Sequence[Path]) -> list[Rule]:
    """Rules of every `*.yaml` under the directories, in the order of directories and file names.

    Raises:
        UsageError: a directory without rules, or anything wrong in any file; the message has a line for each.
    """
    files: list[_File] = []
    complaints: list[str] = []
    for path in _rule_files(directories):
        try:
            data = _content(path)
            found = _read(path, data)
        except (OSError, MeshdoctorError) as error:
            complaints.append(f"{error}" if isinstance(error, MeshdoctorError) else f"{path}: {error.strerror}")
            continue
        if isinstance(found, Rule):
            files.append(_File(path, data, found))
        else:
            complaints += _complaints(path, data, found)
    known = frozenset(file.rule.id for file in files) | frozenset(CAUSES)
    for file in files:
        complaints += _complaints(file.path, file.data, rule_problems(file.rule, known))
    complaints += _clashes(files)
    if complaints:
        raise UsageError(in_lines(complaints))
    return [file.rule for file in files]


def _rule_files(directories: Sequence[Path]) -> Iterator[Path]:
    for directory in directories:
        found = [directory] if directory.is_file() else sorted(directory.rglob("*.yaml"), key=lambda path: path.stem)
        if not found:
            raise UsageError(
                f"{directory}: no rule files (*.yaml) here; `meshdoctor rules list` shows the built-in rules"
            )
        yield from found


def _content(path: Path) -> bytes:
    """The bytes of a rule file. Raises `UsageError` for a pipe, which may never end, and for a file far too large."""
    if not path.is_file():
        raise UsageError(f"{path}: is not a regular file; a rule is a YAML file")
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise UsageError(f"{path}: is larger than {_LARGEST >> 10} KiB; a rule file has one rule, of a few KiB")
    return data


def _read(path: Path, data: bytes) -> Rule | list[Problem]:
    documents = yamlio.load_documents(data, str(path))
    if len(documents) != 1:
        return [Problem("$", f"a rule file must hold one rule, this one has {len(documents)} documents")]
    try:
        rule = msgspec.convert(documents[0], Rule)
    except msgspec.ValidationError as error:
        return list(shape_problems(documents[0], Rule)) or [Problem("$", str(error))]
    if rule.id != path.stem:
        return [Problem("$.id", f"the id `{rule.id}` differs from the file's name; did you mean `{path.stem}`?")]
    return rule


def _clashes(files: Sequence[_File]) -> Iterator[str]:
    first: dict[str, _File] = {}
    for file in files:
        if file.rule.id in first:
            text = f"duplicate rule `{file.rule.id}`; the first is in {first[file.rule.id].path}"
            yield from _complaints(file.path, file.data, [Problem("$.id", text)])
        first.setdefault(file.rule.id, file)
    around = circle([file.rule for file in first.values()])
    if around:
        file = first[around[0]]
        text = f"circular `explained_by`: {' <- '.join(around)}"
        yield from _complaints(file.path, file.data, [Problem("$.explained_by", text)])


def _complaints(path: Path, data: bytes, problems: Iterable[Problem]) -> list[str]:
    """The problems of one file as lines for the user, from its top to its end."""
    placed = sorted((_line(data, problem.path), problem.text) for problem in problems)
    return [f"{path}:{line}: {text}" for line, text in placed]


def _line(data: bytes, path: str) -> int:
    """Line of a path in the file, or of the nearest enclosing node that has one."""
    while path and path != "$":
        line = yamlio.line_of(data, path)
        if line is not None:
            return line
        path = path[: max(path.rfind("."), path.rfind("["))]
    return 1
