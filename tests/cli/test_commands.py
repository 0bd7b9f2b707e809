"""hosts, rules, demo, and the command without a command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshdoctor import __version__
from meshdoctor.cli import entry_points
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.model.host_table import HostTable
from meshdoctor.text.printable import in_lines
from tests.cli.fake import FakeDoctor, Source
from tests.conftest import Cli
from tests.golden.outputs import FILES
from tests.golden.results import CLASH, HEALTHY


def test_hosts(cli: Cli, doctor: FakeDoctor) -> None:
    finished = cli("hosts", "--from", "x", "-n", "shop")
    assert (finished.code, finished.out) == (0, (FILES / "hosts.txt").read_text("utf-8"))
    assert doctor.asked["hosts"] == ("shop",)
    assert len(json.loads(cli("hosts", "--from", "x", "--json").out)["hosts"]) == 5


def test_no_hosts_and_missing_evidence_is_no_answer(cli: Cli, doctor: FakeDoctor) -> None:
    doctor.listed = HostTable("capture", "x", ())
    assert cli("hosts", "--from", "x").code == 0
    doctor.listed = HostTable("capture", "x", (), ("no proxy was read",))
    assert cli("hosts", "--from", "x").code == 3


def test_rules_list(cli: Cli, doctor: FakeDoctor) -> None:
    finished = cli("rules", "list", "--rules", "ours")
    assert finished.code == 0
    assert "tcp-port-clash  Another TCP ServiceEntry owns this port" in finished.out
    assert all(len(line) <= 80 for line in finished.out.splitlines())
    assert doctor.asked["rule_dirs"] == [Path("ours")]
    listed = json.loads(cli("rules", "list", "--json").out)["rules"]
    assert [rule["id"] for rule in listed] == ["egress-open", "tcp-port-clash"]


def test_rules_explain(cli: Cli, doctor: FakeDoctor) -> None:
    finished = cli("rules", "explain", "tcp-port-clash")
    assert finished.code == 0
    assert "Two entries want one port." in finished.out


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tcp-port-clahs", "did you mean tcp-port-clash?"),
        ("clash", "tcp-port-clash?"),
        ("zzz", "rules list"),
        ("", "rules list"),
    ],
)
def test_an_unknown_rule_gets_the_nearest(cli: Cli, doctor: FakeDoctor, name: str, hint: str) -> None:
    finished = cli("rules", "explain", name)
    assert (finished.code, finished.out) == (2, "")
    assert hint in finished.err


def test_demo_tells_the_story_and_exits_as_the_check(cli: Cli, doctor: FakeDoctor) -> None:
    doctor.diagnosis = replace(HEALTHY, findings=(CLASH,))
    finished = cli("demo")
    assert finished.code == 1
    assert doctor.asked["source"] == Source(snapshot="clash")
    assert finished.out.startswith("Two services, one port\n")
    assert "One of them loses." in finished.out
    assert "rules explain tcp-port-clash" in finished.out
    assert "github.com:443 --from demo:clash" in finished.out


def test_demo_check_is_only_the_check(cli: Cli, doctor: FakeDoctor) -> None:
    finished = cli("demo", "healthy", "--check")
    assert (finished.code, finished.out) == (0, (FILES / "check-healthy.txt").read_text("utf-8"))


def test_demo_lists_its_snapshots(cli: Cli, doctor: FakeDoctor) -> None:
    finished = cli("demo", "--list")
    assert finished.code == 0
    assert "healthy: Nothing is wrong\n  Every host is reached.\n" in finished.out
    unknown = cli("demo", "helthy")
    assert unknown.code == 2
    assert "Did you mean healthy?" in unknown.err


def test_demo_without_snapshots_is_a_broken_installation(
    cli: Cli, doctor: FakeDoctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "snapshots", list)
    finished = cli("demo")
    assert finished.code == 4
    assert "install meshdoctor again" in finished.err


def test_version(cli: Cli) -> None:
    assert cli("--version") == (0, f"meshdoctor {__version__}\n", "")


def test_no_command_says_what_to_try(cli: Cli) -> None:
    finished = cli()
    assert (finished.code, finished.out) == (2, "")
    assert "meshdoctor demo" in finished.err
    assert "no terminal: stdin, stdout, stderr" in finished.err
    assert cli("rules").code == 2
    assert cli("nonsense").code == 2


COMMANDS = ("", "check", "trace", "hosts", "capture", "rbac", "rules", "rules list", "rules explain", "demo")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_80_columns(cli: Cli, command: str) -> None:
    finished = cli(*command.split(), "--help")
    assert finished.code == 0
    assert finished.err == ""
    assert max(map(len, finished.out.splitlines())) <= 80


def test_as_a_plugin_of_kubectl_usage_lines_say_what_to_type(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl-meshdoctor", "check", "--nonsense"])
    for name in ("exit_on_signals", "raise_on_signals"):  # the signals of this process are pytest's
        monkeypatch.setattr(entry_points, name, lambda: None)
    with pytest.raises(SystemExit, match="2"):
        entry_points.kubectl_main()
    assert "Usage: kubectl meshdoctor check" in capfd.readouterr().err


@pytest.mark.parametrize("how", ["option", "environment"])
def test_debug_shows_the_traceback(cli: Cli, doctor: FakeDoctor, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    doctor.error = KeyError("surprise")
    monkeypatch.setenv("MESHDOCTOR_DEBUG", "1" if how == "environment" else "")
    finished = cli(*(["--debug"] if how == "option" else []), "check", "--from", "x")
    assert finished.code == 4
    assert "Traceback" in finished.err


@pytest.mark.parametrize("debug", [[], ["--debug"]])
@pytest.mark.parametrize("kind", [UsageError, Unreadable, KeyError, ValueError])
def test_a_name_in_an_error_neither_begins_a_line_nor_steers_the_terminal(
    cli: Cli, doctor: FakeDoctor, kind: type[Exception], debug: list[str]
) -> None:
    doctor.error = kind("no pod web\nmeshdoctor: FORGED\r\x1b[2J\x85\u2028\u202e")
    err = cli(*debug, "check", "--from", "x").err
    assert err.replace("\n", "").isprintable()
    assert "no pod web" in err
    assert debug or not [line for line in err.split("\n") if line.startswith("meshdoctor: FORGED")]


def test_an_error_of_several_lines_has_them(cli: Cli, doctor: FakeDoctor) -> None:
    doctor.error = UsageError(in_lines(("a.yaml:1: wrong", "b\n.yaml:2: wrong")))
    assert cli("check", "--from", "x").err == "meshdoctor: a.yaml:1: wrong\nb\\x0a.yaml:2: wrong\n"


def test_a_fault_of_its_own_says_how_to_report_it(cli: Cli, doctor: FakeDoctor) -> None:
    doctor.error = KeyError("surprise")
    err = cli("check", "--from", "x").err
    assert "KeyError: 'surprise'" in err
    assert "meshdoctor --debug" in err
