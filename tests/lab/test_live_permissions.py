"""What a live run may do and what it makes of what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor import doctor, yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.kube.roles import render
from meshdoctor.sources.live.cluster_source import ClusterSource
from tests.lab.accounts import Account, account_allowed, account_from
from tests.lab.api import Object
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario, read_scenario
from tests.lab.test_live import told
from tests.lab.test_scenarios import SCENARIOS

STORY = next(path for path in SCENARIOS if path.stem == "mysql-missing-entry")


@pytest.fixture
def story(lab: Lab) -> Scenario:
    scenario = read_scenario(STORY)
    lab.load(scenario)
    return scenario


def source(account: Account, **options: Any) -> doctor.Source:
    return doctor.Source(cluster=ClusterSource(kubeconfig=account.kubeconfig, **options))


def printed(**options: bool) -> list[Object]:
    """What `meshdoctor rbac` prints, as objects."""
    given = {"apply": False, "exec_": False, **options}
    text = render(apply=given["apply"], exec_=given["exec_"], namespace="meshdoctor")
    return [tree for tree in yamlio.load_documents(text.encode(), "rbac") if isinstance(tree, dict)]


def rules(**options: bool) -> list[Object]:
    """The rules of the role that `meshdoctor rbac` prints."""
    role = next(o for o in printed(**options) if o["kind"] == "ClusterRole")
    return list(role["rules"])


def without(resource: str, **options: bool) -> list[Object]:
    """The same without one resource."""
    left = [{**rule, "resources": [r for r in rule["resources"] if r != resource]} for rule in rules(**options)]
    return [rule for rule in left if rule["resources"]]


@pytest.mark.lab
@pytest.mark.usefixtures("story")
def test_the_role_that_rbac_prints_is_enough(lab: Lab) -> None:
    account = account_from(lab.control, printed())
    case = doctor.open_case(source(account))
    assert [note for note in case.capture.unread if "forbidden" in note.because] == []
    everything = doctor.Source(cluster=ClusterSource(kubeconfig=lab.kubeconfig))
    mine, its = told(case), told(doctor.open_case(everything))
    assert [f["rule"] for f in mine["findings"]] == [f["rule"] for f in its["findings"]]
    assert [gap for gap in mine["not_evaluated"] if gap["missing"] != ["dns.json"]] == []


@pytest.mark.lab
@pytest.mark.usefixtures("story")
def test_dns_is_asked_in_the_pod_where_exec_is_allowed(lab: Lab) -> None:
    account = account_allowed(lab.control, "with-exec", rules(exec_=True))
    mesh = doctor.open_case(source(account)).mesh
    assert mesh.dns == {"db.orders.test": ("203.0.113.10",), "cache.orders.test": ("203.0.113.11",)}
    assert str(mesh.dns_from).startswith("pod shop/orders-api")


@pytest.mark.lab
@pytest.mark.usefixtures("story")
def test_exec_takes_the_place_of_a_forbidden_port_forward(lab: Lab) -> None:
    account = account_allowed(lab.control, "no-forward", without("pods/portforward", exec_=True))
    case = doctor.open_case(source(account))
    assert told(case)["findings"][0]["rule"] == "missing-service-entry"
    assert case.capture.unread == ()


@pytest.mark.lab
def test_without_either_the_missing_permissions_are_named(lab: Lab, story: Scenario) -> None:
    account = account_allowed(lab.control, "neither", without("pods/portforward"))
    case = doctor.open_case(source(account))
    note = next(n for n in case.capture.unread if n.path == f"proxies/{story.pods[0].key}/config_dump.json")
    for word in ("pods/portforward", "pods/exec", "meshdoctor rbac"):
        assert word in note.because
    gaps = told(case)["not_evaluated"]
    assert {"missing-service-entry", "tcp-port-clash"} <= {gap["rule"] for gap in gaps}
    assert all("pods/portforward" in g["because"] for g in gaps if story.pods[0].key in g["pods"])


@pytest.mark.lab
@pytest.mark.usefixtures("story")
def test_forbidden_service_entries_are_named_and_not_fatal(lab: Lab) -> None:
    account = account_allowed(lab.control, "no-entries", without("serviceentries"))
    said = told(doctor.open_case(source(account)))
    gap = next(g for g in said["not_evaluated"] if g["rule"] == "missing-service-entry")
    assert gap["missing"] == ["resources/serviceentries.yaml"]
    assert 'cannot list resource "serviceentries"' in gap["because"]
    assert "missing-service-entry" not in {f["rule"] for f in said["findings"]}


@pytest.mark.lab
@pytest.mark.usefixtures("story")
def test_forbidden_logs_are_told_once(lab: Lab) -> None:
    account = account_allowed(lab.control, "no-logs", without("pods/log"))
    notes = doctor.open_case(source(account)).capture.unread
    assert [note.path for note in notes if "log" in note.path] == ["proxies/*/*/access_log.json"]


@pytest.mark.lab
@pytest.mark.usefixtures("story")
def test_no_pods_no_run(lab: Lab) -> None:
    account = account_allowed(lab.control, "no-pods", without("pods"))
    with pytest.raises(Unreadable, match=r"pods cannot be listed.*meshdoctor rbac"):
        doctor.open_case(source(account))


@pytest.mark.lab
@pytest.mark.usefixtures("story")
def test_an_expired_token_is_told_as_such(lab: Lab) -> None:
    account = account_allowed(lab.control, "expired", rules(), expired=True)
    with pytest.raises(Unreadable, match=r"does not accept the credentials of context .*Log in again"):
        doctor.open_case(source(account))
