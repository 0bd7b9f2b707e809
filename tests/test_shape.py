"""House rules that no linter knows: sizes, docstrings, names that have no place in the code, files that pair up."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from meshdoctor import yamlio
from meshdoctor.bundled import snapshot_names, snapshots_dir

ROOT = Path(__file__).resolve().parent.parent
CAPTURES = ROOT.parent / "shared" / "captures"
FOLDERS = ("meshdoctor", "tests", "rules", "snapshots", "requirements", ".ci", ".github")
MODULES = {str(path.relative_to(ROOT)): path for top in FOLDERS[:2] for path in sorted((ROOT / top).rglob("*.py"))}
PACKAGE = {name: path for name, path in MODULES.items() if name.startswith("meshdoctor/")}
RULES = {path.stem for path in (ROOT / "rules").glob("*.yaml")}

LINES, FUNCTION_LINES = 400, 60
MACHINE_PATH = re.compile(r"(?<![\w.~$}*>)-])/(?:tmp|work|home|root|Users|private|mnt|opt)/[\w.-]")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|proxy\.golang\.org|registry\.npmjs\.org")
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".json", ".toml", ".txt", ".cfg", ""}

each_module = pytest.mark.parametrize("name", MODULES)
each_module_of_the_package = pytest.mark.parametrize("name", PACKAGE)


def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def docstrings(module: ast.Module) -> set[int]:
    """The ids of the constants that only document."""
    return {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def strings(name: str) -> Iterator[str]:
    """Every string of a module that the program can use."""
    module = tree(name)
    documenting = docstrings(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documenting:
            yield node.value


def remarks(name: str) -> Iterator[str]:
    """The docstrings and comments of a module."""
    module = tree(name)
    documenting = docstrings(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) in documenting:
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(MODULES[name].read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def captures() -> list[Path]:
    """Folders of the snapshots, and of the shared captures where they are."""
    return [snapshots_dir() / name for name in snapshot_names()] + [p.parent for p in CAPTURES.glob("*/dns.json")]


def hosts_of_captures() -> set[str]:
    answers = [path for folder in captures() for path in folder.glob("dns.json")]
    return {host for path in answers for host in json.loads(path.read_bytes())["answers"]}


def committed() -> Iterator[Path]:
    """Text files that belong to the project."""
    for path in [*ROOT.iterdir(), *(p for top in FOLDERS for p in sorted((ROOT / top).rglob("*")))]:
        if path.is_file() and path.suffix in SUFFIXES and path.name not in (".git", ".coverage"):
            yield path


@each_module
def test_a_file_can_be_read_in_one_session(name: str) -> None:
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= LINES


@each_module
def test_functions_are_short(name: str) -> None:
    functions = [node for node in ast.walk(tree(name)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES]
    assert long == []


@each_module_of_the_package
def test_a_module_says_what_it_promises(name: str) -> None:
    assert ast.get_docstring(tree(name))


@each_module_of_the_package
def test_no_capture_and_none_of_its_hosts_is_special(name: str) -> None:
    """A rule's id may be a capture's name as well; a name without a hyphen is a word of the language."""
    known = {folder.name for folder in captures() if "-" in folder.name} - RULES
    used = list(strings(name))
    assert [text for text in used if text in known] == []
    hosts = hosts_of_captures()
    assert "github.com" in hosts
    assert [text for text in used if text in hosts or re.search(r"\w\.example\b(?!\.)", text)] == []


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["machine path", "package registry"])
def test_no_file_knows_the_machine_it_was_written_on(pattern: re.Pattern[str]) -> None:
    found = []
    for path in committed():
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []


def test_no_remark_refers_to_a_document_that_is_not_in_the_repository() -> None:
    here = {path.name for path in committed() if path.suffix == ".md"}
    named = [(name, found) for name in MODULES for text in remarks(name) for found in re.findall(r"[\w-]+\.md\b", text)]
    named += [
        (path.name, found)
        for path in committed()
        if path.suffix in (".yaml", ".yml", ".toml") or path.name == "Makefile"
        for found in re.findall(r"[\w-]+\.md\b", path.read_text(encoding="utf-8"))
    ]
    assert ("tests/lab/__init__.py", "CONTRIBUTING.md") in named
    assert [(name, found) for name, found in named if found not in here] == []


def test_the_search_for_machine_paths_finds_one() -> None:
    for top in ("tmp", "home", "Users"):
        assert MACHINE_PATH.search(f"see /{top}/someone/notes.txt")
    assert not MACHINE_PATH.search("./var/run/secrets and https://example.com/work/x and a/tmp/b")


def test_rules_and_case_files_pair_up() -> None:
    assert {path.stem for path in (ROOT / "tests" / "rules").glob("*.yaml")} == RULES
    for path in (ROOT / "rules").glob("*.yaml"):
        (rule,) = yamlio.load_documents(path.read_bytes(), path.name)
        assert isinstance(rule, dict)
        assert rule["id"] == path.stem


def test_every_json_format_has_its_schema_and_every_schema_a_format() -> None:
    written = [f"{name}-v1.json" for name in public_functions("json_v1")]
    written += [f"fix-{name}-v1.json" for name in public_functions("fix_json")]
    schemas = [entry.name for entry in (files("meshdoctor") / "schemas").iterdir() if entry.name.endswith(".json")]
    assert sorted(schemas) == sorted(written)


def public_functions(module: str) -> list[str]:
    body = tree(f"meshdoctor/report/{module}.py").body
    return [node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
