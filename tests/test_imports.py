"""No modules of the package import each other in a circle, whenever they do it, and no class name stands twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import meshdoctor

ROOT = Path(meshdoctor.__file__).parent


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.rglob("*.py"))}


def imported(tree: ast.Module) -> Iterator[str]:
    """Modules of the package that a module imports: at its top, in its functions, and for its annotations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in TREES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                yield from (name for name in (below if below in TREES else node.module,) if name in TREES)


IMPORTS = {name: frozenset(imported(tree)) for name, tree in TREES.items()}


def circle(imports: Mapping[str, frozenset[str]]) -> list[str]:
    """One circle of imports; empty where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(IMPORTS) == []


@pytest.mark.parametrize("inside", ["def f():\n    {}", "if TYPE_CHECKING:\n    {}", "{}"])
def test_an_import_counts_wherever_it_stands(inside: str) -> None:
    tree = ast.parse(inside.format("from meshdoctor.diagnosis import session"))
    assert list(imported(tree)) == ["meshdoctor.diagnosis.session"]
    assert circle({"a": frozenset({"b"}), "b": frozenset({"a"})})


def test_no_class_name_is_defined_twice() -> None:
    places: dict[str, list[str]] = {}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
