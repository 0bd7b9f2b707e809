"""Invariant 3, less evidence never looks better: seeded mutations of every capture, and nothing crashes or hangs.

`make mutations` tries as many more as it is told.
"""

from __future__ import annotations

import json
import random

import pytest
from msgspec import structs

from tests.invariants import trees
from tests.invariants.answers import Answer, ask, silent_failures, turned_silent
from tests.invariants.captures import HeldCapture, beside, bundled
from tests.invariants.known import OPEN_MUTATIONS
from tests.invariants.mutations import Mutation, Mutator, Promise
from tests.invariants.trial import Bench, Outcome

SHARE, SHARES = 40, 6
"""Mutations of one test, and tests: those of one are tried one after the other, and the tests in any order."""
SEED = 12


def tried(captures: list[HeldCapture], share: int) -> list[Outcome]:
    with Bench(captures, SEED) as bench:
        return [bench.try_one(number) for number in range(share * SHARE, (share + 1) * SHARE)]


def faults(outcomes: list[Outcome]) -> list[str]:
    """The faults but those known to be open, each with the command that shows it."""
    return [
        f"{one.verdict}: {one.capture}: {one.mutation}: {one.detail} (--seed {SEED} --only {one.number})"
        for one in outcomes
        if one.is_fault and (one.verdict, one.mutation.kind) not in OPEN_MUTATIONS
    ]


@pytest.mark.parametrize("share", range(SHARES))
def test_less_evidence_never_looks_better(share: int) -> None:
    assert faults(tried(bundled(), share)) == []


@pytest.mark.skipif(not beside(), reason="needs the shared captures beside the checkout")
@pytest.mark.parametrize("share", range(SHARES))
def test_less_evidence_of_other_captures_never_looks_better(share: int) -> None:
    assert faults(tried(beside(), share)) == []


# The mutator itself


def capture(name: str) -> HeldCapture:
    return next(one for one in bundled() if one.name == name)


def made(held: HeldCapture, count: int = 400) -> list[Mutation]:
    mutator, rng = Mutator(held), random.Random(1)
    return [mutator.some(rng) for _ in range(count)]


def test_the_same_seed_makes_the_same_mutations() -> None:
    held = capture("tcp-port-clash")
    assert made(held, 50) == made(held, 50)


ENTRY = {"name": "0.0.0.0_443", "active_state": {"listener": {"name": "0.0.0.0_443", "filter_chains": [{}, {}]}}}
SMALL = HeldCapture(
    "small",
    {
        "proxies/shop/web/config_dump.json": json.dumps(
            {"configs": [{"@type": "x.ListenersConfigDump", "dynamic_listeners": [ENTRY, ENTRY | {"name": "a"}]}]}
        ).encode(),
        "proxies/shop/web/clusters.json": json.dumps({"cluster_statuses": [{"name": "a"}, {"name": "b"}]}).encode(),
        "dns.json": json.dumps({"answers": {"a.test": ["192.0.2.1", "192.0.2.2"], "b.test": []}}).encode(),
        "resources/services.yaml": b"apiVersion: v1\nitems:\n- kind: Service\n- kind: Other\n"
        + b"- kind: Service\n" * 12
        + b"kind: List\n",
    },
)


def test_every_kind_of_document_is_changed_in_every_way() -> None:
    kinds = {one.kind for one in made(SMALL, 6000)}
    files = ("removed", "emptied", "status", "other", "cut", "twice", "garbled", "bom")
    nodes = ("delete", "null", "retype", "empty", "truncate", "duplicate", "swap")
    for document in ("config_dump.json", "clusters.json", "dns.json", "resources"):
        ways = {f"{document}: file {how}" for how in files} | {f"{document}: node {how}" for how in nodes}
        assert ways - kinds == set()


def promise(held: HeldCapture, document: str, *path: str | int) -> Promise:
    """What deleting this node promises."""
    tree = trees.parsed(document, held.files[document])
    return Mutator(held).promise_of_deletion(document, path, tree)


def test_the_line_between_damage_and_another_world() -> None:
    held = capture("tcp-port-clash")
    dump = next(path for path in held.files if path.endswith("config_dump.json"))
    listeners = ("configs", 3, "dynamic_listeners")
    names = [one["name"] for one in trees.at(trees.parsed(dump, held.files[dump]), listeners)]
    owned = names.index("0.0.0.0_443")
    assert promise(held, dump, *listeners) is Promise.DAMAGE
    assert promise(held, dump, *listeners, owned, "active_state") is Promise.DAMAGE
    assert promise(held, dump, *listeners, names.index("virtualOutbound")) is Promise.DAMAGE, "istiod always sends it"
    assert promise(held, dump, *listeners, owned) is Promise.DAMAGE, "the cluster that it alone names is still there"
    assert promise(held, dump, *listeners, owned, "active_state", "version_info") is Promise.WORLD
    entries = "resources/serviceentries.yaml"
    assert promise(held, entries, "items") is Promise.DAMAGE
    assert promise(held, entries, "items", 0, "spec", "hosts") is Promise.DAMAGE
    assert promise(held, entries, "items", 0, "spec", "resolution") is Promise.WORLD
    assert promise(held, entries, "items", 0) is Promise.DAMAGE, "the dump has its cluster"
    assert promise(held, "resources/pods.yaml", "items", 0) is Promise.DAMAGE, "its proxy was read"
    assert promise(held, "resources/pods.yaml", "items", 0, "metadata", "labels") is Promise.WORLD


def test_a_key_can_stand_twice_in_what_is_written() -> None:
    tree = {"a" + trees.TWICE: 1, "a": 2}
    assert json.loads(trees.written("x.json", tree)) == {"a": 2}
    assert trees.written("x.json", tree).count(b'"a"') == 2
    assert trees.written("x.yaml", tree) == b"a: 1\na: 2\n"


# The oracle: what it must not miss


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    return ask(capture("mysql-blocked").write(tmp_path_factory.mktemp("blocked")))


def without_errors(answer: Answer) -> Answer:
    assert answer.diagnosis is not None
    return answer._replace(diagnosis=structs.replace(answer.diagnosis, findings=()))


def test_an_error_that_is_gone_without_a_word_is_noticed(blocked: Answer) -> None:
    assert blocked.errors
    assert turned_silent(blocked, blocked) == []
    assert turned_silent(blocked, without_errors(blocked)) != []


def test_a_gap_about_another_pod_explains_nothing(blocked: Answer) -> None:
    from meshdoctor.model.finding import NotEvaluated

    silent = without_errors(blocked)
    assert silent.diagnosis is not None
    for pods, is_silent in ((("other/pod",), True), (tuple({key[2] for key in blocked.errors}), False), ((), False)):
        gap = NotEvaluated("some-rule", pods, (), "it was not read")
        after = silent._replace(diagnosis=structs.replace(silent.diagnosis, not_evaluated=(gap,)))
        assert bool(turned_silent(blocked, after)) is is_silent


def test_an_error_about_another_port_stands_for_nothing(blocked: Answer) -> None:
    assert blocked.diagnosis is not None
    assert silent_failures(blocked) == []
    moved = tuple(structs.replace(one, port=1) for one in blocked.diagnosis.findings)
    elsewhere = tuple(structs.replace(one, pods=("other/pod",)) for one in blocked.diagnosis.findings)
    for findings in ((), moved, elsewhere):
        after = blocked._replace(diagnosis=structs.replace(blocked.diagnosis, findings=findings))
        assert silent_failures(after) != []


def test_a_document_is_put_back_after_each_mutation() -> None:
    held = capture("mysql-blocked")
    with Bench([held], 1) as bench:
        folder = bench.mutation(1)[1].folder
        bench.try_one(1)
        assert {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        } == held.files
