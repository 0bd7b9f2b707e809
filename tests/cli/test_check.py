from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from meshdoctor.errors import NothingToJudge, Unreadable, UsageError
from meshdoctor.model.finding import NotEvaluated
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.sources.live.live_cluster import FetchLimits
from tests.cli.fake import FakeDoctor, Source
from tests.conftest import Cli
from tests.golden.outputs import FILES
from tests.golden.results import BLIND, HEALTHY, HOSTILE, HOSTLESS, SICK, finding

ERROR = replace(HEALTHY, findings=(finding(),))
WARNING = replace(HEALTHY, findings=(HOSTLESS,))
INFO = replace(HEALTHY, findings=(HOSTILE,))
GAP = NotEvaluated("double-tls", ("a/b",), ("proxies/a/b/clusters.json",), "it was not captured")
FORMATS = (("-o", "text"), ("--json",), ("-o", "json"))


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("diagnosis", "options", "code"),
    [
        (HEALTHY, (), 0),
        (ERROR, (), 1),
        (WARNING, (), 0),
        (INFO, (), 0),
        (WARNING, ("--fail-on", "warning"), 1),
        (ERROR, ("--fail-on", "warning"), 1),
        (INFO, ("--fail-on", "warning"), 0),
        (INFO, ("--fail-on", "info"), 1),
        (HEALTHY, ("--fail-on", "info"), 0),
        (ERROR, ("--fail-on", "never"), 0),
        (replace(ERROR, findings=(finding(suppressed="known"),)), (), 0),
        (BLIND, (), 3),
        (replace(HEALTHY, proxies=0, pods=0), (), 3),
        (replace(HEALTHY, rules_run=()), (), 3),
        (replace(HEALTHY, not_evaluated=(GAP,)), (), 0),
        (replace(HEALTHY, not_evaluated=(GAP,)), ("--strict",), 3),
        (HEALTHY, ("--strict",), 0),
        (replace(ERROR, not_evaluated=(GAP,)), ("--strict",), 1),
        (replace(ERROR, not_evaluated=(GAP,)), ("--strict", "--fail-on", "never"), 3),
    ],
)
def test_exit_codes(
    cli: Cli, doctor: FakeDoctor, diagnosis: Any, options: tuple[str, ...], code: int, format_: tuple[str, ...]
) -> None:
    doctor.diagnosis = diagnosis
    finished = cli("check", "--from", "x", *format_, *options)
    assert finished.code == code
    assert bool(finished.err) == (code == 3)
    assert finished.out.endswith("\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such pod"), 2),
        (NothingToJudge("the archive is empty"), 3),
        (Unreadable("cannot read x"), 4),
        (KeyError("surprise"), 4),
        (MemoryError(), 4),
        (KeyboardInterrupt(), 130),
    ],
)
@pytest.mark.parametrize("format_", FORMATS)
def test_errors_leave_stdout_empty_and_show_no_traceback(
    cli: Cli, doctor: FakeDoctor, error: BaseException, code: int, format_: tuple[str, ...]
) -> None:
    doctor.error = error
    finished = cli("check", "--from", "x", *format_)
    assert finished.code == code
    assert finished.out == ""
    assert "Traceback" not in finished.err
    assert bool(finished.err) == (code != 130)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", ""),
        ("--from", "x", "-o", "yaml"),
        ("--from", "x", "-o", "sarif"),
        ("--from", "x", "-o", "json="),
        ("--from", "x", "-o", "json", "-o", "text"),
        ("--from", "x", "--json", "-o", "text"),
        ("--from", "x", "-o", "json=a", "-o", "text=a"),
        ("--from", "x", "--fail-on", "catastrophe"),
        ("--from", "x", "-n", "a", "-A"),
        ("--from", "x", "--logs-since", "soon"),
        ("--from", "x", "--timeout", "0"),
        ("--from", "x", "--nonsense"),
        ("--from",),
        ("--from", "x", "surplus"),
    ],
)
def test_wrong_usage(cli: Cli, doctor: FakeDoctor, arguments: tuple[str, ...]) -> None:
    finished = cli("check", *arguments)
    assert finished.code == 2
    assert finished.out == ""
    assert finished.err
    assert "Value error" not in finished.err
    assert "diagnose" not in doctor.asked


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        (("--from", "my capture", "-n", "shop"), "meshdoctor fix --from 'my capture' -n shop"),
        (("--context", "prod", "-l", "app=web", "--dns", "off"), "meshdoctor fix --context prod -l app=web"),
        ((), "meshdoctor fix"),
    ],
)
def test_the_command_that_lists_the_fixes_runs_as_it_stands(
    cli: Cli, doctor: FakeDoctor, given: tuple[str, ...], typed: str
) -> None:
    doctor.diagnosis = SICK
    assert cli("check", *given).out.endswith(f":\n  {typed}\n")
    doctor.diagnosis = HEALTHY
    assert "meshdoctor fix" not in cli("check", *given).out


def test_without_a_source_it_is_the_current_contexts_cluster(cli: Cli, doctor: FakeDoctor) -> None:
    assert cli("check").code == 0
    assert doctor.asked["source"] == Source(cluster=ClusterSource(pace=FetchLimits(16, 30.0, 600)))


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        (("--from", "a.tar.gz"), Source(Path("a.tar.gz"))),
        (("-f", "a", "--filename", "b"), Source(None, (Path("a"), Path("b")))),
        (("--from", "d.json", "-f", "m"), Source(Path("d.json"), (Path("m"),))),
        (("--from", "demo:clash"), Source(snapshot="clash")),
    ],
)
def test_sources(cli: Cli, doctor: FakeDoctor, arguments: tuple[str, ...], source: Source) -> None:
    assert cli("check", *arguments).code == 0
    assert doctor.asked["source"] == source


def test_a_file_named_like_a_snapshot_is_the_file(
    cli: Cli, doctor: FakeDoctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("demo:clash").touch()
    cli("check", "--from", "demo:clash")
    assert doctor.asked["source"] == Source(Path("demo:clash"))


def test_options_reach_the_doctor(cli: Cli, doctor: FakeDoctor) -> None:
    options = "-n a -n b -n a --rule r --rule s --skip t --rules d --rules e"
    cli("check", "--from", "x", *options.split())
    assert doctor.asked["diagnose"] == {
        "rules": ["r", "s"],
        "skip": ["t"],
        "rule_dirs": [Path("d"), Path("e")],
        "namespaces": ("a", "b"),
    }


def test_stdout_is_the_golden_report(cli: Cli, doctor: FakeDoctor) -> None:
    doctor.diagnosis = SICK
    assert cli("check", "--from", "x").out == (FILES / "check-sick.txt").read_text("utf-8")
    assert cli("check", "--from", "x", "-v").out == (FILES / "check-sick-verbose.txt").read_text("utf-8")
    assert cli("check", "--from", "x", "--json").out == (FILES / "check-sick.json").read_text("utf-8")


def test_outputs_go_where_they_are_sent(cli: Cli, doctor: FakeDoctor, tmp_path: Path) -> None:
    doctor.diagnosis = SICK
    report, page = tmp_path / "r.json", tmp_path / "r.txt"
    finished = cli("check", "--from", "x", "-o", f"json={report}", "-o", f"text={page}")
    assert finished.out == ""
    assert finished.err.count("wrote ") == 2
    assert report.read_bytes() == (FILES / "check-sick.json").read_bytes()
    assert page.read_bytes() == (FILES / "check-sick.txt").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"r.json", "r.txt"}


def test_one_format_may_go_to_stdout_and_one_to_a_file(cli: Cli, doctor: FakeDoctor, tmp_path: Path) -> None:
    finished = cli("check", "--from", "x", "-o", "json=-", "-o", f"text={tmp_path / 'r'}")
    assert json.loads(finished.out)["schema_version"] == 1


def test_a_file_that_cannot_be_written_ends_in_4(cli: Cli, doctor: FakeDoctor, tmp_path: Path) -> None:
    doctor.diagnosis = ERROR
    finished = cli("check", "--from", "x", "-o", f"json={tmp_path / 'no' / 'r.json'}")
    assert (finished.code, finished.out) == (4, "")
    assert "cannot write" in finished.err
    assert cli("check", "--from", "x", "-o", f"json={tmp_path}").code == 4


def test_a_failed_write_leaves_the_old_file_alone(
    cli: Cli, doctor: FakeDoctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    report = tmp_path / "r.json"
    report.write_text("old")
    monkeypatch.setattr(os, "replace", full)
    assert cli("check", "--from", "x", "-o", f"json={report}").code == 4
    assert report.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_link_and_a_device_stay_what_they_are(cli: Cli, doctor: FakeDoctor, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.touch()
    link.symlink_to(target)
    assert cli("check", "--from", "x", "-o", f"json={link}", "-o", f"text={os.devnull}").code == 0
    assert link.is_symlink()
    assert json.loads(target.read_text())["schema_version"] == 1
    assert not Path(os.devnull).is_file()


def test_a_hostile_error_cannot_steer_the_terminal(cli: Cli, doctor: FakeDoctor) -> None:
    doctor.error = ValueError("\x1b[2Jgone")
    assert "\x1b" not in cli("check", "--from", "x").err
    assert "\x1b" not in cli("check", "--from", "x", "-o", "\x1b[2J").err
