"""The board grows with events, and says what each of them changed."""

from __future__ import annotations

from msgspec import structs

from meshdoctor import doctor
from meshdoctor.bundled import snapshot_names
from meshdoctor.diagnosis.events import DiagnosisFailed, Event, FindingsUpdated, PodUnread, Progress
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.doctor import Source
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.tui.state.mesh_state import MeshState
from tests.unit.tui.events import API, DB, DB_POD, JOB, WEB, finding, host, judged, listed, mesh_state, pod


def test_a_listed_pod_is_pending_and_knows_what_it_wants() -> None:
    made = MeshState()
    changed = made.apply([listed([pod(WEB)], [host(API, WEB)])])
    row = made.pods[WEB]
    assert (row.state, row.worst, row.namespace, row.name, row.workload) == (
        "pending",
        "pending",
        "shop",
        "web-1",
        "web",
    )
    assert row.dependencies == {API}
    assert made.hosts[API].worst == "pending"
    assert (changed.pods, changed.hosts, changed.head) == ({WEB}, {API}, True)


def test_a_pod_without_sidecar_says_what_it_is() -> None:
    made = MeshState()
    made.apply([listed([pod(WEB, "none", coming=False), pod(JOB, "ambient", coming=False)])])
    assert made.pods[WEB].state == made.pods[JOB].state == "none"
    assert made.pods[WEB].because == "no sidecar"
    assert "ztunnel" in made.pods[JOB].because


def test_a_sidecar_that_is_not_coming_is_unread_with_its_reason() -> None:
    made = MeshState()
    made.apply([listed([pod(WEB, coming=False, because="the pod has ended")])])
    assert (made.pods[WEB].worst, made.pods[WEB].because, made.unread) == ("unknown", "the pod has ended", 1)


def test_a_proxy_that_is_not_judged_or_read_in_part_is_never_green() -> None:
    made = MeshState()
    gateway = structs.replace(judged(JOB, {}, policy=""), kind="gateway", because="this is a gateway")
    partial = structs.replace(judged(DB_POD, {}), because="0.0.0.0_443 was not read whole")
    made.apply([listed([pod(WEB), pod(JOB), pod(DB_POD)], [host(API, WEB)]), gateway, partial])
    made.apply([judged(WEB, {API: Verdict.UNKNOWN})])
    assert [made.pods[key].worst for key in (WEB, JOB, DB_POD)] == ["unknown", "unknown", "unknown"]
    assert (made.pods[JOB].state, made.pods[JOB].kind) == ("not judged", "gateway")
    made.apply([judged(WEB, {API: Verdict.DELIVERED}), judged(DB_POD, {})])
    assert [made.pods[key].worst for key in (WEB, DB_POD)] == ["fine", "fine"]


def test_a_judged_pod_has_its_verdicts_counted() -> None:
    made = mesh_state()
    assert made.hosts[API].counts == {"delivered": 1, "misrouted": 1, "blocked": 1}
    assert made.hosts[API].used_counts == {"delivered": 1, "misrouted": 1}
    assert made.hosts[API].verdict == "misrouted", "the bank does not want it"
    assert (made.pods[WEB].egress, made.pods[JOB].egress) == ("REGISTRY_ONLY", "ALLOW_ANY")


def test_a_pod_that_is_judged_again_counts_once() -> None:
    made = mesh_state()
    changed = made.apply([judged(JOB, {API: Verdict.DELIVERED, DB: Verdict.BLOCKED})])
    assert made.hosts[API].used_counts == {"delivered": 2}
    assert changed.pods == {JOB}
    assert not changed.findings


def test_a_pod_that_cannot_be_read_any_more_counts_no_more() -> None:
    made = mesh_state()
    made.apply([PodUnread(JOB, "it is gone")])
    assert made.hosts[API].used_counts == {"delivered": 1}
    assert (made.pods[JOB].state, made.pods[JOB].because) == ("unread", "it is gone")


def test_findings_grade_pods_and_hosts_and_touch_no_others() -> None:
    made = mesh_state()
    changed = made.apply(
        [FindingsUpdated((finding("clash", Severity.ERROR, API, JOB), finding("open", Severity.INFO, None, JOB)))]
    )
    assert (changed.pods, changed.hosts) == ({JOB}, {API})
    assert (made.pods[JOB].errors, made.pods[JOB].infos, made.pods[JOB].worst) == (1, 1, "error")
    assert made.hosts[API].worst == "error"
    assert (made.pods[WEB].worst, made.count(Severity.ERROR)) == ("fine", 1), "it does not use the host that is blocked"
    assert made.apply([FindingsUpdated(())]).pods == {JOB}
    assert made.pods[JOB].worst == "error", "a dependency is misrouted, whether or not a finding says so"


def test_a_dump_whose_pod_nobody_listed_gets_a_row() -> None:
    made = MeshState()
    made.apply([listed([]), judged("shop/alone-1", {API: Verdict.DELIVERED})])
    assert made.pods["shop/alone-1"].state == "judged"
    assert made.hosts[API].verdict == "delivered"


def test_a_bare_name_is_no_problem_and_has_no_verdict() -> None:
    made = MeshState()
    made.apply([listed([pod(WEB)], [host(("maps.test", None), WEB)])])
    assert made.hosts["maps.test", None].worst == "none"


def test_a_failed_look_keeps_what_was_known() -> None:
    made = mesh_state()
    changed = made.apply([Progress(0, 0, "asking"), DiagnosisFailed("the cluster is gone", True)])
    assert changed.is_end
    assert not made.is_refreshing
    assert set(made.pods) == {WEB, JOB, DB_POD}


def ended(name: str) -> list[Event]:
    events: list[Event] = []
    DiagnosisSession(Source(snapshot=name), events.append).refresh_now()
    return events


def test_the_end_of_a_session_fills_it_with_what_the_doctor_says() -> None:
    for name in snapshot_names():
        made = MeshState()
        assert made.apply(ended(name)).is_end
        case = doctor.open_case(Source(snapshot=name))
        hosts, diagnosis = doctor.hosts(case), doctor.diagnose(case)
        assert {pair for pair in made.hosts} == {(row.host, row.port) for row in hosts.hosts}
        for row in hosts.hosts:
            line = made.hosts[row.host, row.port]
            verdicts = [one.verdict for one in row.verdicts]
            assert line.counts == {verdict: verdicts.count(verdict) for verdict in set(verdicts)}
            assert line.used_by == tuple(dict.fromkeys(dependency.pod for dependency in row.used_by))
            assert line.registered_by == row.registered_by
        assert list(made.findings) == [found.fingerprint for found in diagnosis.findings]
        assert sum(row.state == "judged" for row in made.pods.values()) == diagnosis.proxies


def test_a_second_look_tells_what_is_new_and_what_is_gone() -> None:
    made = MeshState()
    made.apply(ended("mysql-blocked"))
    before = set(made.findings)
    assert not any(line.change for line in made.findings.values())
    made.apply(ended("tcp-port-clash"))
    assert {line.key for line in made.findings.values() if line.change == "new"} == set(made.findings) - before
    gone = made.changes.gone("findings")
    assert set(gone) == before - set(made.findings)
    assert all(line.change == "gone" for line in gone.values())
    made.apply(ended("tcp-port-clash"))
    assert set(made.changes.gone("findings")) == set(gone), "what has gone is told for a while"


def test_a_second_look_marks_new_pods_and_forgets_those_that_went() -> None:
    made = mesh_state()
    made.changes.take({"pods": made.pods})
    made.apply([listed([pod(WEB), pod("shop/new-1")])])
    assert {key: row.change for key, row in made.pods.items()} == {WEB: "", "shop/new-1": "new"}
    assert made.pods[WEB].verdicts, "what was known stays until it is told anew"


def test_a_pod_that_is_not_read_again_stays_as_it_was() -> None:
    made = mesh_state()
    made.apply([listed([structs.replace(pod(WEB), is_kept=True), pod(JOB)])])
    assert {key: row.state for key, row in made.pods.items()} == {WEB: "judged", JOB: "pending"}
