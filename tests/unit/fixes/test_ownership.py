"""What an undo does not give back: who was older has it, and what is made anew is the youngest."""

from __future__ import annotations

import pytest

from meshdoctor.fixes.impact.ownership import deleted_entries, not_restored, ownership_changes_of, ownership_of
from meshdoctor.model.fix import Change, OwnershipChange
from tests.unit.fixes.small_mesh import MID, NEW, NOW, OLD, Tree, change, entry, mesh, pod

WEB = ("shop/web",)
DNS = {f"{name}.example": (f"198.51.100.{number}",) for number, name in enumerate("abcdefgh", 1)}
FIRST = entry("a", 443, "TLS", created=OLD)
SECOND = entry("a-more", 9000, "TCP", host="a.example", created=MID)
OTHER = entry("b", 9000, "TCP", created=NEW)
MERGED = FIRST | {"spec": FIRST["spec"] | {"ports": [*FIRST["spec"]["ports"], *SECOND["spec"]["ports"]]}}
MERGE = (change(FIRST, MERGED), change(SECOND, None))
B_HAS_IT = OwnershipChange("a.example", 9000, "ServiceEntry shop/a-more", "ServiceEntry shop/b", WEB)


def test_a_port_that_a_younger_entry_waits_for_is_lost_by_the_undo() -> None:
    assert not_restored(mesh(FIRST, SECOND, OTHER, dns=DNS), MERGE, NOW) == (B_HAS_IT,)


def test_it_is_so_on_the_objects_that_an_undo_really_leaves() -> None:
    keys = deleted_entries(MERGE)
    before = ownership_of(mesh(FIRST, SECOND, OTHER, dns=DNS), keys)
    anew = SECOND | {"metadata": SECOND["metadata"] | {"creationTimestamp": NOW}}
    assert ownership_changes_of(before, ownership_of(mesh(FIRST, anew, OTHER, dns=DNS), keys)) == (B_HAS_IT,)
    assert ownership_changes_of(before, ownership_of(mesh(FIRST, SECOND, OTHER, dns=DNS), keys)) == ()
    gone = mesh(FIRST, anew, OTHER, pod("other"), dns=DNS)
    assert ownership_changes_of(before, ownership_of(gone, keys)) == (), "who is not there any more lost nothing"


@pytest.mark.parametrize(
    ("there", "changes"),
    [
        ((FIRST, SECOND), MERGE),
        ((FIRST, SECOND, entry("b", 9000, "TCP", created=OLD)), MERGE),
        ((FIRST, SECOND, entry("b", 9001, "TCP", created=NEW)), MERGE),
        ((FIRST, SECOND, entry("b", 9000, "TCP", created=NEW, exportTo=["."])), MERGE),
        ((FIRST, SECOND, OTHER), MERGE[:1]),
    ],
    ids=["nobody else", "the other was older", "another port", "the other was private", "nothing is deleted"],
)
def test_elsewhere_all_of_it_comes_back(there: tuple[Tree, ...], changes: tuple[Change, ...]) -> None:
    assert not_restored(mesh(*there, dns=DNS), changes, NOW) == ()


def test_one_host_of_two_entries_goes_to_the_one_that_stayed() -> None:
    """The oldest of three for one host counts: its cluster is another's after the undo."""
    oldest = entry("x", 443, "TLS", host="a.example", created=OLD, resolution="NONE", namespace="egress")
    younger = entry("y", 443, "TLS", host="a.example", created=MID, namespace="mesh")
    (found,) = not_restored(mesh(oldest, younger, dns=DNS), (change(oldest, None),), NOW)
    assert (found.host, found.port) == ("a.example", 443)
    assert (found.before, found.after, found.pods) == ("ServiceEntry egress/x", "ServiceEntry mesh/y", WEB)
