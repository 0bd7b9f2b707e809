"""What a verification on a cluster covers and what it compares with; a role for single objects; a resumed fix."""

from __future__ import annotations

import copy
import json

import pytest
from msgspec.structs import replace

from meshdoctor.fixes.apply import acceptance
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.model.fix import OwnershipChange
from tests.cluster.apiserver import FakeApi
from tests.cluster.envoy import Envoy
from tests.cluster.meshes import RATINGS, pages_of
from tests.cluster.test_fix import DATABASE, HOW, STATS, applied, blocked, clash, state, states, stats
from tests.conftest import Cli

pytestmark = pytest.mark.usefixtures("kubeconfig")

__all__ = ["blocked", "clash", "state"]


def test_a_role_for_the_objects_that_change_is_enough(cli: Cli, clash: FakeApi) -> None:
    """RBAC with resourceNames: who asks without a name is told no."""
    named = {"github", "hwcloud"}
    clash.forbidden = lambda asked: (
        asked.resource == "serviceentries" and asked.verb != "list" and asked.name not in named
    )
    assert applied(cli, "github.com:443").code == 1, "nothing pushed the change: the finding is still there"
    assert cli("undo", "--yes", "--dns", "local", "--wait", "1s").code == 0
    named.remove("hwcloud")
    done = applied(cli, "github.com:443")
    assert (done.code, done.out, len(states())) == (4, "", 1)
    assert "may not patch serviceentries.networking.istio.io hwcloud in namespace bookinfo" in done.err


def test_ctrl_c_while_sidecars_are_waited_for_says_how_to_go_on(
    cli: Cli, blocked: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(acceptance.AcceptanceWatch, "wait", interrupt)
        done = applied(cli)
    assert (done.code, done.out, states()) == (130, "", ["applied"])
    assert "interrupted. fix 1 is in the journal: `meshdoctor fix --history` shows" in done.err
    (entry,) = Journal().entries()
    Journal().put(replace(entry, before=replace(entry.before, at="2026-01-01T00:00:00Z")))
    resumed = cli("fix", "--resume", "1", "--yes", *HOW)
    assert (resumed.code, states()) == (0, ["verified"])
    assert "? compared with evidence of 2026-01-01T00:00:00Z, " in resumed.out


def test_a_verification_sees_what_was_written_although_the_servers_cache_does_not(cli: Cli, blocked: FakeApi) -> None:
    blocked.cached = copy.deepcopy(blocked.objects)
    assert applied(cli).code == 0
    assert states() == ["verified"]
    assert lists_from_the_cache_after_the_last_write(blocked) == []
    assert cli("undo", "--yes", "--dns", "local", "--wait", "1s").code == 0
    assert lists_from_the_cache_after_the_last_write(blocked) == []


def lists_from_the_cache_after_the_last_write(api: FakeApi) -> list[str]:
    last = max(number for number, asked in enumerate(api.asked) if asked.is_write)
    lists = [asked for asked in api.asked[last:] if asked.verb == "list"]
    assert lists, "nothing was read again"
    return [asked.resource for asked in lists if "resourceVersion" in asked.query]


def test_a_fix_of_one_namespace_speaks_of_no_other(cli: Cli, blocked: FakeApi) -> None:
    done = applied(cli, DATABASE, "-n", "bookinfo")
    assert done.code == 0
    assert "✓ no regression in namespace bookinfo; other pods were not checked" in done.out
    listed = " ".join(cli("fix", "--history").out.split())
    assert "there is no regression in namespace bookinfo; other pods were not checked" in listed
    undone = " ".join(cli("undo", "--yes", "--dns", "local", "--wait", "1s").out.split())
    assert "every verdict in namespace bookinfo is as before the fix; other pods were not checked" in undone


def test_another_proxy_that_was_not_seen_to_take_it_is_not_spoken_of(cli: Cli, blocked: FakeApi) -> None:
    body = next(pod for pod in blocked.objects["pods"] if pod["metadata"]["name"] == RATINGS.split("/")[1])
    other = json.loads(json.dumps(body))
    other["metadata"] |= {"name": "other", "uid": "other"}
    other["spec"]["containers"] = [
        {name: value for name, value in container.items() if name != "env"} for container in other["spec"]["containers"]
    ]
    blocked.objects["pods"].append(other)
    pages = pages_of("mysql-tcp-ok")
    blocked.envoys["bookinfo/other"] = Envoy({**pages, STATS: stats(1)})
    done = applied(cli, "missing-service-entry@db.payments.example:3306")
    assert done.code == 0, done.out
    text = " ".join(done.out.split())
    assert "? pending: no new configuration was seen in bookinfo/other" in text
    assert "? no regression; not evaluated, as they were not seen to accept it: bookinfo/other" in text


def test_an_undo_says_first_what_it_cannot_give_back(cli: Cli, blocked: FakeApi) -> None:
    applied(cli)
    (entry,) = Journal().entries()
    lost = OwnershipChange("b.test", 9000, "ServiceEntry shop/b-more", "ServiceEntry shop/news", ("shop/web-1",))
    Journal().put(replace(entry, not_restored=(lost,)))
    done = cli("undo", "--yes", "--dns", "local", "--wait", "1s")
    assert "an undo would give b.test:9000 to ServiceEntry shop/news, not back to ServiceEntry shop/b-more" in done.err
    assert (done.code, states()) == (0, ["undone"]), "predicted, and not so"
