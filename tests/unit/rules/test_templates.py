from __future__ import annotations

import json
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor import yamlio
from meshdoctor.model.route_facts import VirtualServiceHost
from meshdoctor.model.rule import ManifestChange
from meshdoctor.model.sheet import Connection, Duplicate, EntryPort, RouteFault
from meshdoctor.rules.fix_manifests import make_manifests
from meshdoctor.rules.templates import BadTemplate, check_template, fill, fill_line, parse_template
from tests.build import fact

ENTRY: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "ServiceEntry",
    "metadata": {"name": "db", "namespace": "bookinfo"},
    "spec": {"hosts": ["db.example"], "ports": [{"number": 3306, "protocol": "HTTP"}], "resolution": "DNS"},
}
PORT: Any = fact(
    EntryPort,
    host="db.example",
    port=3306,
    shared=True,
    fixed_addresses=["198.51.100.1/32", "198.51.100.2/32"],
    entry={"name": "db", "manifest": ENTRY},
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{fact.host}:{fact.port}", "db.example:3306"),
        ("entry {fact.entry.name}.\n", "entry db."),
        ("{fact.fixed_addresses}", "198.51.100.1/32, 198.51.100.2/32"),
        ("{fact.fixed_addresses:json}", '["198.51.100.1/32","198.51.100.2/32"]'),
        ("{fact.fixed_addresses[1]}", "198.51.100.2/32"),
        ("[{fact.fixed_addresses[9]}]", "[]"),
        ("{fact.entry.manifest.spec.resolution}", "DNS"),
        ("{fact.entry.manifest.spec.nothing}.", "."),
        ("{fact.shared}", "true"),
        ("{{{fact.host}}}", "{db.example}"),
        ("no captures", "no captures"),
    ],
)
def test_prose(template: str, text: str) -> None:
    assert fill(template, PORT) == text
    assert list(check_template(template, EntryPort)) == []


def test_a_name_after_a_list_is_that_field_of_every_item() -> None:
    duplicate = fact(
        Duplicate, shadowed=[{"name": "a", "protocols": ["TCP"]}, {"name": "b", "protocols": ["TLS", "HTTP"]}]
    )
    assert fill("{fact.shadowed.name}", duplicate) == "a, b"
    assert fill("{fact.shadowed.protocols}", duplicate) == "TCP, TLS, HTTP"
    assert list(check_template("{fact.shadowed.name} {fact.shadowed.protocols}", Duplicate)) == []


def test_a_long_list_is_cut_in_a_sentence_and_whole_as_json() -> None:
    host = fact(Connection, addresses=[f"198.51.100.{n}" for n in range(12)])
    assert fill("{fact.addresses}", host).endswith("198.51.100.7, and 4 more")
    assert len(json.loads(fill("{fact.addresses:json}", host))) == 12


def test_a_value_that_ends_a_sentence_brings_no_second_period() -> None:
    host = fact(Connection, because="refused.", reason="and so on ...")
    assert fill("It is {fact.because}. Then {fact.because}.", host) == "It is refused. Then refused."
    assert fill("{fact.reason}", host) == "and so on ..."


def test_numbers_are_written_as_people_write_them() -> None:
    assert (
        fill("{fact.delay} s, {fact.abort_percent} %", fact(RouteFault, delay=3.0, abort_percent=12.5)) == "3 s, 12.5 %"
    )


@given(st.text())
def test_no_value_brings_a_control_character_or_a_line_of_its_own(host: str) -> None:
    text = fill("<{fact.host}> {fact.host:json}", fact(Connection, host=host))
    assert not {category(c) for c in text} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{", "is not a capture"),
        ("a } b", "is not a capture"),
        ("{}", "is not a capture"),
        ("{host}", "is not a capture"),
        ("{fact.}", "is not a capture"),
        ("{fact.a b}", "is not a capture"),
        ("{fact.host!r}", "is not a capture"),
        ("{fact.host:yaml}", "no conversion `yaml`"),
        ("{{fact.host}", "is not a capture"),
    ],
)
def test_what_is_no_template_is_refused(template: str, problem: str) -> None:
    with pytest.raises(BadTemplate, match=problem):
        parse_template(template)
    assert any(problem in said for said in check_template(template, Connection))


def test_an_object_does_not_fit_a_sentence() -> None:
    assert "list of EntryView" in next(check_template("{fact.shadowed}", Duplicate))
    assert list(check_template("{fact.shadowed}", Duplicate, prose=False)) == []


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("Run `dig '{fact.host}'` now.", "leave out the quotes (')"),
        ('Run `dig "{fact.host}"` now.', 'leave out the quotes (")'),
        ("Do:\n  sh -c 'dig {fact.host}'", "leave out the quotes (')"),
        ("$ dig \\{fact.host}", "cannot follow `\\`"),
        ("`dig ${fact.host}`", "cannot follow `$`"),
        ("`dig >{fact.host}`", "cannot follow `>`"),
        ("`dig > {fact.host}`", "the file of a redirection"),
        ("`dig | {fact.host}`", "the program to run"),
        ("`dig $({fact.host})`", "the program to run"),
        ("`dig; {fact.host}`", "the program to run"),
        ("`{fact.host}`", "the program to run"),
        ("Do:\n  {fact.host}", "the program to run"),
        ("`grep {fact.host} x`", "`grep -F --`"),
        ("`cat x | grep -i {fact.host}`", "`grep -F --`"),
        ("`dig {fact.addresses}`", "a command takes one value, this is a list"),
        ("Run dig +short {fact.host} often.", "in backticks, whole"),
        ("Run `dig +short` {fact.host} often.", "in backticks, whole"),
        ("`run {fact.restart}`", "it is a command itself"),
        ("Run `frobnicate {fact.host} often.", "has no second one"),
    ],
)
def test_a_command_in_which_a_value_could_be_more_than_a_word_is_refused(template: str, problem: str) -> None:
    kind = EntryPort if "restart" in template else Connection
    assert [problem in said for said in check_template(template, kind)] == [True]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("`dig {fact.host}`", "`dig '$(id)'`"),
        ("Do:\n  dig {fact.host}:{fact.port} -x={fact.host}", "Do:\n  dig '$(id)':80 -x='$(id)'"),
        ("$ dig '@8.8.8.8' {fact.addresses[0]}", "$ dig '@8.8.8.8' 198.51.100.1"),
        ("`cat 'x'{fact.host} | grep -iF -- {fact.host}`", "`cat 'x''$(id)' | grep -iF -- '$(id)'`"),
        ("The `host` {fact.host} and `a b`, {fact.host}", "The `host` $(id) and `a b`, $(id)"),
        ("`` dig ` {fact.host} ``", "`` dig ` '$(id)' ``"),
        ("{fact.host}\n no command {fact.host}", "$(id)\n no command $(id)"),
        ("`dig {{{fact.host}}}`", "`dig {'$(id)'}`"),
    ],
)
def test_a_value_in_a_command_is_one_word(template: str, text: str) -> None:
    assert fill(template, fact(Connection, host="$(id)", port=80, addresses=["198.51.100.1"])) == text


def test_a_command_stays_one_in_a_text_of_one_line() -> None:
    made = fill_line("Do:\n  dig {fact.host}\nthen\n{fact.reason}\n", fact(Connection, host="$(id)", reason="a  b"))
    assert made == "Do: dig '$(id)' then a  b"


def test_a_value_that_looks_like_an_option_is_named_instead() -> None:
    entry = fact(EntryPort, host="-rf", entry={"name": "--all"})
    assert fill("`rm {fact.host} x-{fact.host}`", entry) == "`rm HOST x--rf`"
    assert fill("`rm -- {fact.host}`", entry) == "`rm -- -rf`"
    assert fill("`rm {fact.entry.name}`, {fact.host}", entry) == "`rm ENTRY_NAME`, -rf"


def test_a_field_that_is_a_command_stands_as_it_is() -> None:
    entry = fact(EntryPort, restart="kubectl rollout restart deployment/'a b'")
    template = "Do:\n  cd x && {fact.restart}"
    assert list(check_template(template, EntryPort)) == []
    assert fill(template, entry) == "Do:\n  cd x && kubectl rollout restart deployment/'a b'"


def manifest(text: str | ManifestChange, about: Any = PORT) -> Any:
    (made,) = make_manifests(text, about)
    assert made is not None
    (document,) = yamlio.load_documents(made.encode(), "made")
    return document


def test_a_capture_alone_keeps_its_type_and_in_quotes_is_text() -> None:
    made = manifest(
        "metadata: {{name: x-{fact.entry.name}, labels: {{{fact.entry.name}: on}}}}\n"
        "spec:\n"
        "  number: {fact.port}\n"
        '  text: "{fact.port}"\n'
        "  single: '{fact.port}'\n"
        "  addresses: {fact.fixed_addresses}\n"
        "  flow: {fact.fixed_addresses:json}\n"
        '  json: "{fact.fixed_addresses:json}"\n'
        "  hosts: [{fact.host}, {fact.host:json}]\n"
        "  braces: '{{x}}'\n"
    )
    addresses = ["198.51.100.1/32", "198.51.100.2/32"]
    assert made == {
        "metadata": {"name": "x-db", "labels": {"db": True}},
        "spec": {
            "number": 3306,
            "text": "3306",
            "single": "3306",
            "addresses": addresses,
            "flow": addresses,
            "json": addresses,
            "hosts": ["db.example", "db.example"],
            "braces": "{x}",
        },
    }


@given(st.text())
def test_no_value_changes_the_shape_of_a_manifest(host: str) -> None:
    entry = fact(VirtualServiceHost, host=host, slug="x")
    made = manifest("kind: ServiceEntry\nspec:\n  hosts: [{fact.host}]\n  note: for {fact.host}\n", entry)
    assert list(made) == ["kind", "spec"]
    assert list(made["spec"]) == ["hosts", "note"]
    assert len(made["spec"]["hosts"]) == 1
    assert isinstance(made["spec"]["hosts"][0], str)


@pytest.mark.parametrize("host", ["*.wiki.example", "true", "12", "a: b", "- x", "x # y", "'", "a\nb", "", "{x}"])
def test_a_value_arrives_as_it_is(host: str) -> None:
    made = manifest("spec: {{hosts: [{fact.host}]}}", fact(VirtualServiceHost, host=host))
    assert made == {"spec": {"hosts": [host]}}


def test_an_object_of_the_evidence_is_copied_and_changed() -> None:
    change = ManifestChange(
        base="fact.entry.manifest",
        set={
            "spec.addresses": "{fact.fixed_addresses}",
            "spec.ports[0].protocol": "TCP",
            "spec.ports[1]": {"number": "{fact.port}", "name": "tcp-{fact.port}"},
            "spec.resolution": None,
            'metadata.annotations["example.com/by"]': "{fact.entry.name}",
        },
    )
    assert manifest(change) == {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "db", "namespace": "bookinfo", "annotations": {"example.com/by": "db"}},
        "spec": {
            "hosts": ["db.example"],
            "ports": [{"number": 3306, "protocol": "TCP"}, {"number": 3306, "name": "tcp-3306"}],
            "addresses": ["198.51.100.1/32", "198.51.100.2/32"],
        },
    }
    assert "addresses" not in PORT.entry.manifest["spec"], "the evidence itself is untouched"


@pytest.mark.parametrize("path", ["spec.ports[3].protocol", "spec.ports.protocol", "spec[0]", "spec.resolution.x"])
def test_a_path_that_leads_nowhere_leaves_the_manifest_out(path: str) -> None:
    assert not [*make_manifests(ManifestChange(base="fact.entry.manifest", set={path: "x"}), PORT)]


def test_a_list_of_objects_makes_a_manifest_of_each() -> None:
    both = [{"kind": "ServiceEntry", "metadata": {"name": name}, "spec": {}} for name in ("a", "b")]
    change = ManifestChange(base="fact.trimmed", set={"spec.resolution": "DNS"})
    made = list(make_manifests(change, fact(Duplicate, trimmed=both)))
    assert [text.count("resolution: DNS") for text in made] == [1, 1]
    assert "name: b" in made[1]


def test_without_an_object_there_is_no_manifest() -> None:
    assert not [*make_manifests(ManifestChange(base="fact.entry.manifest"), fact(EntryPort))]
    assert not [*make_manifests(ManifestChange(base="fact.hidden[0].sidecar"), fact(Connection))]
