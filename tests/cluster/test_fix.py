"""`fix --apply` and `undo` on a cluster: what stops a fix before anything is changed, and what it leaves behind."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshdoctor.fixes.apply import acceptance, cluster_applier
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.kube import writes as writing
from meshdoctor.sources.live import dns_lookup
from tests.cluster.apiserver import Answer, Asked, FakeApi, status
from tests.cluster.conftest import write_kubeconfig
from tests.cluster.meshes import RATINGS, pages_of, put_snapshot
from tests.cluster.store import find, put
from tests.conftest import Cli, Finished

pytestmark = pytest.mark.usefixtures("kubeconfig")

DATABASE = "db.payments.example:3306"
ENTRY = ("serviceentries", "bookinfo", "db-payments-example-3306")
HOW = ("--dns", "local", "--logs-since", "0", "--wait", "1s")
STATS = acceptance._STATS


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of its own, no pauses, and DNS."""
    folder = tmp_path / "state"
    monkeypatch.setenv("MESHDOCTOR_STATE", str(folder))
    for module, name in (
        (cluster_applier, "_PAUSE"),
        (acceptance, "_PAUSE"),
        (acceptance, "_SETTLE"),
        (acceptance, "_STRAGGLE"),
    ):
        monkeypatch.setattr(module, name, 0.0)
    monkeypatch.setattr(dns_lookup, "_local", lambda host: ("203.0.113.10",))
    return folder


@pytest.fixture
def blocked(api: FakeApi) -> FakeApi:
    """A cluster whose database nobody registered, and an istiod that pushes what is written."""
    put_snapshot(api, "mysql-blocked")
    api.objects.setdefault("serviceentries", [])
    pushes = 0

    def push() -> None:
        nonlocal pushes
        pushes += 1
        there = find(api, *ENTRY) is not None
        pages = pages_of("mysql-tcp-ok" if there else "mysql-blocked")
        api.envoys[RATINGS].pages = {**pages, STATS: stats(pushes)}

    api.on_write = push
    push()
    return api


@pytest.fixture
def clash(api: FakeApi) -> FakeApi:
    """A cluster with two entries on one port: their fix writes to both."""
    put_snapshot(api, "tcp-port-clash")
    api.envoys[RATINGS].pages[STATS] = stats(1)
    return api


def stats(version: int) -> bytes:
    names_ = ("cluster_manager.cds", "listener_manager.lds")
    return "".join(f"{name}.update_rejected: 0\n{name}.version: {version}\n" for name in names_).encode()


def applied(cli: Cli, finding: str = DATABASE, *more: str) -> Finished:
    return cli("fix", finding, "--apply", "--yes", *HOW, *more)


def writes(api: FakeApi) -> list[Asked]:
    """Requests that change an object, unless something stops them."""
    return [asked for asked in api.asked if asked.is_write]


def objects(api: FakeApi) -> str:
    return json.dumps(api.objects, sort_keys=True)


def states() -> list[str]:
    return [entry.state for entry in Journal().entries()]


def once(answer: Answer, wanted: Callable[[Asked], bool]) -> Callable[[Asked], Answer | None]:
    """A fault of the first request that is wanted."""
    left = [answer]
    return lambda asked: left.pop() if left and wanted(asked) else None


def entry_of(api: FakeApi, name: str) -> dict[str, Any]:
    found = find(api, "serviceentries", "bookinfo", name)
    assert found is not None
    return found


def managed(body: dict[str, Any], manager: str, operation: str, *fields: str) -> None:
    own: dict[str, Any] = {"f:spec": {f"f:{field}": {} for field in fields}}
    body["metadata"]["managedFields"] = [{"manager": manager, "operation": operation, "fieldsV1": own}]


def test_a_fix_is_applied_verified_and_undone(cli: Cli, blocked: FakeApi) -> None:
    before = objects(blocked)
    done = applied(cli, DATABASE, "--json")
    report = json.loads(done.out)
    assert (done.code, report["fix"]["state"]) == (0, "verified")
    assert (report["verification"]["holds"], report["proxies"]["accepted"]) == (True, [RATINGS])
    assert [turn["after"] for turn in report["verification"]["improvements"]] == ["delivered"]
    (made,) = writes(blocked)
    assert (made.verb, made.query["fieldManager"]) == ("patch", ["meshdoctor"])
    assert entry_of(blocked, ENTRY[2])["spec"]["addresses"] == ["203.0.113.10/32"]
    assert cli("fix", *HOW).code == 0
    undone = cli("undo", "--yes", "--dns", "local", "--wait", "1s", "--json")
    report = json.loads(undone.out)
    assert (undone.code, states(), objects(blocked)) == (0, ["undone"], before)
    differs = report["changes"]
    assert [differs.pop(when) != "" for when in ("before_at", "after_at")] == [True, True]
    assert differs == {"regressions": [], "improvements": [], "new_findings": [], "unread": [], "ownership_changes": []}


def test_every_step_is_told_and_the_end_stands_on_stdout(cli: Cli, blocked: FakeApi) -> None:
    done = applied(cli, DATABASE, "--context", "lab")
    steps = [line.strip() for line in done.err.splitlines()]
    assert steps == [
        "the server accepts the change (dry run)",
        "fix 1 is in the journal",
        "created ServiceEntry bookinfo/db-payments-example-3306",
        "applied",
        "checking again",
        "the finding is gone and there is no regression",
    ]
    assert done.out.startswith("✓ fix 1 is applied and verified: ")
    assert done.out.endswith("To undo it:\n  meshdoctor undo 1 --context lab\n")


def test_the_journal_is_written_before_the_object(cli: Cli, blocked: FakeApi, state: Path) -> None:
    seen: list[list[str]] = []
    blocked.faults.append(lambda asked: seen.append(states()) if asked.is_write else None)
    assert applied(cli).code == 0
    assert seen == [["planned"]]
    assert not [path for path in state.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]


def test_a_preview_and_an_export_write_nothing(cli: Cli, blocked: FakeApi, tmp_path: Path) -> None:
    assert cli("fix", DATABASE, *HOW).code == 1
    assert cli("fix", DATABASE, "--export", str(tmp_path / "out"), *HOW).code == 0
    assert {asked.verb for asked in blocked.asked} <= {"list", "get"}
    assert states() == []


def test_what_follows_a_preview_names_the_cluster(cli: Cli, blocked: FakeApi) -> None:
    shown = cli("fix", DATABASE, "--context", "prod", "-n", "bookinfo", *HOW).out
    assert re.search("^  meshdoctor fix [0-9a-f]{8} --context prod -n bookinfo --apply$", shown, re.MULTILINE)


def test_nobody_who_cannot_be_asked_applies(cli: Cli, blocked: FakeApi) -> None:
    done = cli("fix", DATABASE, "--apply", *HOW)
    assert (done.code, done.out, states()) == (2, "", [])
    assert not [asked for asked in blocked.asked if asked.verb not in ("list", "get")]


class Typist(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_question_names_the_cluster_and_no_is_no(
    cli: Cli, blocked: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Typist("no\n"))
    done = cli("fix", DATABASE, "--apply", *HOW)
    assert (done.code, done.out, states(), writes(blocked)) == (130, "", [], [])
    assert done.err.endswith("to lab? [y/N] meshdoctor: nothing was changed\n")
    monkeypatch.setattr(sys, "stdin", Typist("yes\n"))
    assert cli("fix", DATABASE, "--apply", *HOW).code == 0
    monkeypatch.setattr(sys, "stdin", Typist("no\n"))
    asked = cli("undo", "--dns", "local")
    assert (asked.code, states()) == (130, ["verified"])
    assert asked.err.endswith("undo it in lab? [y/N] meshdoctor: nothing was changed\n")


@pytest.mark.parametrize("verb", ["patch", "create"])
def test_a_right_that_is_missing_stops_it_before_the_dry_run(cli: Cli, blocked: FakeApi, verb: str) -> None:
    blocked.forbidden = lambda asked: asked.verb == verb and asked.resource == "serviceentries"
    done = applied(cli)
    assert (done.code, done.out, states()) == (4, "", [])
    assert (
        f"this account may not {verb} serviceentries.networking.istio.io in namespace bookinfo (no rule\\x1b[31m)"
        in done.err
    )
    assert "meshdoctor rbac --apply" in done.err
    assert "--export" in done.err
    assert not [asked for asked in blocked.asked if asked.verb in ("patch", "delete")]


def test_where_reviews_are_not_answered_the_dry_run_tells(cli: Cli, blocked: FakeApi) -> None:
    blocked.forbidden = lambda asked: asked.verb in ("patch", "create")
    blocked.faults.append(
        lambda asked: status(403, "no", "Forbidden") if asked.resource == "selfsubjectaccessreviews" else None
    )
    done = applied(cli)
    assert (done.code, done.out, states(), writes(blocked)) == (4, "", [], [])
    assert 'cannot patch resource "serviceentries"' in done.err


@pytest.mark.parametrize("code", [400, 422])
def test_admission_refuses_in_its_own_words(cli: Cli, blocked: FakeApi, code: int) -> None:
    denied = status(code, 'admission webhook "validation.istio.io" denied the request: no \x1b[2J', "Invalid")
    blocked.faults.append(lambda asked: denied if asked.verb == "patch" else None)
    done = applied(cli)
    assert (done.code, done.out, states(), writes(blocked)) == (4, "", [], [])
    assert "denied the request: no \\x1b[2J" in done.err


def test_a_journal_that_cannot_be_written_stops_it(cli: Cli, blocked: FakeApi, state: Path) -> None:
    state.write_text("a file")
    done = applied(cli)
    assert (done.code, done.out, writes(blocked)) == (4, "", [])
    assert "cannot write the journal" in done.err
    assert "Nothing was changed" in done.err


KEEPERS = [
    ("labels", "app.kubernetes.io/managed-by", "Helm", "Helm"),
    ("annotations", "meta.helm.sh/release-name", "egress\x1b[2J", "Helm"),
    ("annotations", "argocd.argoproj.io/tracking-id", "egress:networking.istio.io/x", "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "apps", "Flux"),
]


@pytest.mark.parametrize(("place", "mark", "value", "tool"), KEEPERS, ids=[mark for _, mark, _, _ in KEEPERS])
def test_what_a_tool_keeps_is_left_to_it(
    cli: Cli, clash: FakeApi, tmp_path: Path, place: str, mark: str, value: str, tool: str
) -> None:
    entry_of(clash, "hwcloud")["metadata"].setdefault(place, {})[mark] = value
    shown = cli("fix", "github.com:443", *HOW).out
    assert f"ServiceEntry bookinfo/hwcloud is managed by {tool}" in " ".join(shown.split())
    done = applied(cli, "github.com:443")
    assert (done.code, done.out, states(), writes(clash)) == (4, "", [], [])
    assert f"ServiceEntry bookinfo/hwcloud is managed by {tool}" in done.err
    assert "\x1b" not in done.err
    assert cli("fix", "github.com:443", "--export", str(tmp_path / "out"), *HOW).code == 0


def test_a_field_that_another_manager_applies_is_not_taken(cli: Cli, clash: FakeApi) -> None:
    managed(entry_of(clash, "hwcloud"), "team-b\x1b[2J", "Apply", "ports", "hosts")
    done = applied(cli, "github.com:443")
    assert (done.code, done.out, states(), writes(clash)) == (4, "", [], [])
    assert "another field manager applies .spec.ports (by team-b\\x1b[2J)" in done.err


def test_what_kubectl_wrote_is_edited_and_it_is_said(cli: Cli, clash: FakeApi) -> None:
    managed(entry_of(clash, "hwcloud"), "kubectl-client-side-apply", "Update", "ports", "hosts")
    done = applied(cli, "github.com:443")
    assert entry_of(clash, "hwcloud")["spec"]["ports"][0]["protocol"] == "TLS"
    assert "ServiceEntry bookinfo/hwcloud was written by kubectl-client-side-apply" in done.err
    assert done.code == 1, "nothing pushed the change: the finding is still there"


def test_a_fix_that_is_not_verified_says_so_and_is_undone(cli: Cli, clash: FakeApi) -> None:
    before = [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")]
    done = applied(cli, "github.com:443")
    assert (done.code, states()) == (1, ["unverified"])
    text = " ".join(done.out.split())
    assert "! fix 1 is applied, not verified" in text
    assert f"? pending: no new configuration was seen in {RATINGS}" in text
    assert "github.com:443: the finding is still there" in text, done.out
    assert cli("undo", "--yes", "--dns", "local", "--wait", "1s").code == 0
    assert [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")] == before


def test_an_object_that_changed_since_it_was_read_is_not_written(cli: Cli, clash: FakeApi) -> None:
    def meddle(asked: Asked) -> None:
        if asked.verb == "get" and asked.name == "hwcloud":
            body = entry_of(clash, "hwcloud")
            body["spec"] = {**body["spec"], "exportTo": ["."]}
            managed(body, "sam", "Update", "exportTo")

    clash.faults.append(meddle)
    done = applied(cli, "github.com:443")
    assert (done.code, done.out, states(), writes(clash)) == (4, "", [], [])
    assert "was changed since it was read (by sam). Nothing was changed: check again" in done.err


def test_somebody_who_writes_between_dry_run_and_write_wins(cli: Cli, clash: FakeApi) -> None:
    def meddle(asked: Asked) -> None:
        if asked.is_write and asked.name == "github":
            clash.faults.remove(meddle)
            body = entry_of(clash, "github")
            put(clash, "serviceentries", body, {**body, "spec": {**body["spec"], "exportTo": ["."]}})

    clash.faults.append(meddle)
    done = applied(cli, "github.com:443")
    assert (done.code, done.out, states()) == (4, "", ["failed"])
    assert "Fix 1 was not applied: nothing was changed" in done.err
    assert entry_of(clash, "github")["spec"]["exportTo"] == ["."]
    assert {port["protocol"] for name in ("github", "hwcloud") for port in entry_of(clash, name)["spec"]["ports"]} == {
        "TCP"
    }


def test_an_api_server_that_goes_away_before_the_write(cli: Cli, blocked: FakeApi) -> None:
    before = objects(blocked)
    blocked.faults.append(once((0, b""), lambda asked: asked.is_write))
    done = applied(cli)
    assert (done.code, done.out, objects(blocked)) == (4, "", before)
    assert "does not answer" in done.err
    assert (states(), "nothing was changed" in done.err) == (["failed"], True)


def test_an_api_server_that_goes_away_and_stays_away(
    cli: Cli, blocked: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go(asked: Asked) -> Answer | None:
        is_gone = any(earlier.is_write for earlier in blocked.asked)
        return (0, b"") if is_gone else None

    blocked.faults.append(go)
    with monkeypatch.context() as patched:
        patched.setattr(writing, "SECONDS", 1.0)
        done = applied(cli)
    assert (done.code, done.out, states()) == (4, "", ["applied"])
    assert "`meshdoctor undo 1` undoes it, `meshdoctor fix --resume 1` resumes it" in done.err
    blocked.faults.clear()
    assert "interrupted" in cli("fix", "--history").out
    resumed = cli("fix", "--resume", "1", "--yes", *HOW)
    assert (resumed.code, states()) == (0, ["verified"])


def test_a_second_write_that_fails_takes_the_first_one_back(cli: Cli, clash: FakeApi) -> None:
    before = [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")]
    denied = status(403, "quota", "Forbidden")
    clash.faults.append(once(denied, lambda asked: asked.is_write and asked.name == "hwcloud"))
    done = applied(cli, "github.com:443")
    assert (done.code, done.out, states()) == (4, "", ["failed"])
    assert "rolled back ServiceEntry bookinfo/github" in done.err
    assert [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")] == before
    assert "nothing to undo" in cli("undo", "--yes").err


def test_an_undo_leaves_alone_what_others_changed_since(cli: Cli, clash: FakeApi) -> None:
    applied(cli, "github.com:443")
    body = entry_of(clash, "github")
    body["spec"] = {**body["spec"], "ports": [{"number": 443, "name": "https", "protocol": "HTTPS"}]}
    done = cli("undo", "--yes", "--dns", "local")
    assert (done.code, done.out, states()) == (4, "", ["unverified"])
    assert "github was changed since" in done.err
    assert body["spec"]["ports"][0]["protocol"] == "HTTPS"


def test_an_undo_keeps_what_others_changed_in_another_field(cli: Cli, clash: FakeApi) -> None:
    before = [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")]
    applied(cli, "github.com:443")
    body = entry_of(clash, "github")
    body["spec"] = {**body["spec"], "exportTo": ["*"]}
    done = cli("undo", "--yes", "--dns", "local")
    assert (done.code, states()) == (0, ["undone"])
    assert [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")] == [
        {**before[0], "exportTo": ["*"]},
        before[1],
    ]


def test_an_undo_on_another_cluster_is_refused(cli: Cli, blocked: FakeApi, tmp_path: Path) -> None:
    applied(cli)
    other = write_kubeconfig(tmp_path / "other", "http://127.0.0.1:9")
    for command in (("undo", "1"), ("fix", "--resume", "1")):
        done = cli(*command, "--yes", "--kubeconfig", str(other))
        assert (done.code, done.out, states()) == (2, "", ["verified"]), done.err
    assert f"was applied to context lab ({blocked.address})" in cli("undo", "--yes", "--kubeconfig", str(other)).err


def test_an_undo_that_cannot_be_judged_is_no_verdict(cli: Cli, blocked: FakeApi) -> None:
    applied(cli)
    blocked.forbidden = lambda asked: asked.resource == "pods" and asked.verb == "list"
    done = cli("undo", "--yes", "--dns", "local", "--wait", "1s")
    assert (done.code, states()) == (3, ["undone"])
    assert "the mesh was not checked again" in done.out
    assert "meshdoctor check" in done.err
