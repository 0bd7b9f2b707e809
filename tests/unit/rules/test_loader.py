"""What the loader refuses, and how it says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshdoctor import yamlio
from meshdoctor.errors import UsageError
from meshdoctor.rules.loader import load_rules

GOOD = """\
id: {id}
title: A title
severity: error
confidence: certain
needs: [config_dump]
select: $.claims[*]
when: fact.outcome == 'shadowed' && fact.active.kind == 'ServiceEntry'
grades:
- {{when: fact.policy == 'ALLOW_ANY', severity: warning}}
message: "{{fact.host}} loses."
why: Because of {{fact.active.name}}.
fixes:
- id: fix
  title: Fix it
  disposition: review
  tradeoff: It costs.
  manifests:
  - base: fact.entry.manifest
    set: {{spec.addresses: "{{fact.own_addresses}}"}}
page:
  description: This.
  diagnosis: That.
  remediation: Those.
"""


def write(directory: Path, rule_id: str, old: str = "", new: str = "") -> Path:
    text = GOOD.format(id=rule_id)
    assert old in text
    path = directory / f"{rule_id}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def complaint(directory: Path) -> str:
    with pytest.raises(UsageError) as refused:
        load_rules([directory])
    return str(refused.value)


def test_rules_come_in_the_order_of_their_names_from_any_depth(tmp_path: Path) -> None:
    write(tmp_path / "tcp", "b-rule")
    write(tmp_path, "a-rule")
    write(tmp_path / "http", "c-rule")
    (tmp_path / "README.md").write_text("no rule", encoding="utf-8")
    (tmp_path / "schema.json").write_text("{}", encoding="utf-8")
    assert [rule.id for rule in load_rules([tmp_path])] == ["a-rule", "b-rule", "c-rule"]


def test_one_file_may_be_given(tmp_path: Path) -> None:
    assert [rule.id for rule in load_rules([write(tmp_path, "a-rule")])] == ["a-rule"]


REFUSED = [
    ("title: A title", "titel: A title", 2, "unknown key `titel`; did you mean `title`?"),
    ("title: A title\n", "", 1, "the key `title` is missing"),
    ("severity: error", "severity: eror", 3, "`eror` is not one of error, warning, info; did you mean `error`?"),
    ("needs: [config_dump]", "needs: config_dump", 5, "Expected a list, got str"),
    ("needs: [config_dump]", "needs: [config_dumb]", 5, "`config_dumb`; did you mean `config_dump`?"),
    ("id: x-rule", "id: y-rule", 1, "the id `y-rule` differs from the file's name; did you mean `x-rule`?"),
    ("$.claims[*]", "$.claim[*]", 6, "the sheet has no list `claim`; did you mean `claims`?"),
    ("$.claims[*]", "$..claims[*]", 6, "`..` searches the whole sheet"),
    ("$.claims[*]", "$.claims", 6, "its facts are `$.claims[*]`"),
    ("$.claims[*]", "$.claims[*].active", 6, "does not select facts of one list"),
    ("$.claims[*]", "$.claims[?(", 6, "is not valid JSONPath"),
    ("fact.outcome", "fact.outcom", 7, "Claim has no such field; did you mean `outcome`?"),
    ("fact.active.kind ==", "fact.active.kid ==", 7, "`fact.active.kid` does not exist: EntryView has no such field"),
    ("fact.outcome == 'shadowed' &&", "fact.outcome == &&", 7, "is not valid CEL"),
    ("fact.outcome == 'shadowed' &&", "claim.wanted &&", 7, "`claim` is unknown here"),
    ("when: fact.policy == 'ALLOW_ANY'", "when: fact.policy", 9, "not true or false"),
    ("fact.policy == 'ALLOW_ANY'", "'fact.own_addresses[0] == fact.host'", 9, "index out of bounds"),
    ("{fact.host} loses", "{fact.hots} loses", 10, "did you mean `host`?"),
    ("{fact.host} loses", "{host} loses", 10, "`{host}` is not a capture"),
    ("{fact.host} loses", "{fact.active} loses", 10, "has type EntryView, which text cannot show"),
    ("{fact.host} loses", "{fact.host:jsn} loses", 10, "no conversion `jsn`; did you mean `json`?"),
    ("name}.", "name}", 11, "must end with a period"),
    ("It costs.", "It costs", 16, "must end with a period"),
    ("disposition: review", "disposition: manual", 13, "a manual fix needs `steps`"),
    (
        "tradeoff: It",
        "deletes: fact.own_addresses\n  tradeoff: It",
        16,
        "`fact.own_addresses` is not a list of objects",
    ),
    ("tradeoff: It", "deletes: fact.loser\n  tradeoff: It", 16, "Claim has no such field"),
    ("tradeoff: It costs.", "tradeof: It costs.", 16, "unknown key `tradeof`; did you mean `tradeoff`?"),
    ("base: fact.entry.manifest", "base: fact.entry.name", 18, "`fact.entry.name` is not a manifest"),
    ("base: fact.entry.manifest", "base: fact.entri.manifest", 18, "did you mean `entry`?"),
    ("fact.own_addresses}", "fact.own_adresses}", 19, "did you mean `own_addresses`?"),
    ("set: {spec.addresses:", "set: {spec..addresses:", 19, "is not a path"),
    ("why: Because", "explained_by: [tcp-port-clahs]\nwhy: Because", 11, "did you mean `tcp-port-clash`?"),
    ("why: Because", "subject: {host: '{fact.nohost}'}\nwhy: Because", 11, "has no such field"),
    ("title: A title", "title: About {fact.host}", 2, "`title` must not contain captures"),
    ("title: A title", "title: A title.", 2, "must not be empty or end with a period"),
    ("title: Fix it", "title: Fix {fact.hots}", 14, "did you mean `host`?"),
    ('"{fact.own_addresses}"', "[{x: '{fact.own_adresses}'}]", 19, "did you mean `own_addresses`?"),
    ("description: This.", "description: This {fact.host}.", 21, "is read without a fact"),
    ("id: fix", "id: fix; it", 13, "`fix; it` is not an id"),
    ("It costs.", "Run `grep {fact.host} file`.", 16, "write `grep -F --` in front"),
    ("It costs.", "Run kubectl get services {fact.host}.", 16, "put the command that it belongs to in backticks"),
    ("page:", "page: {}\nold:", 20, "the key `description` is missing"),
    ("page:", "---\npage:", 1, "a rule file must hold one rule"),
    ("severity: error", "severity: [", 5, "not YAML"),
]


@pytest.mark.parametrize(("old", "new", "line", "text"), REFUSED, ids=[new for _, new, _, _ in REFUSED])
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, text: str) -> None:
    path = write(tmp_path, "x-rule", old, new)
    said = complaint(tmp_path).splitlines()
    assert [one for one in said if one.startswith(f"{path}:{line}: ") and text in one], said


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "a-rule", "title: A title", "titel: A title")
    write(tmp_path, "b-rule", "fact.outcome", "fact.outcom")
    said = complaint(tmp_path)
    assert "`titel`" in said
    assert "the key `title` is missing" in said
    assert "fact.outcom" in said


def test_a_second_rule_of_the_same_id_is_refused(tmp_path: Path) -> None:
    first = write(tmp_path / "one", "a-rule")
    second = write(tmp_path / "two", "a-rule")
    assert f"{second}:1: duplicate rule `a-rule`; the first is in {first}" in complaint(tmp_path)


def test_rules_that_explain_one_another_in_a_circle_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a-rule", "why:", "explained_by: [b-rule]\nwhy:")
    write(tmp_path, "b-rule", "why:", "explained_by: [a-rule]\nwhy:")
    assert "circular" in complaint(tmp_path)


def test_the_order_of_causes_counts_in_a_circle(tmp_path: Path) -> None:
    write(tmp_path, "config-rejected", "why:", "explained_by: [double-tls]\nwhy:")
    write(tmp_path, "double-tls")
    assert "circular" in complaint(tmp_path)


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    assert f"{tmp_path}: no rule files" in complaint(tmp_path)


MANIFESTS = [
    ("- 'kind: {fact.host'", "is not a capture"),
    ("- '[1, 2]'", "a manifest must be one YAML object"),
    ('- "kind: [a"', "not YAML"),
    ("- 'hosts: [{fact.hst}]'", "did you mean `host`?"),
]


@pytest.mark.parametrize(("manifest", "text"), MANIFESTS)
def test_a_broken_manifest_is_refused(tmp_path: Path, manifest: str, text: str) -> None:
    change = GOOD.format(id="x")[GOOD.format(id="x").index("  - base") : GOOD.format(id="x").index("page:")]
    path = write(tmp_path, "x-rule", change, f"  {manifest}\n")
    said = complaint(tmp_path)
    assert said.startswith(f"{path}:18: ")
    assert text in said


def test_the_sample_is_what_yaml_says_it_is() -> None:
    document: dict[str, Any] = yamlio.load_documents(GOOD.format(id="x").encode(), "x")[0]
    assert document["message"] == "{fact.host} loses."


def test_two_fixes_of_one_rule_have_two_ids(tmp_path: Path) -> None:
    second = "- {id: fix, title: T, disposition: safe, tradeoff: T.}\npage:"
    path = write(tmp_path, "x-rule", "page:", second)
    assert complaint(tmp_path) == f"{path}:20: duplicate fix `fix`"
