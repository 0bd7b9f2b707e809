"""Commands of rules: whatever a dump or an object names is one word of a shell, and plain names stay as they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from meshdoctor.facts.derived.dns_capture import _restart
from meshdoctor.facts.derived.pod_facts import create_secret, use_secret
from meshdoctor.fixes.plan.kubectl_commands import apply_line, delete_line, patch_line
from meshdoctor.model.mesh import PlainCredential
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.rule import Rule
from meshdoctor.model.sheet import SHEET
from meshdoctor.rules.command_text import commands
from meshdoctor.rules.fact_paths import neutral
from meshdoctor.rules.loader import load_rules
from meshdoctor.rules.selectors import compile_selector
from meshdoctor.rules.templates import Placeholder, fill, parse_prose
from meshdoctor.text.printable import printable
from meshdoctor.text.shell import ShellCommand, command
from tests.unit.facts.pod_builder import POINTER, pod

RULES = load_rules([Path(__file__).parent.parent / "rules"])
HOSTILE = {
    "another command": "x; touch pwned #",
    "substitution": "$(touch pwned)",
    "backticks": "`touch pwned`",
    "line break": "x\ntouch pwned\n",
    "quotes": "'; touch pwned; '\"\"",
    "double quotes": '"; touch pwned; "',
    "backslash": "\\'; touch pwned; '",
    "redirection": "x > pwned | tee pwned & touch pwned",
    "option": "--output=pwned",
    "short option": "-ox; touch pwned",
    "braces and globs": "{fact.host} {a,b} * ~ !!",
    "terminal": "\x1b]0;x\x07\u202e\u2028\x85",
}
PLAIN = "web-1.shop.test"
each_payload = pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


def planted(kind: Any, text: str) -> Any:
    """A value of this type with the text in every string; a field that is a command has one about it."""
    if kind is str:
        return text
    if kind is ShellCommand:
        return command("kubectl", "get", f"pods/{text}")
    if get_origin(kind) in (tuple, list):
        return (planted(get_args(kind)[0], text),) * 2
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind)
        return kind(**{name: planted(hints[name], text) for name in kind.__struct_fields__})
    return neutral(kind)


def templates(rule: Rule) -> list[str]:
    texts = [rule.message, rule.why]
    return texts + [text for fix in rule.fixes for text in (fix.title, fix.tradeoff, fix.steps)]


def cases() -> Iterator[Any]:
    """Every command of every rule's texts that has a capture."""
    for rule in RULES:
        for text in templates(rule):
            for begin, end in commands(text):
                if "{fact." in text[begin:end]:
                    yield pytest.param(rule, text, text[begin:end], id=f"{rule.id}: {text[begin:end][:30]}")


CASES = list(cases())
each_command = pytest.mark.parametrize(("rule", "text", "template"), CASES)


def filled(rule: Rule, template: str, value: str) -> str:
    """The command alone, filled with a fact of which every string is the value."""
    return fill(f"`{template}`", planted(SHEET[compile_selector(rule.select).list_name], value))[1:-1]


def words(line: str, folder: Path) -> list[list[str]]:
    """The words that bash gives to each program of the line; what runs are stand-ins that only write them down."""
    for name in ("kubectl", "istioctl", "meshdoctor", "grep", "dig", "getent", "touch", "tee", "web-1.shop.test"):
        script = folder / name
        script.write_text(f'#!/bin/sh\nprintf \'%s\\0\' {name} "$@" >"$LOG/$$"\n')
        script.chmod(0o755)
    log, work = folder / "log", folder / "work"
    shutil.rmtree(log, ignore_errors=True)
    log.mkdir()
    work.mkdir(exist_ok=True)
    env = {"PATH": str(folder), "LOG": str(log), "HOME": str(work), "LC_ALL": "C.UTF-8"}
    bash = shutil.which("bash") or ""
    ran = subprocess.run([bash, "-c", line], env=env, cwd=work, capture_output=True, text=True, timeout=20, check=False)
    assert "syntax error" not in ran.stderr, ran.stderr
    assert os.listdir(work) == [], "the line made a file"
    return sorted(one.read_text().removesuffix("\0").split("\0") for one in log.iterdir())


def test_there_are_commands_with_names_in_them() -> None:
    assert len(CASES) >= 8
    assert {rule.id for rule, *_ in (case.values for case in CASES)} >= {
        "upstream-unresolved",
        "route-to-unknown-cluster",
    }


@needs_bash
@each_command
@each_payload
def test_a_hostile_name_is_one_word(rule: Rule, text: str, template: str, payload: str, tmp_path: Path) -> None:
    shown = printable(payload)
    plain = words(filled(rule, template, PLAIN), tmp_path)
    hostile = words(filled(rule, template, payload), tmp_path)
    assert plain, template
    assert [len(one) for one in hostile] == [len(one) for one in plain]
    for before, after in zip(plain, hostile, strict=True):
        for word, other in zip(before, after, strict=True):
            if PLAIN in word:
                is_option = shown.startswith("-") and word.startswith(PLAIN)
                named = re.fullmatch(re.escape(word).replace(re.escape(PLAIN), "[A-Z_]+"), other)
                assert other == word.replace(PLAIN, shown) or (is_option and named)
            else:
                assert other == word


@each_command
def test_a_plain_name_has_no_quotes(rule: Rule, text: str, template: str) -> None:
    line = filled(rule, template, PLAIN)
    assert PLAIN in line or re.search(r"\b0\b", line)
    assert line.count("'") + line.count('"') == template.count("'") + template.count('"')


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
@each_payload
def test_no_text_of_a_rule_gets_a_line_or_an_unquoted_command_from_a_fact(rule: Rule, payload: str) -> None:
    kind = SHEET[compile_selector(rule.select).list_name]
    about = planted(kind, payload)
    for text in templates(rule):
        made = fill(text, about)
        assert made.count("\n") == fill(text, planted(kind, PLAIN)).count("\n")
        assert all(line.isprintable() for line in made.split("\n"))
        quoted = [
            piece.render(about)
            for piece in parse_prose(text).pieces
            if isinstance(piece, Placeholder) and piece.command is not None
        ]
        safe = re.compile(r"[A-Z_]+|\d+|(?:'[^']*'|\"'\"|[\w@%+=:,./-])+|kubectl get .*", re.ASCII)
        assert [word for word in quoted if not safe.fullmatch(word)] == []


WORKLOADS = ("Deployment", "StatefulSet", "Pod", "ReplicaSet", "{}")


def made_in_python(name: str) -> Iterator[str]:
    """The commands that facts, plans and exports make, with this name everywhere."""
    key = ObjectRef("ServiceEntry", name, name, api_version="networking.istio.io/v1")
    yield from (
        apply_line(f"fixes/{name}", name),
        patch_line(key, f"fixes/{name}", "merge", name),
        delete_line(key, name),
    )
    for kind in WORKLOADS:
        workload = ObjectRef(kind.format(name), name, name)
        yield _restart(workload)
        yield create_secret(workload, name)
        yield use_secret(workload, PlainCredential(pod({}), name, name, "literal", POINTER))


@needs_bash
@each_payload
def test_commands_made_in_python_keep_names_in_one_word(payload: str, tmp_path: Path) -> None:
    plain = [words(line, tmp_path) for line in made_in_python(PLAIN)]
    hostile = [words(line, tmp_path) for line in made_in_python(payload)]
    assert sum(map(bool, plain)) >= 12
    shape = [[len(one) for one in ran] for ran in plain]
    assert [[len(one) for one in ran] for ran in hostile] == shape
