from __future__ import annotations

from meshdoctor.diagnosis.details import DependencySighting, HostFacts, PodFacts, Statement
from meshdoctor.diagnosis.events import FindingsUpdated, PodUnread
from meshdoctor.model.evidence import Evidence, Unread
from meshdoctor.model.verdict import Severity
from meshdoctor.tui.state.detail_items import Item, host_items, pod_items
from tests.unit.tui.events import API, DB, JOB, WEB, finding, mesh_state

PIECE = Evidence("resources/pods.yaml", "$.items[0]")


def facts() -> PodFacts:
    return PodFacts(
        WEB,
        "Deployment web",
        {"app": "web", "tier": "front"},
        "10.0.0.1",
        "1.30.0",
        "sidecar",
        (Statement("outbound policy", "ALLOW_ANY", "its own configuration", PIECE),),
        (Statement("ports not captured", "3306", "annotation", PIECE),),
        True,
        (DependencySighting(WEB, API, "env API_URL", PIECE), DependencySighting(WEB, API, "args", PIECE)),
        (Unread("proxies/shop/web-1/clusters.json", "timed out"),),
    )


def texts(items: list[Item]) -> str:
    return "\n".join(f"{item.mark} {item.name} {item.text}" for item in items)


def test_a_pod_tells_all_that_is_known_of_it() -> None:
    made = mesh_state()
    made.apply(
        [FindingsUpdated((finding("clash", Severity.ERROR, API, WEB), finding("other", Severity.INFO, DB, JOB)))]
    )
    items = pod_items(made, WEB, facts())
    told = texts(items)
    for part in (
        "app=web, tier=front",
        "Deployment web",
        "ALLOW_ANY",
        "ports not captured 3306",
        "DNS capture on",
    ):
        assert part in told
    assert "env API_URL; args" in told, "every place, in one line"
    assert "✗ clash" in told
    assert "other" not in told
    assert "api.maps.test:443 delivered" in told
    assert "timed out" in told
    goals = [item.goal for item in items]
    assert any(goal.finding for goal in goals)
    assert any(goal.pair == API and goal.pod == WEB for goal in goals)
    assert any(goal.evidence == PIECE for goal in goals)


def test_until_its_facts_are_there_a_pod_says_that_they_are_read() -> None:
    made = mesh_state()
    assert "reading ..." in texts(pod_items(made, WEB, None))
    made.apply([PodUnread(WEB, "port-forward forbidden")])
    told = texts(pod_items(made, WEB, None))
    assert "port-forward forbidden" in told
    assert "delivered" not in told


def test_a_host_tells_every_verdict_those_of_pods_that_want_it_first() -> None:
    made = mesh_state()
    items = host_items(made, API, HostFacts(API, (), False, (), (("198.51.100.1", "DNS"),), (), ()))
    told = texts(items)
    assert "ServiceEntries were not read" in told
    assert "198.51.100.1 DNS" in told
    pods = [item.name for item in items if item.goal.pair == API and item.goal.pod]
    assert pods[:2] == [JOB, WEB], "those that want it, the broken one first"
    assert "not used" in next(item.text for item in items if item.name.startswith("bank/"))


def test_ascii_is_ascii() -> None:
    made = mesh_state()
    made.apply([FindingsUpdated((finding("clash", Severity.ERROR, API, WEB),))])
    assert texts(pod_items(made, WEB, facts(), ascii_only=True)).isascii()
