"""Names of a capture with line breaks and escape sequences in them: no line of any output begins with such a text, none
steers the terminal, and JSON stays JSON."""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unicodedata import category

import pytest

from meshdoctor.cli.main import run
from meshdoctor.report import json_v1, markdown, text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.view import check as check_view
from meshdoctor.view import hosts as hosts_view
from meshdoctor.view.postmortem import postmortem
from tests.invariants.answers import Answer, ask
from tests.invariants.captures import HeldCapture, bundled
from tests.invariants.trees import parsed, written

PAYLOAD = "\nFORGED fine\r\x1b[2J\u2028FORGED\x85FORGED`\u202e|"
STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
CHOSEN = ("tcp-port-clash", "egress-gateway", "mysql-one-ip-missing")
CAPTURES = {one.name: one for one in bundled() if one.name in CHOSEN}
_NAMED = frozenset({"name", "namespace", "host", "subset", "hosts", "image", "kind"})


def strings(tree: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each string of a tree with the key that it stands under."""
    if isinstance(tree, str):
        yield key, tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from strings(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from strings(value, key)


def mapped(tree: Any, change: Callable[[str], str]) -> Any:
    if isinstance(tree, str):
        return change(tree)
    if isinstance(tree, dict):
        return {key: mapped(value, change) for key, value in tree.items()}
    return [mapped(value, change) for value in tree] if isinstance(tree, list) else tree


def planted(capture: HeldCapture, change: Callable[[str], str]) -> HeldCapture:
    """The capture with its strings changed, and the names of its folders of pods."""
    files = {}
    for path, data in capture.files.items():
        tree = parsed(path, data)
        place = "/".join(map(change, path.split("/"))) if path.startswith("proxies/") else path
        files[place] = data if tree is None else written(path, mapped(tree, change))
    return capture._replace(files=files)


def identifiers(capture: HeldCapture) -> list[str]:
    """Names of objects and of what is in them, which stand in dumps as well: a plant is the same in all places."""
    trees = [parsed(path, data) for path, data in capture.files.items() if path.startswith("resources/")]
    return sorted({text for tree in trees for key, text in strings(tree) if key in _NAMED})


def outputs(folder: Path, answer: Answer) -> Iterator[tuple[str, str]]:
    """What is printed of a capture: reports in every format, and a trace and a fix by the command line."""
    if answer.diagnosis is None or answer.hosts is None:
        yield "refused", printed(["check", "--from", str(folder)])
        return
    checked = list(check_view.report(answer.diagnosis, verbose=True))
    hosts = list(hosts_view.report(answer.hosts, verbose=True))
    yield "check", text.render(checked, TextWriter()) + text.render(hosts, TextWriter())
    yield "check --json", json_v1.check(answer.diagnosis).decode()
    yield "hosts --json", json_v1.hosts(answer.hosts).decode()
    yield "markdown", markdown.render(checked) + markdown.render(hosts)
    yield "markdown of findings", markdown.render([postmortem(one) for one in answer.diagnosis.findings])
    for finding in [one for one in answer.diagnosis.findings if one.fixes][:1]:
        yield "fix", printed(["fix", finding.fingerprint, "--from", str(folder)])
        if finding.pods and finding.host and finding.port:
            to = f"{finding.host}:{finding.port}"
            yield "trace", printed(["trace", "--from", str(folder), "--", finding.pods[0], to])


def printed(words: list[str]) -> str:
    """What a command writes to stdout and stderr."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", newline=""), io.StringIO(newline="")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        run(words)
    out.seek(0)
    return out.read() + err.getvalue()


def problems(name: str, text: str) -> Iterator[str]:
    if "--json" in name:
        json.loads(text)
    for line in text.split("\n"):
        if any(category(sign) in STEERING for sign in line):
            yield f"{name}: {line!r}"
        if re.match(r"[\W\d]*FORGED", line):
            yield f"{name} has a forged line: {line!r}"


def _marked(chosen: set[str], text: str) -> str:
    return text + PAYLOAD if text in chosen else text


def shown(capture: HeldCapture, folder: Path) -> tuple[list[str], int]:
    """Problems of every output, and how often the planted text is in them."""
    place = capture.write(folder)
    found: list[str] = []
    count = 0
    for name, output in outputs(place, ask(place)):
        found += problems(name, output)
        count += output.count("FORGED")
    return found, count


@pytest.mark.parametrize("name", CAPTURES)
def test_a_name_that_is_the_same_everywhere_forges_no_line(name: str, tmp_path: Path) -> None:
    """Each name that the report says, as it would be in a mesh whose API server let it pass."""
    capture = CAPTURES[name]
    plain = dict(outputs(tmp_path, ask(capture.write(tmp_path))))["check --json"]
    names = [one for one in identifiers(capture) if len(one) > 2 and one in plain]
    seen = 0
    for number, identifier in enumerate(names):
        word = re.compile(rf"(?<![\w.-]){re.escape(identifier)}(?![\w.-])")
        change = planted(capture, partial(word.sub, lambda hit: hit[0] + PAYLOAD))
        found, count = shown(change, tmp_path / str(number))
        assert found == [], identifier
        seen += count > 0
    assert seen > len(names) // 3, "the planted names are hardly ever shown"


@pytest.mark.parametrize("name", CAPTURES)
def test_no_string_of_a_capture_forges_a_line(name: str, tmp_path: Path) -> None:
    """Each time some of the strings, all of them in the end."""
    texts = sorted({text for path, data in CAPTURES[name].files.items() for _, text in strings(parsed(path, data))})
    random.Random(name).shuffle(texts)
    rounds, seen = 8, 0
    for number in range(rounds):
        change = planted(CAPTURES[name], partial(_marked, set(texts[number::rounds])))
        found, count = shown(change, tmp_path / str(number))
        assert found == []
        seen += count > 0
    assert seen > rounds // 2
