"""Several dumps of one pod: the newest is used where their times show it, whatever the names of the files."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import Any

import msgspec
import pytest

from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.facts.same_pod import choose
from meshdoctor.model.evidence import Capture, Document

NODE = {"id": "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local"}


def dump(updated: str | None, *more: tuple[str, str], **listener: Any) -> bytes:
    """A dump with a listener `a` that was updated at second `updated`, and others."""
    entries = [(name, when) for name, when in (("a", updated), *more) if when is not None]
    listeners = [
        {
            "name": name,
            "active_state": {"last_updated": f"2026-11-21T10:00:{when}Z", "listener": {"name": name, **listener}},
        }
        for name, when in entries
    ]
    boot = {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": {"node": NODE}}
    section = {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": listeners}
    return msgspec.json.encode({"configs": [boot, section]})


def documents(**dumps: bytes) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for name, data in dumps.items():
        key = f"proxies/-/{name}/config_dump.json"
        found[key] = Document(key, partial(bytes, data), len(data), f"dumps/{name}.json")
    return found


NEWER, OLDER = dump("09.500"), dump("09")


@pytest.mark.parametrize("names", list(permutations(("a", "b", "c"))))
def test_the_newest_is_used_under_any_name(names: tuple[str, ...]) -> None:
    newest, *older = names
    found = documents(**{newest: NEWER, older[0]: OLDER, older[1]: dump("01")})
    mesh = read_mesh(Capture("dump", "dumps", dict(sorted(found.items()))))
    assert mesh.proxies["shop/web-1"].document == f"{newest}.json"
    assert {note.path for note in mesh.unread} == {f"dumps/{name}.json" for name in older}
    assert all(
        f"only dumps/{newest}.json, changed last at 2026-11-21T10:00:09Z" in note.because for note in mesh.unread
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (dump("09"), dump("09", ("b", "10"))),
        (dump("09", ("b", "01")), dump("08", ("b", "02"))),
        (dump(None, ("b", "01")), dump("08")),
        (dump("09"), dump("09", stat_prefix="x")),
        (dump("not a time"), dump("09")),
    ],
    ids=["added or removed", "each has a newer one", "nothing in common", "another content", "no time"],
)
def test_where_none_is_provably_newer_none_is_used(one: bytes, other: bytes) -> None:
    for left, right in ((one, other), (other, one)):
        mesh = read_mesh(Capture("dump", "dumps", documents(a=left, b=right)))
        assert list(mesh.proxies) == []
        assert "dumps/a.json and dumps/b.json are dumps of this pod that differ" in mesh.proxies_unread["shop/web-1"]


def test_equal_dumps_are_one() -> None:
    mesh = read_mesh(Capture("dump", "dumps", documents(a=NEWER, b=NEWER)))
    assert list(mesh.proxies) == ["shop/web-1"]
    assert (mesh.unread, mesh.notes) == ([], ["dumps/a.json and dumps/b.json are the same dump"])


def test_a_dump_beside_the_capture_that_has_the_pod() -> None:
    key = "proxies/shop/web-1/config_dump.json"
    held = {key: Document(key, lambda: OLDER, 1), **documents(z=NEWER)}
    assert read_mesh(Capture("capture", "x", held)).proxies["shop/web-1"].document == "z.json"
    held = {key: Document(key, lambda: NEWER, 1), **documents(a=OLDER)}
    assert read_mesh(Capture("capture", "x", held)).proxies["shop/web-1"].document == key


def test_pasted_parts_have_no_times() -> None:
    pasted = {"listeners.json": Document("listeners.json", lambda: b"[]", 2)}
    whole = {"config_dump.json": Document("config_dump.json", lambda: NEWER, 2)}
    assert choose([pasted, whole]).used is None
