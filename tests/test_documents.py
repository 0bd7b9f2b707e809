"""README, the guides and CONTRIBUTING say what is so: commands run, outputs are current, and examples work."""

from __future__ import annotations

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name

import msgspec
import pytest

from meshdoctor import yamlio
from meshdoctor.bundled import guides
from meshdoctor.model.verdict import Verdict
from meshdoctor.rules.loader import load_rules
from tests.documents import (
    COMMANDS,
    DOCUMENTS,
    GUIDES,
    README,
    TABLES,
    Shown,
    commands,
    console_blocks,
    current,
    options,
    parse,
    ran,
    tables,
)
from tests.test_rules import Cases, findings

ROOT = Path(__file__).resolve().parent.parent
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"
ARCHITECTURE = ROOT / "meshdoctor" / "docs" / "architecture.md"
PACKAGE = ROOT / "meshdoctor"
HINT = "run: python -m tests.documents"
BUNDLED = re.compile(r"demo:[a-z]|^meshdoctor (docs|rules|--version|demo --)")
"""Command lines that run on any machine."""
STORIES = {
    "database": {"mysql-blocked", "mysql-tcp-ok", "mysql-no-addresses", "mysql-one-ip-missing", "mysql-cidr"},
    "shared-port": {"tcp-port-clash", "tcp-port-clash-addresses", "tcp-port-clash-scoped"},
    "http-https": {"http-ok", "https-none", "tcp-443-none-leak", "tls-virtualservice", "bypass-annotation"},
    "old-dumps": {"envoy-v2", "pasted-proxy-config"},
}
"""The stories that meshdoctor was asked for, and the snapshots that each is lived through with."""


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def guide(topic: str) -> str:
    return text_of(ROOT / "meshdoctor" / "docs" / f"{topic}.md")


RUNNABLE = [
    pytest.param(shown, id=f"{document.stem}: {shown.line}")
    for document in DOCUMENTS
    for shown in dict.fromkeys(commands(text_of(document)))
    if BUNDLED.search(shown.line)
]
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
with_contributing = pytest.mark.parametrize("document", [*DOCUMENTS, CONTRIBUTING], ids=lambda path: path.stem)


def words_of(shown: Shown) -> list[str]:
    """The arguments that are neither options nor values of the program's own options."""
    takes = {name for one in COMMANDS["meshdoctor"].params if not getattr(one, "is_flag", True) for name in one.opts}
    pairs = zip(("", *shown.arguments), shown.arguments, strict=False)
    return [word for before, word in pairs if not word.startswith("-") and before not in takes]


def yaml_blocks(text: str) -> list[bytes]:
    found = re.findall(r"^( *)```yaml\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE).encode() for indent, block in found]


def test_the_readme_is_short_and_opens_with_a_sentence_and_a_picture() -> None:
    text = text_of(README)
    assert len(text.splitlines()) <= 200
    _, sentence, picture, *_ = text.split("\n\n")
    assert len(re.findall(r"\.(?=\s|$)", sentence)) == 1
    assert picture.startswith("![")
    assert text.count("![") == 1
    assert text.index("make demo") < text.index("make check")
    assert "Linux" in text
    assert "macOS" in text


def test_the_readme_shows_output_as_it_is() -> None:
    text = text_of(README)
    assert console_blocks(text)
    assert not [shown.line for shown in commands(text) if " | " in shown.line]


def test_every_guide_is_linked_by_the_readme() -> None:
    assert set(re.findall(r"\]\(meshdoctor/docs/([a-z-]+)\.md\)", text_of(README))) == {one.topic for one in guides()}


def test_the_index_has_every_guide() -> None:
    assert {one.topic for one in guides()} | {"README"} == {path.stem for path in GUIDES}


@pytest.mark.parametrize("topic", STORIES)
def test_every_story_is_a_guide_with_its_snapshots(topic: str) -> None:
    assert STORIES[topic] <= set(re.findall(r"--from demo:([\w-]+)", guide(topic)))


def test_the_two_commands_are_there_and_ci_calls_the_second() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "check"} <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert "meshdoctor demo" in makefile
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make .*$", script, re.MULTILINE) == ["make check"]


def test_every_table_is_in_a_document() -> None:
    assert {name for document in DOCUMENTS for name in tables(text_of(document))} == set(TABLES)


@each_document
def test_what_the_program_writes_is_current(document: Path) -> None:
    assert current(text_of(document)) == text_of(document), HINT


@pytest.mark.parametrize("shown", RUNNABLE)
def test_every_command_ends_as_it_says(shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house_rules = tmp_path / "house-rules"
    house_rules.mkdir()
    (house_rules / "plain-http-outside.yaml").write_bytes(yaml_blocks(guide("rules"))[0])
    monkeypatch.chdir(tmp_path)
    finished = ran(shown)
    assert finished.exit_code == shown.exit_code
    assert finished.out


def test_a_rule_of_ones_own_finds_what_it_says() -> None:
    (line,) = [shown.line for shown in commands(guide("rules")) if "house-rules" in shown.line]
    assert ran(parse(line.replace("--rules house-rules/", ""))).exit_code == 0, "it fails without the rule as well"


@with_contributing
def test_no_command_line_has_a_command_or_option_that_is_not_there(document: Path) -> None:
    text = text_of(document)
    inline = [parse(code) for code in re.findall(r"`(meshdoctor [^`]+)`", text)]
    for shown in [*commands(text), *inline]:
        words = words_of(shown)
        name = next((n for n in (" ".join(words[:2]), words[0] if words else "") if n in COMMANDS), "meshdoctor")
        assert name != "meshdoctor" or not words, shown.line
        used = {word for word in shown.arguments if re.match(r"--?[a-z]", word)}
        assert used <= options(COMMANDS[name]), shown.line


def test_every_verdict_has_a_row() -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \|", guide("verdicts"), re.MULTILINE)) == sorted(Verdict)


@with_contributing
def test_every_link_and_path_leads_somewhere(document: Path) -> None:
    text = text_of(document)
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []
    folders = re.findall(r"`((?:meshdoctor|tests|rules|snapshots)/[\w/.]*)`", text)
    assert [place for place in folders if not (ROOT / place).exists()] == []


def test_the_worked_example_is_a_rule_that_passes_its_cases(tmp_path: Path) -> None:
    rule_file, case_file = yaml_blocks(text_of(CONTRIBUTING))
    (tmp_path / "plain-http-outside.yaml").write_bytes(rule_file)
    (rule,) = load_rules([tmp_path])
    cases = msgspec.convert(yamlio.load_documents(case_file, "cases")[0], Cases).cases
    assert len(cases) >= 3
    for case in cases:
        found = findings(rule, case.given)
        plain = [msgspec.to_builtins(one) | {"fixes": [fix.id for fix in one.fixes]} for one in found]
        shown = [{key: one.get(key) for key in want} for one, want in zip(plain, case.expect, strict=True)]
        assert shown == case.expect


def test_the_architecture_page_has_every_package() -> None:
    packages = {".".join(found.parent.relative_to(PACKAGE).parts) for found in PACKAGE.rglob("__init__.py")}
    first_cells = re.findall(r"^\| (`.*?`) \|", text_of(ARCHITECTURE), re.MULTILINE)
    assert packages - {""} <= {name for cell in first_cells for name in re.findall(r"`([\w.]+)`", cell)}


def test_the_architecture_page_has_the_layers_that_are_checked() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (layers,) = (one["layers"] for one in tools["importlinter"]["contracts"] if one["type"] == "layers")
    (shown,) = re.findall(r"^```text\n(cli\n.*?)^```$", text_of(ARCHITECTURE), re.MULTILINE | re.DOTALL)
    assert shown.splitlines() == [layer for layer in layers if layer != "__main__"]


@pytest.mark.parametrize("document", [ARCHITECTURE, CONTRIBUTING], ids=lambda path: path.stem)
def test_every_module_and_class_named_is_there(document: Path) -> None:
    text = text_of(document)
    tops = {path.stem for path in PACKAGE.iterdir()}
    dotted = [name for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", text) if name.split(".")[0] in tops]
    assert len(dotted) > 10
    for name in dotted:
        resolve_name(f"meshdoctor.{name}")
    sources = "\n".join(text_of(path) for path in PACKAGE.rglob("*.py"))
    classes = re.findall(r"^class (\w+)", sources, re.MULTILINE)
    assert [name for name in re.findall(r"`([A-Z][a-z]\w+)`", text) if name not in classes] == []


def test_contributing_names_commands_that_are_there() -> None:
    text = text_of(CONTRIBUTING)
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"`make ([a-z-]+)", text)
    assert named
    assert set(named) <= targets
    modules = re.findall(r"python -m ([\w.]+)", text)
    assert modules
    assert [name for name in modules if find_spec(name) is None] == []
