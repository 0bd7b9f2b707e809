from __future__ import annotations

from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.diagnosis.events import FindingsUpdated
from meshdoctor.doctor import Source
from meshdoctor.errors import UsageError
from meshdoctor.model.evidence import Evidence
from meshdoctor.model.finding import Finding
from meshdoctor.model.trace import AddressTrace, Destination, Expect, Step, Trace
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.tui.state.draw import draw
from meshdoctor.tui.state.text_lines import shown
from meshdoctor.tui.state.trace_form import (
    Form,
    TraceRequest,
    TraceSubject,
    hosts_like,
    of_row,
    pods_like,
    read_form,
    whole,
)
from meshdoctor.tui.state.view_state import ViewState
from meshdoctor.view.trace import steps, worst_first
from meshdoctor.view.trace import verdict as verdict_block
from tests.unit.tui.events import API, DB, DB_POD, JOB, WEB, finding, mesh_state


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ({"to": "github.com:443"}, TraceRequest(WEB, "github.com", 443)),
        ({"to": "https://GitHub.com"}, TraceRequest(WEB, "github.com", 443, scheme="https")),
        ({"to": "https://github.com", "kind": "tcp"}, TraceRequest(WEB, "github.com", 443, protocol="tcp")),
        ({"to": "http://a.test/x?y"}, TraceRequest(WEB, "a.test", 80, path="/x?y", scheme="http")),
        ({"to": "http://a.test/x", "path": "/z"}, TraceRequest(WEB, "a.test", 80, path="/z", scheme="http")),
        ({"to": "a.test:443", "kind": "tls", "sni": "b.test"}, TraceRequest(WEB, "a.test", 443, None, "tls", "b.test")),
        ({"to": "a.test:443", "kind": "tls", "sni": '""'}, TraceRequest(WEB, "a.test", 443, None, "tls", "")),
        ({"to": "a.test:443", "kind": "tcp", "sni": "b.test"}, TraceRequest(WEB, "a.test", 443, None, "tcp")),
        (
            {"to": "a.test:80", "kind": "http", "authority": "c.test"},
            TraceRequest(WEB, "a.test", 80, None, "http", None, "c.test"),
        ),
        ({"to": "a.test:443", "ip": "198.51.100.20"}, TraceRequest(WEB, "a.test", 443, "198.51.100.20")),
    ],
)
def test_a_form_is_read_as_a_connection(typed: dict[str, Any], asked: TraceRequest) -> None:
    assert read_form(Form(WEB, **typed), mesh_state()) == asked


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (Form("", "a.test:443"), "type a pod"),
        (Form("shop/nobody", "a.test:443"), "no pod shop/nobody"),
        (Form(WEB, ""), "type a destination"),
        (Form(WEB, "a.test"), "has no port"),
        (Form(WEB, "a.test:443", "300.1.1.1"), "no IP address"),
    ],
)
def test_what_a_form_lacks_is_said(form: Form, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_form(form, mesh_state())


def test_a_row_and_the_choices_beside_it_name_the_connection() -> None:
    made = mesh_state()
    clash: Finding = finding("clash", Severity.ERROR, DB, DB_POD)
    made.apply([FindingsUpdated((clash,))])
    view_state = ViewState(made)
    assert of_row(view_state, "pods", WEB) == TraceSubject(WEB)
    assert of_row(view_state, "hosts", API) == TraceSubject("", *API)
    assert of_row(view_state, "pods", None) == TraceSubject()
    assert of_row(view_state, "findings", clash.fingerprint) == TraceSubject(DB_POD, *DB)
    view_state.choose("pods", WEB)
    assert of_row(view_state, "hosts", API) == TraceSubject(WEB, *API)
    assert of_row(view_state, "findings", clash.fingerprint) == TraceSubject(WEB, *DB)
    view_state.choose("hosts", DB)
    assert of_row(view_state, "pods", JOB) == TraceSubject(JOB, *DB)


def test_names_that_fit_are_offered_those_that_want_each_other_first() -> None:
    made = mesh_state()
    assert pods_like(made, "", "db.pay.test:3306")[0] == DB_POD
    assert pods_like(made, "JOB") == [JOB]
    assert pods_like(made, "nothing") == []
    assert hosts_like(made, "", DB_POD)[0] == "db.pay.test:3306"
    assert hosts_like(made, "maps") == ["api.maps.test:443"]


def trace(**more: Any) -> Trace:
    given: dict[str, Any] = {
        "pod": WEB,
        "destination": Destination("a.test", 443, "198.51.100.1", "tls", "a.test"),
        "verdict": Verdict.MISROUTED,
        "reason": "tcp-port-clash",
        "because": "it is sent to b.test",
        "steps": (
            Step("redirection", "redirected", "every address"),
            Step("listener", "0.0.0.0_443", "the wildcard\x1b[31m", Evidence("x.json", "$.configs[3].a[1].b", "v")),
            Step("cluster", "outbound|443||b.test", "not its own"),
            Step("endpoint", "198.51.100.9:443", "STRICT_DNS"),
            Step("verdict", "misrouted", "it is sent to b.test"),
        ),
    }
    return Trace(**(given | more))


def test_the_path_begins_at_the_app_and_marks_the_step_that_decides() -> None:
    found = steps(trace(), with_app=True)
    assert [step.at for step in found] == ["app", "redirection", "listener", "cluster", "endpoint"]
    assert [step.icon for step in found] == ["step", "step", "step", "error", "step"]
    assert [step.note for step in found if step.note] == ["goes wrong here"]


@pytest.mark.parametrize("name", ["tcp-port-clash", "mysql-blocked", "egress-gateway", "healthy", "bypass-annotation"])
def test_every_connection_of_a_snapshot_has_one_deciding_step(name: str) -> None:
    case = doctor.open_case(Source(snapshot=name))
    traced = 0
    for row in doctor.hosts(case).hosts:
        for verdict in row.verdicts:
            assert row.port is not None
            found = doctor.trace(case, verdict.pod, row.host, row.port)
            made = steps(found)
            assert sum(step.icon != "step" for step in made) == 1, (row, found)
            assert verdict_block(found).text.startswith(found.verdict)
            traced += 1
    assert traced


def test_the_verdict_says_why_what_is_seen_and_what_to_do() -> None:
    found = trace(advice="Declare TLS.", expect=Expect(("UF",), 503), missing=("dns.json",))
    said = shown(draw([verdict_block(found)], 200))
    for part in (
        "✗ misrouted [tcp-port-clash]",
        "it is sent to b.test",
        "not read    dns.json",
        "UF",
        "503",
        "do          Declare TLS.",
    ):
        assert part in said
    assert shown(draw([verdict_block(found)], 200, ascii_only=True)).isascii()


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    said = shown(draw([verdict_block(trace(verdict=Verdict.DELIVERED, advice="It is as declared."))], 200))
    assert "note        It is as declared." in said


def test_addresses_come_the_worst_first() -> None:
    rows = (
        AddressTrace("198.51.100.1", Verdict.DELIVERED, "", "c"),
        AddressTrace("198.51.100.2", Verdict.BLOCKED, "no-chain"),
    )
    assert [row.ip for row in worst_first(trace(addresses=rows))] == ["198.51.100.2", "198.51.100.1"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("$.configs[3].dynamic_listeners[1].active_state.listener", "$.configs[3].dynamic_listeners[1]"),
        ("$.items[2].spec.ports[0]", "$.items[2]"),
        ("$.spec", "$.spec"),
    ],
)
def test_the_whole_object_of_a_piece_of_evidence(path: str, shown: str) -> None:
    assert whole(Evidence("x", path, "v", 3)).path == shown
