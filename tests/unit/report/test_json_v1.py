from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.finding import Disposition, Fix
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.verdict import Severity
from meshdoctor.report import json_v1
from tests.golden.results import CLASH, DELIVERED, HEALTHY, HOSTS, SEVERAL, SICK, TLS, finding


def checked(**given: Any) -> Any:
    return json.loads(json_v1.check(replace(HEALTHY, **given)))


def test_findings_come_by_severity_rule_host_port_and_fingerprint() -> None:
    found = (
        finding(severity=Severity.INFO, rule="a", fingerprint="6"),
        finding(severity=Severity.ERROR, rule="b", host="z", fingerprint="4"),
        finding(severity=Severity.ERROR, rule="b", host="y", port=443, fingerprint="3"),
        finding(severity=Severity.ERROR, rule="b", host="y", port=80, fingerprint="2"),
        finding(severity=Severity.ERROR, rule="b", host=None, port=None, fingerprint="1"),
        finding(severity=Severity.WARNING, rule="a", fingerprint="5"),
    )
    for order in (found, found[::-1]):
        assert [f["fingerprint"] for f in checked(findings=order)["findings"]] == ["1", "2", "3", "4", "5", "6"]


def test_summary_counts_what_is_listed() -> None:
    output = json.loads(json_v1.check(SICK))
    assert output["summary"]["findings"] == {"error": 2, "warning": 1, "info": 4}
    assert output["summary"]["not_evaluated"] == len(output["not_evaluated"]) == 3


def test_a_line_is_there_only_where_it_is_known() -> None:
    evidence = checked(findings=[CLASH])["findings"][0]["evidence"]
    assert [piece.get("line") for piece in evidence] == [None, None, 31, 7]
    assert "line" not in evidence[0]


def test_what_a_fix_deletes_is_named() -> None:
    gone = Fix("merge", "Merge", Disposition.REVIEW, "", deletes=(ObjectRef("ServiceEntry", "shop", "b"),))
    fixes = checked(findings=[finding(fixes=(gone, TLS))])["findings"][0]["fixes"]
    assert [fix["deletes"] for fix in fixes] == [[{"kind": "ServiceEntry", "namespace": "shop", "name": "b"}], []]


def test_lone_surrogates_of_yaml_are_written_out() -> None:
    bad = finding(title="half \ud83d", evidence=(Evidence("a.yaml", "$", "\udc00"),))
    output = checked(findings=(bad,), location="caf\udce9")
    assert output["source"]["location"] == "caf\\udce9"
    assert output["findings"][0]["title"] == "half \\ud83d"


def test_escaped_characters_read_back_as_they_were() -> None:
    title = "\x1b[31m \x7f \x9b \u202e \u2066 \ufeff é 日"
    raw = json_v1.check(replace(HEALTHY, findings=(finding(title=title),)))
    assert json.loads(raw)["findings"][0]["title"] == title
    assert "\x9b" not in raw.decode()


def test_addresses_are_there_only_where_no_address_was_asked_for() -> None:
    assert "addresses" not in json.loads(json_v1.trace(DELIVERED))
    assert len(json.loads(json_v1.trace(SEVERAL))["addresses"]) == 3
    nobody_knows = replace(DELIVERED, destination=replace(DELIVERED.destination, ip=None))
    assert json.loads(json_v1.trace(nobody_knows))["addresses"] == []


def test_hosts_come_by_name_and_port_whatever_their_order() -> None:
    assert json_v1.hosts(HOSTS) == json_v1.hosts(replace(HOSTS, hosts=HOSTS.hosts[::-1]))
