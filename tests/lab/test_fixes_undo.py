"""An undo takes back what the fix did and nothing else; a fix writes over nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdoctor.errors import NotApplied
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.apply.object_writes import ManagedElsewhere, Stale, prepare, restore, write
from meshdoctor.fixes.plan.fix_plan import choose, find, plan
from meshdoctor.kube.login import log_in
from meshdoctor.kube.session import Session
from meshdoctor.kube.writes import MANAGER, Conflict, Writer
from meshdoctor.model.fix import Change, OwnershipChange, WrittenChange
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.text.marks import REDACTED
from tests.lab.api import Object
from tests.lab.lab import Lab
from tests.lab.scenario import read_scenario
from tests.lab.test_fixes import verdicts
from tests.lab.test_fixes_interrupted import ENTRIES, applier_of, clash, entry, kill_at, planned_by
from tests.lab.test_scenarios import SCENARIOS

KEY = ObjectRef("ServiceEntry", "shop", "made", api_version="networking.istio.io/v1")


def made(**spec: object) -> Object:
    """An entry that nobody else has."""
    port = {"number": 3306, "name": "tcp", "protocol": "TCP"}
    return {
        "apiVersion": KEY.api_version,
        "kind": KEY.kind,
        "metadata": {"name": KEY.name, "namespace": KEY.namespace},
        "spec": {"hosts": ["made.test"], "ports": [port], "resolution": "DNS", "location": "MESH_EXTERNAL", **spec},
    }


@pytest.fixture
def writer(lab: Lab) -> Writer:
    clash(lab)
    return Writer(Session(log_in(lab.kubeconfig, None)))


def created(writer: Writer) -> WrittenChange:
    change = Change(key=KEY, after=made())
    outcome = write(writer, prepare(writer, change))
    return WrittenChange(change=change, uid=outcome.uid, version=outcome.version)


def is_there(lab: Lab, name: str = KEY.name) -> bool:
    return name in {item["metadata"]["name"] for item in lab.api.items(*ENTRIES)}


@pytest.mark.lab
def test_an_entry_that_is_made_anew_is_the_youngest_and_it_is_said_before_and_after(lab: Lab, tmp_path: Path) -> None:
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "duplicate-holds-a-port"))
    lab.load(scenario)
    feed = "feed.news.test:9000"
    assert verdicts(lab, scenario.probes)[feed] == "blocked"
    applier, look = applier_of(lab, tmp_path)
    seen = look.open()
    finding = find(seen.diagnosis.findings, "duplicate-host")
    planned = plan(seen, finding, choose(finding, "merge"))
    lost = OwnershipChange(
        "api.partner.test", 9000, "ServiceEntry shop/partner-feed", "ServiceEntry shop/news", tuple(scenario_pods(lab))
    )
    assert planned.impact.not_restored == (lost,)
    made = applier.apply(seen, planned, applier.try_out(planned.changes))
    assert made.entry.not_restored == (lost,)
    undone = applier.undo(made.entry, applier.undo_plan(made.entry))
    assert (undone.ownership_changes, undone.is_as_before) == ((lost,), False)
    assert verdicts(lab, scenario.probes)[feed] == "delivered"


def scenario_pods(lab: Lab) -> list[str]:
    return [running.pod.key for running in lab.pods.values()]


@pytest.mark.lab
def test_an_object_that_was_made_anew_is_not_deleted(lab: Lab, writer: Writer) -> None:
    mine = created(writer)
    lab.api.delete(made())
    lab.api.put_all([made()])
    for known in (mine, WrittenChange(change=mine.change)):
        with pytest.raises(Stale, match=r"created again since the fix|kubectl-create wrote it, not meshdoctor"):
            restore(writer, known)
    assert is_there(lab)


@pytest.mark.lab
def test_an_object_that_others_took_over_is_not_deleted(lab: Lab, writer: Writer) -> None:
    mine = created(writer)
    lab.api.apply(made())
    with pytest.raises(Conflict, match=r"another field manager applies .*by lab"):
        restore(writer, mine)
    labelled = made()
    labelled["metadata"]["labels"] = {"argocd.argoproj.io/instance": "egress"}
    lab.api.put_all([labelled])
    with pytest.raises(ManagedElsewhere, match="Argo CD"):
        restore(writer, mine)
    assert is_there(lab)


@pytest.mark.lab
def test_fields_that_others_apply_since_are_not_taken_from_them(lab: Lab, tmp_path: Path) -> None:
    clash(lab)
    applier, look, planned = planned_by(lab, "set-addresses", tmp_path)
    done = applier.apply(look.open(), planned, applier.try_out(planned.changes))
    fixed = entry(lab, "status")
    lab.api.apply(fixed)
    with pytest.raises(Conflict, match=r"applies \.spec\.addresses \(by lab\)"):
        applier.undo_plan(done.entry)
    assert entry(lab, "status") == fixed


@pytest.mark.lab
def test_a_fix_that_was_never_written_takes_nothing_from_who_did_the_same(lab: Lab, tmp_path: Path) -> None:
    clash(lab)
    kill_at(lab, tmp_path, "journaled", 0)
    (planned,) = Journal(tmp_path).entries()
    for one in planned.written:
        lab.api.put_all([one.change.after or {}])
    applier, _ = applier_of(lab, tmp_path)
    with pytest.raises(Stale, match=r"kubectl-create wrote it, not meshdoctor"):
        applier.undo_plan(planned)


@pytest.mark.lab
def test_an_entry_that_somebody_makes_meanwhile_is_not_mixed_with(lab: Lab, writer: Writer) -> None:
    tried = prepare(writer, Change(key=KEY, after=made()))
    theirs = made(addresses=["192.0.2.7"])
    lab.api.put_all([theirs])
    with pytest.raises(Conflict, match="ServiceEntry shop/made was created by somebody else"):
        write(writer, tried)
    (found,) = [item for item in lab.api.items(*ENTRIES) if item["metadata"]["name"] == KEY.name]
    assert MANAGER not in {one["manager"] for one in found["metadata"]["managedFields"]}


@pytest.mark.lab
def test_what_another_manager_applies_is_neither_deleted_nor_taken_out(lab: Lab, writer: Writer) -> None:
    lab.api.put_all([made()])
    theirs: Object = made()
    theirs["spec"] = {"addresses": ["192.0.2.7"]}
    lab.api.apply(theirs)
    before = made(addresses=["192.0.2.7"])
    with pytest.raises(Conflict, match=r"applies the object .*by lab"):
        prepare(writer, Change(key=KEY, before=before))
    after = made()
    after["spec"]["resolution"] = "NONE"
    with pytest.raises(Conflict, match=r"applies \.spec\.addresses .*by lab"):
        prepare(writer, Change(key=KEY, before=before, after=after))


@pytest.mark.lab
def test_a_fix_that_somebody_else_did_is_not_called_ours(lab: Lab, tmp_path: Path) -> None:
    clash(lab)
    applier, _, planned = planned_by(lab, "set-addresses", tmp_path)
    for change in planned.changes:
        lab.api.put_all([change.after or {}])
    with pytest.raises(NotApplied, match="already"):
        applier.try_out(planned.changes)


@pytest.mark.lab
def test_the_mark_of_a_secret_is_never_written(lab: Lab, writer: Writer) -> None:
    kept = {"address": "192.0.2.7", "labels": {"token": "hunter2"}}
    lab.api.put_all([made(endpoints=[kept], resolution="STATIC")])
    marked = kept | {"labels": {"token": REDACTED}}
    before = made(endpoints=[marked], resolution="STATIC")
    more = made(endpoints=[marked, {"address": "192.0.2.8"}], resolution="STATIC")
    for change in (Change(key=KEY, before=before, after=more), Change(key=KEY, before=before)):
        with pytest.raises(NotApplied, match="contains a secret"):
            prepare(writer, change)
    elsewhere = made(endpoints=[marked], resolution="STATIC", addresses=["192.0.2.9"])
    done = write(writer, prepare(writer, Change(key=KEY, before=before, after=elsewhere)))
    (found,) = [item for item in lab.api.items(*ENTRIES) if item["metadata"]["name"] == KEY.name]
    assert (found["metadata"]["uid"], found["spec"]["endpoints"]) == (done.uid, [kept])
