"""The catalogue as a whole: ids are a promise, every rule is proven, documented and offers manifests that parse."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import msgspec
import pytest

from meshdoctor import yamlio
from meshdoctor.model import entry_view, sheet
from meshdoctor.model.rule import CAUSES, Rule
from meshdoctor.model.sheet import SHEET
from meshdoctor.report.text import render
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.rules.catalogue import field_docs, render_catalogue, render_schema, write
from meshdoctor.rules.fact_paths import neutral
from meshdoctor.rules.fix_manifests import make_manifests
from meshdoctor.rules.loader import load_rules
from meshdoctor.rules.selectors import compile_selector
from meshdoctor.view.rule import page as rule_page

HERE = Path(__file__).parent
RULES_DIR = HERE.parent / "rules"
RULES = load_rules([RULES_DIR])

PROMISED = sorted(
    {
        "missing-service-entry",
        "tcp-hosts-ignored",
        "tcp-port-clash",
        "port-hijacked",
        "resolution-none-leak",
        "incomplete-address-list",
        "service-entry-not-visible",
        "duplicate-host",
        "route-to-unknown-cluster",
        "virtual-service-without-entry",
        "double-tls",
        "tls-origination-mismatch",
        "upstream-identity-unverified",
        "mtls-to-external",
        "protocol-mismatch",
        "upstream-unresolved",
        "sidecar-bypassed",
        "no-sidecar",
        "config-missing",
        "config-rejected",
        "plaintext-credentials",
        "fault-injected",
        "egress-open",
        "egress-gateway-broken",
        "host-not-reached",
        "config-stale",
        "virtual-address-dead",
        "secret-missing",
        "reserved-port",
        "forward-proxy-not-reached",
        "http-policy-on-opaque-port",
        "virtual-service-shadowed",
        "endpoint-port-unmatched",
        "destination-rule-not-applied",
    }
)

each_rule = pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in RULES])


def test_ids_are_those_promised() -> None:
    assert sorted(rule.id for rule in RULES) == PROMISED
    assert set(CAUSES) <= set(PROMISED)


@each_rule
def test_every_rule_has_a_case_file(rule: Rule) -> None:
    assert (HERE / "rules" / f"{rule.id}.yaml").is_file()


@each_rule
def test_manifests_are_objects_with_a_name_and_survive_hostile_values(rule: Rule) -> None:
    kind = SHEET[compile_selector(rule.select).list_name]
    hostile = msgspec.structs.replace(neutral(kind), host="a: {b}\n---\nkind: Pod", pod="ns/\x1b[31mpod")
    for fix in rule.fixes:
        for manifest in fix.manifests:
            for text in make_manifests(manifest, hostile):
                (document,) = yamlio.load_documents(text.encode(), "manifest")
                assert {"apiVersion", "kind", "metadata", "spec"} <= set(document)
                assert "name" in document["metadata"]
                assert "\x1b" not in text


@each_rule
def test_the_page_names_every_part_of_the_rule(rule: Rule) -> None:
    page = render(rule_page(rule), TextWriter(width=72))
    assert page.startswith(f"{rule.id}: ")
    assert page.count("[safe]") + page.count("[review]") + page.count("[manual]") >= len(rule.fixes)
    assert "{fact." not in page
    assert re.findall("<[a-z ]+>", page) == []
    assert all(reference in page for reference in rule.references)


@each_rule
def test_the_page_reads_well_without_a_fact(rule: Rule) -> None:
    """Each command is whole for a shell, and no sentence ends in the middle where a fact would have one."""
    page = render(rule_page(rule), TextWriter(width=200))
    commands = [
        *re.findall(r"^ {4,}(\w+ .*)$", rule.page.diagnosis, re.MULTILINE),
        *re.findall("`([a-z]+ [^`]+)`", page),
    ]
    assert all(shlex.split(line, comments=True) for line in commands)
    assert re.findall(r"  [.,:;]|\s[.,;] |^[.,:;]|_ |__", page, re.MULTILINE) == []


def test_the_generated_files_are_current() -> None:
    hint = "run: python -m meshdoctor.rules.catalogue rules"
    assert (RULES_DIR / "README.md").read_text(encoding="utf-8") == render_catalogue(RULES), hint
    assert (RULES_DIR / "schema.json").read_text(encoding="utf-8") == render_schema(), hint


def test_the_generated_files_are_written(tmp_path: Path) -> None:
    (tmp_path / "tcp-port-clash.yaml").write_bytes((RULES_DIR / "tcp-port-clash.yaml").read_bytes())
    write(tmp_path)
    assert "| `tcp-port-clash` | error |" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "schema.json").read_bytes() == (RULES_DIR / "schema.json").read_bytes()


def test_field_docs_are_read_from_the_source() -> None:
    docs = field_docs(sheet)
    assert docs["Claim"]["bind"] == "`0.0.0.0`, or the address."
    assert "manifest" in field_docs(entry_view)["EntryView"]


@each_rule
def test_rule_files_fit_the_published_schema(rule: Rule) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    (document,) = yamlio.load_documents((RULES_DIR / f"{rule.id}.yaml").read_bytes(), rule.id)
    jsonschema.validate(document, msgspec.json.decode((RULES_DIR / "schema.json").read_bytes()))
