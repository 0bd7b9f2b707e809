"""What the journal says where the disk is full, two processes want one fix, or two clusters have one address."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshdoctor.fixes.apply import acceptance
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.model.fix import JournalEntry
from tests.cluster.apiserver import FakeApi, status
from tests.cluster.test_fix import applied, blocked, clash, entry_of, objects, once, state, states
from tests.conftest import Cli

pytestmark = pytest.mark.usefixtures("kubeconfig")

__all__ = ["blocked", "clash", "state"]

UNDO = ("undo", "1", "--yes", "--dns", "local", "--wait", "1s")


def full_disk(after: int) -> Callable[[Journal, JournalEntry], JournalEntry]:
    """A journal on a disk that is full after so many entries were written."""
    really, left = Journal._put, [None] * after

    def put(self: Journal, entry: JournalEntry) -> JournalEntry:
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        left.pop()
        return really(self, entry)

    return put


@pytest.mark.parametrize("after", [1, 2])
def test_a_disk_that_fills_up_between_two_writes_takes_the_fix_back(
    cli: Cli, clash: FakeApi, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    before = [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")]
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "_put", full_disk(after))
        done = applied(cli, "github.com:443")
    assert (done.code, done.out) == (4, "")
    assert "No space left on device" in done.err
    assert "still has fix 1 as planned" in done.err
    assert "Nothing was changed" not in done.err
    assert [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")] == before
    undone = cli(*UNDO)
    assert (undone.code, states()) == (0, ["undone"]), undone.err


def test_a_full_disk_stops_an_undo_before_it_begins(
    cli: Cli, blocked: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(cli)
    fixed = objects(blocked)
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "_put", full_disk(0))
        assert cli(*UNDO).code == 4
    assert (objects(blocked), states()) == (fixed, ["verified"])
    assert (cli(*UNDO).code, states()) == (0, ["undone"])


def test_an_undo_that_stops_half_way_can_be_ended(cli: Cli, clash: FakeApi) -> None:
    before = [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")]
    applied(cli, "github.com:443")
    refused = status(403, "quota", "Forbidden")
    clash.faults.append(
        once(refused, lambda asked: asked.is_write and "dryRun" not in asked.query and bool(asked.name))
    )
    ended = states()
    assert (cli(*UNDO).code, states()) == (4, ended)
    clash.faults.append(
        once(refused, lambda asked: asked.is_write and "dryRun" not in asked.query and asked.name == "github")
    )
    assert (cli(*UNDO).code, states()) == (4, ["applied"])
    assert "did not end" in Journal().get(1).note
    cli(*UNDO)
    assert states() == ["undone"]
    assert [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")] == before


def test_a_fix_that_another_process_works_on_is_left_to_it(
    cli: Cli, blocked: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[Any] = []
    waits = acceptance.AcceptanceWatch.wait

    def meanwhile(self: acceptance.AcceptanceWatch, *given: Any) -> Any:
        if not others:
            others.extend(cli(*command) for command in (UNDO, ("fix", "--resume", "1", "--yes", "--dns", "local")))
        return waits(self, *given)

    monkeypatch.setattr(acceptance.AcceptanceWatch, "wait", meanwhile)
    done = applied(cli)
    assert (done.code, states()) == (0, ["verified"])
    for other in others:
        assert other.code == 2
        assert "another meshdoctor process is working on fix 1" in other.err


def named(api: FakeApi, uid: str) -> None:
    spaces = api.objects["namespaces"]
    spaces[:] = [space for space in spaces if space["metadata"]["name"] != "kube-system"]
    spaces.append({"metadata": {"name": "kube-system", "uid": uid}})


def test_another_cluster_at_the_same_address_is_another_cluster(cli: Cli, blocked: FakeApi, state: Path) -> None:
    named(blocked, "one")
    applied(cli)
    named(blocked, "other")
    before = objects(blocked)
    for command in (UNDO, ("fix", "--resume", "1", "--yes")):
        done = cli(*command)
        assert (done.code, objects(blocked)) == (2, before), done.err
    named(blocked, "one")
    path = state / "journal" / "000001.json"
    path.write_text(path.read_text().replace(blocked.address, "https://127.0.0.1:1"))
    assert (cli(*UNDO).code, states()) == (0, ["undone"])
