"""Damage to a file as a whole: removed, emptied, replaced by something else, cut, concatenated, garbled."""

from __future__ import annotations

import random

STATUS = (
    b'{"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403, '
    b'"message": "forbidden: User \\"sre\\" cannot list resource"}\n'
)
OTHERS = (
    b"apiVersion: v1\nitems: []\nkind: PodMetricsList\nmetadata: {}\n",
    b"apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: s\nkind: List\n",
    b"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\nspec: {}\n",
    b"[]\n",
    b"{}\n",
    b'"resources"\n',
    b"Error from server (Forbidden): pods is forbidden\n",
    b"<html><body>502 Bad Gateway</body></html>\n",
)
EMPTY = (b"", b"\n", b"---\n", b"null\n")
BETWEEN = (b"", b"\n", b"\n---\n")
WAYS = ("removed", "emptied", "status", "other", "cut", "cut", "cut", "twice", "garbled", "bom")

Change = tuple[str, str, bytes | None]
"""The way, what was done, and the content; None where the file is removed."""


def changed_file(document: str, data: bytes, rng: random.Random) -> Change | None:
    """One random change; None where it would leave a document that is as possible as the first."""
    how = rng.choice(WAYS)
    if how == "cut":
        end = rng.randrange(len(data))
        # Nothing tells that a page of plain lines had more of them.
        is_whole = document.endswith(".txt") and data[end - 1 : end] in (b"\n", b"")
        return None if is_whole else (how, f"cut at byte {end} of {len(data)}", data[:end])
    if how == "garbled":
        end = rng.randrange(len(data) + 1)
        return how, f"no UTF-8 at byte {end}", data[:end] + b"\xff\xfe\x80" + data[end:]
    if how == "twice":
        between = rng.choice(BETWEEN)
        return how, f"twice, with {between!r} between", data + between + data
    other = {
        "removed": None,
        "emptied": rng.choice(EMPTY),
        "status": STATUS,
        "other": rng.choice(OTHERS),
        "bom": b"\xef\xbb\xbf" + data,
    }[how]
    return how, f"{how}: {(other or b'')[:40]!r}", other
