"""Style sheets name their widgets by class: a class that is renamed must not lose its style."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import meshdoctor.tui
from meshdoctor.tui.widgets.option_row import OptionRow

FOLDER = Path(meshdoctor.tui.__file__).parent
SOURCES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FOLDER.rglob("*.py")}


def sheets() -> dict[str, str]:
    """Every style sheet by where it is."""
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.tcss")}
    for path, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DEFAULT_CSS":
                assert isinstance(node.value, ast.Constant)
                found[f"{path.name}:{node.lineno}"] = str(node.value.value)
    return found


def test_every_class_that_a_style_sheet_names_is_there() -> None:
    own = {node.name for tree in SOURCES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    named = {
        name
        for text in sheets().values()
        for name in re.findall(r"(?<![\w.#:$-])[A-Z]\w+", re.sub(r"/\*.*?\*/|\{.*?\}", " ", text, flags=re.DOTALL))
    }
    assert OptionRow.__name__ in named
    assert named - own - {"Static", "Horizontal", "Toast"} == set()
