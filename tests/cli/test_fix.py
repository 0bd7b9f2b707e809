"""`fix` and `undo` on files: what is shown, what is written, what is refused, and that undo brings every byte back."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from meshdoctor.bundled import snapshots_dir
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.plan import fix_plan
from meshdoctor.model.fix import Impact, PredictedChange
from tests.conftest import Cli
from tests.golden.fixes import HISTORY, STEER, entry

BLOCKED = ("--from", "demo:mysql-blocked")
CLASH = ("--from", "demo:tcp-port-clash")
DATABASE = "db.payments.example:3306"
MADE = Path("meshdoctor-fixes/serviceentry-bookinfo-db-payments-example-3306.yaml")

MANIFESTS = """\
# The way out of bookinfo. Ask the platform team before you change it.
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: github, namespace: bookinfo}
spec:
  hosts: [github.com]   # the real one
  location: MESH_EXTERNAL
  ports:
  - name: tcp
    number: 443
    protocol: TCP     # since 2019
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: hwcloud, namespace: bookinfo}
spec:
  hosts:
    - www.huaweicloud.com
  location: MESH_EXTERNAL
  ports:
    - {name: tcp, number: 443, protocol: TCP}
  resolution: DNS
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and a journal of its own beside it."""
    monkeypatch.setenv("MESHDOCTOR_STATE", str(tmp_path / "state"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def manifests(elsewhere: Path) -> Path:
    """Two entries in one file of the user's own."""
    path = elsewhere / "manifests" / "egress.yaml"
    path.parent.mkdir()
    path.write_text(MANIFESTS)
    return path


class Typist(io.StringIO):
    """A terminal somebody types at."""

    def isatty(self) -> bool:
        return True


def types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", Typist(text))


def written(folder: Path) -> dict[str, str]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def states() -> list[str]:
    return [one.state for one in Journal().entries()]


def document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_list_leads_to_a_preview(cli: Cli) -> None:
    done = cli("fix", *BLOCKED)
    assert (done.code, done.err) == (1, "")
    assert DATABASE in done.out
    (command,) = re.findall("^  meshdoctor (.*)$", done.out, re.MULTILINE)
    shown = cli(*command.split())
    assert (shown.code, shown.err) == (1, "")
    assert f"{DATABASE}: blocked -> delivered" in shown.out


@pytest.mark.parametrize(
    ("source", "code"), [("demo:mysql-blocked", 1), ("demo:mysql-no-addresses", 1), ("demo:healthy", 0)]
)
def test_a_list_exits_as_check_does(cli: Cli, source: str, code: int) -> None:
    assert cli("fix", "--from", source).code == cli("check", "--from", source).code == code


def test_a_list_without_one_dump_is_no_verdict(cli: Cli, elsewhere: Path) -> None:
    copytree(snapshots_dir() / "healthy" / "resources", elsewhere / "capture" / "resources")
    done = cli("fix", "--from", "capture")
    assert (done.code, "? not evaluated: " in done.out) == (3, True)
    assert "no verdict was possible" in done.err


def test_the_list_and_a_preview_as_json(cli: Cli) -> None:
    listed = document(cli("fix", *CLASH, "--json").out)
    assert listed["document"] == "fix-findings"
    fingerprint = next(f["fingerprint"] for f in listed["findings"] if f["rule"] == "tcp-port-clash")
    shown = document(cli("fix", fingerprint, "--fix", "set-addresses", *CLASH, "--json").out)
    assert (shown["document"], shown["fix"]["id"]) == ("fix-preview", "set-addresses")
    assert {change["name"] for change in shown["changes"]} == {"github", "hwcloud"}
    assert all("+  addresses:" in change["diff"] for change in shown["changes"])


def test_what_may_follow_a_preview_names_the_same_source_and_fix(cli: Cli) -> None:
    shown = cli("fix", "github.com:443", "--fix", "set-addresses", *CLASH, "-n", "bookinfo").out
    follow = re.findall(r"^  meshdoctor fix (\w+) (.*)$", shown, re.MULTILINE)
    tail = "--fix set-addresses --from demo:tcp-port-clash -n bookinfo"
    assert [rest for _, rest in follow] == [f"{tail} --apply", f"{tail} --export DIR"]
    assert "--apply" not in cli("fix", "github.com:443", *CLASH, "--read-only").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("db.payments.exmple:3306",), f"no finding db.payments.exmple:3306. Did you mean {DATABASE}?"),
        ((DATABASE, "--fix", "tcp-by-adress"), "Did you mean tcp-by-address?"),
        ((DATABASE, "--fix", "dns-capture", "--apply", "--yes"), "is manual: nothing is written"),
        ((DATABASE, "--fix", "dns-capture", "--export", "out"), "is manual: nothing is written"),
        ((DATABASE, "--apply", "--export", "out"), "leave one out"),
        ((DATABASE, "--apply", "--yes", "--read-only"), "--read-only refuses"),
        ((DATABASE, "--history"), "--history takes no other option"),
        (("--resume", "3", "--apply"), "--resume takes no other option of a fix: leave --apply out"),
        (("--resume", "3", "--history"), "--history and --resume exclude each other"),
        (("--resume", "3", "--read-only"), "--read-only refuses"),
        (("--resume", "3"), "no fix 3 in"),
        (("--apply",), "--apply needs a finding"),
        (("--export", "out"), "--export needs a finding"),
        (("--fix", "x"), "--fix needs a finding"),
        ((DATABASE, "--apply", "--wait", "soon"), "is not a duration"),
        ((DATABASE, "--apply"), "stdin is not a terminal: give --yes. Nothing was changed"),
    ],
)
def test_wrong_usage_writes_nothing(cli: Cli, elsewhere: Path, arguments: tuple[str, ...], said: str) -> None:
    done = cli("fix", *arguments, *BLOCKED)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert written(elsewhere.parent) == {}


def test_a_name_of_several_findings_asks_which(cli: Cli) -> None:
    done = cli("fix", "tcp-hosts-ignored", "--from", "demo:tcp-port-clash-scoped")
    assert (done.code, done.out) == (2, "")
    assert "tcp-hosts-ignored matches 2 findings. Choose one by its fingerprint:" in done.err
    names = re.findall(r"^  ([0-9a-f]{8})  ", done.err, re.MULTILINE)
    assert len(names) == 2
    assert all(cli("fix", name, "--from", "demo:tcp-port-clash-scoped").code == 0 for name in names)


def test_a_fix_of_a_capture_is_written_beside_it_and_taken_back(cli: Cli, elsewhere: Path) -> None:
    done = cli("fix", DATABASE, *BLOCKED, "--apply", "--yes")
    assert done.code == 0
    assert f"✓ created {MADE}" in done.out
    assert done.err.startswith(f"--- /dev/null\n+++ {MADE}\n")
    assert set(written(elsewhere)) == {str(MADE)}
    assert "kind: ServiceEntry" in MADE.read_text()
    assert states() == ["written"]
    undone = cli("undo", "--yes")
    assert (undone.code, states(), written(elsewhere)) == (0, ["undone"], {})
    assert f"as before the fix: {MADE}" in " ".join(undone.out.split())


def test_what_is_there_already_is_not_written_over(cli: Cli, elsewhere: Path) -> None:
    assert cli("fix", DATABASE, *BLOCKED, "--apply", "--yes").code == 0
    again = cli("fix", DATABASE, *BLOCKED, "--apply", "--yes")
    assert (again.code, states()) == (4, ["written"])
    assert f"{MADE} already exists" in again.err


def test_ones_own_manifests_keep_comments_and_style_and_come_back_byte_for_byte(cli: Cli, manifests: Path) -> None:
    done = cli("fix", "github.com:443", *CLASH, "-f", "manifests", "--apply", "--yes", "--json")
    assert done.code == 0
    assert done.err.startswith("--- manifests/egress.yaml\n+++ manifests/egress.yaml\n")
    made = manifests.read_text()
    changed = [line for line in made.splitlines() if line not in MANIFESTS.splitlines()]
    assert changed == [
        "  - name: tls",
        "    protocol: TLS     # since 2019",
        "    - {name: tls, number: 443, protocol: TLS}",
    ]
    fix = document(done.out)["fix"]
    assert (fix["state"], document(done.out)["verification"]) == ("written", None)
    assert fix["files"] == [{"action": "update", "path": str(manifests)}]
    undone = cli("undo", "--yes", "--json")
    assert (undone.code, document(undone.out)["document"]) == (0, "fix-undo")
    assert manifests.read_text() == MANIFESTS


def test_somebody_who_is_asked_sees_the_diff_first_and_may_say_no(
    cli: Cli, manifests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in ("n\n", "\n", ""):
        types(monkeypatch, answer)
        done = cli("fix", "github.com:443", *CLASH, "-f", "manifests", "--apply")
        assert (done.code, done.out, states()) == (130, "", [])
        assert done.err.index("impact\n------") < done.err.index("+++ manifests/egress.yaml")
        assert done.err.endswith("write manifests/egress.yaml? [y/N] meshdoctor: nothing was changed\n")
        assert manifests.read_text() == MANIFESTS
    types(monkeypatch, "y\n")
    assert cli("fix", "github.com:443", *CLASH, "-f", "manifests", "--apply").code == 0
    types(monkeypatch, "n\n")
    asked = cli("undo")
    assert (asked.code, states()) == (130, ["written"])
    assert "-    protocol: TLS     # since 2019\n+    protocol: TCP     # since 2019\n" in asked.err
    types(monkeypatch, "Y\n")
    assert cli("undo").code == 0
    assert manifests.read_text() == MANIFESTS


def test_what_gets_worse_stands_right_before_the_question(
    cli: Cli, manifests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = PredictedChange("pay.test", 443, ("shop/web-1",), "delivered", "blocked", is_worse=True, because="")
    better = PredictedChange("github.com", 443, ("shop/web-1",), "misrouted", "delivered", is_worse=False, because="")
    monkeypatch.setattr(fix_plan, "impact_of", lambda *_, **__: Impact(connections=(worse, better)))
    types(monkeypatch, "n\n")
    done = cli("fix", "github.com:443", *CLASH, "-f", "manifests", "--apply")
    assert (done.code, manifests.read_text(), states()) == (130, MANIFESTS, [])
    last = done.err[done.err.index("This makes something worse:") :]
    assert "pay.test:443: delivered -> blocked for shop/web-1\n" in last
    assert "github.com" not in last
    assert last.endswith("write manifests/egress.yaml? [y/N] meshdoctor: nothing was changed\n")
    assert cli("fix", "github.com:443", *CLASH, "-f", "manifests", "--apply", "--yes").code == 0, "--yes is never asked"


@pytest.mark.parametrize(
    ("text", "because"),
    [(MANIFESTS.split("---\n")[0], "hwcloud"), (MANIFESTS + "---\n" + MANIFESTS.split("---\n")[0], "github")],
    ids=["one is in no file", "one is in two places"],
)
def test_an_object_without_one_home_is_left_alone(cli: Cli, manifests: Path, text: str, because: str) -> None:
    manifests.write_text(text)
    done = cli("fix", "github.com:443", *CLASH, "-f", "manifests", "--apply", "--yes")
    assert (done.code, done.out, states()) == (4, "", [])
    assert because in done.err
    assert "--export" in done.err
    assert manifests.read_text() == text


def test_undo_leaves_a_file_alone_that_was_changed_since(cli: Cli, manifests: Path) -> None:
    cli("fix", "github.com:443", *CLASH, "-f", "manifests", "--apply", "--yes")
    since = manifests.read_text() + "# mine\n"
    manifests.write_text(since)
    done = cli("undo", "--yes")
    assert (done.code, states()) == (4, ["written"])
    assert "changed since the fix" in done.err
    assert manifests.read_text() == since


def test_undo_twice_of_nothing_and_of_a_number_that_is_not_there(cli: Cli) -> None:
    assert "nothing to undo" in cli("undo", "--yes").err
    cli("fix", DATABASE, *BLOCKED, "--apply", "--yes")
    assert cli("undo", "1", "--yes").code == 0
    for arguments, said in (((), "nothing to undo"), (("1",), "fix 1 is undone"), (("2",), "no fix 2 in")):
        done = cli("undo", *arguments, "--yes")
        assert (done.code, said in done.err) == (2, True)


def test_undo_in_a_script_has_to_say_yes(cli: Cli, elsewhere: Path) -> None:
    cli("fix", DATABASE, *BLOCKED, "--apply", "--yes")
    done = cli("undo")
    assert (done.code, states(), set(written(elsewhere))) == (2, ["written"], {str(MADE)})
    assert "give --yes" in done.err


def test_an_interrupted_fix_of_files_goes_on(cli: Cli, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("fix", DATABASE, *BLOCKED, "--apply", "--yes")
    made = written(elsewhere)
    journal = Journal()
    journal.update(journal.get(1), state="planned", note="")
    MADE.unlink()
    assert "meshdoctor fix --resume 1" in cli("fix", "--history").out
    assert cli("fix", "--resume", "1").code == 2
    types(monkeypatch, "n\n")
    assert (cli("fix", "--resume", "1").code, written(elsewhere)) == (130, {})
    assert cli("fix", "--resume", "1", "--yes").code == 0
    assert (written(elsewhere), states()) == (made, ["written"])
    assert "there is nothing to resume" in cli("fix", "--resume", "1", "--yes").err


def test_an_export_is_written_once(cli: Cli, elsewhere: Path) -> None:
    first = cli("fix", DATABASE, *BLOCKED, "--export", "out")
    files = written(elsewhere)
    assert first.code == 0
    assert "out/kustomization.yaml" in files
    assert re.search(r"^  kubectl apply --server-side .* -f out/serviceentry", first.out, re.MULTILINE)
    assert re.search(r"^  kubectl delete ", first.out, re.MULTILINE)
    again = cli("fix", DATABASE, *BLOCKED, "--export", "out")
    assert (again.code, written(elsewhere)) == (0, files)
    assert "nothing was written" in again.out
    assert states() == []


def test_an_export_as_json_and_to_a_folder_with_other_content(cli: Cli, elsewhere: Path) -> None:
    done = document(cli("fix", "github.com:443", *CLASH, "--export", "out", "--json").out)
    assert done["document"] == "fix-export"
    assert sorted(f"out/{name}" for name in done["written"]) == sorted(written(elsewhere))
    assert all(command["undo"] for command in done["commands"])
    (elsewhere / "out" / "kustomization.yaml").write_text("mine\n")
    files = written(elsewhere)
    refused = cli("fix", "github.com:443", *CLASH, "--export", "out")
    assert (refused.code, refused.out, written(elsewhere)) == (4, "", files)
    assert "already has files of these names with other content: kustomization.yaml" in refused.err


def test_read_only_still_exports(cli: Cli, elsewhere: Path) -> None:
    assert cli("fix", DATABASE, *BLOCKED, "--read-only", "--export", "out").code == 0
    assert "out/kustomization.yaml" in written(elsewhere)


def test_history_of_nothing_and_of_everything(cli: Cli) -> None:
    assert cli("fix", "--history") == (0, "the journal is empty: no fix was applied yet\n", "")
    journal = Journal()
    journal.folder.mkdir(parents=True)
    for one in HISTORY:
        journal.put(one)
    done = cli("fix", "--history")
    assert (done.code, STEER in done.out) == (0, False)
    assert re.findall(r"^. (\d) ", done.out, re.MULTILINE) == list("87654321")
    fixes = document(cli("fix", "--history", "--json").out)["fixes"]
    assert [fix["state"] for fix in fixes] == [one.state for one in HISTORY]


@pytest.mark.parametrize("content", [b"{", b'{"id": 1}', b"\xff\xfe", b'{"schema": 2}'])
def test_a_journal_file_that_is_broken_is_named(cli: Cli, content: bytes) -> None:
    journal = Journal()
    journal.folder.mkdir(parents=True)
    journal.put(entry(id=1))
    path = journal.folder / "000002.json"
    path.write_bytes(content)
    for command in (("fix", "--history"), ("undo", "2", "--yes"), ("undo", "--yes")):
        done = cli(*command)
        assert (done.code, str(path) in done.err, "Traceback" in done.err) == (4, True, False)


def test_a_journal_file_that_is_broken_hides_no_other(cli: Cli) -> None:
    journal = Journal()
    journal.folder.mkdir(parents=True)
    broken = journal.folder / "000002.json"
    broken.write_bytes(b"{")
    done = cli("fix", "--history")
    assert (done.code, done.out, str(broken) in done.err) == (4, "", True)
    for number in (1, 3):
        journal.put(entry(id=number))
    done = cli("fix", "--history")
    assert (done.code, str(broken) in done.err) == (4, True)
    assert re.findall(r"^. (\d) ", done.out, re.MULTILINE) == ["3", "1"]
    done = cli("fix", "--history", "--json")
    assert (done.code, [fix["id"] for fix in document(done.out)["fixes"]]) == (4, [1, 3])


def test_a_journal_that_cannot_be_written_keeps_everything_as_it_is(
    cli: Cli, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere.parent / "state").write_text("a file where a folder should be")
    done = cli("fix", DATABASE, *BLOCKED, "--apply", "--yes")
    assert (done.code, written(elsewhere)) == (4, {})
    assert "Nothing was changed: free disk space or make the folder writable, or set MESHDOCTOR_STATE" in done.err


def test_a_fix_of_a_cluster_is_not_undone_in_files(cli: Cli) -> None:
    journal = Journal()
    journal.folder.mkdir(parents=True)
    journal.put(entry(id=1, state="planned"))
    done = cli("fix", "--resume", "1", "--yes", "--kubeconfig", "nowhere")
    assert (done.code, "nowhere" in done.err) == (4, True)
