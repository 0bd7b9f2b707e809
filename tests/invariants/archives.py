"""A capture as a `.tar.gz`, damaged: cut, with flipped bytes, with a member twice."""

from __future__ import annotations

import gzip
import io
import random
import tarfile

from tests.invariants.captures import HeldCapture
from tests.invariants.mutations import Mutation, Promise

NAME = "capture.tar.gz"


def damaged(capture: HeldCapture, rng: random.Random) -> Mutation:
    """The archive of the capture with one damage."""
    how = rng.choice(("whole", "cut", "cut", "flipped", "member twice", "member cut", "tar cut"))
    members = [(f"capture/{path}", data) for path, data in sorted(capture.files.items())]
    what = how
    if how in ("member twice", "member cut"):
        place = rng.randrange(len(members))
        name, data = members[place]
        other = data[: rng.randrange(len(data) + 1)]
        if how == "member twice":
            members.insert(rng.randrange(len(members) + 1), (name, other))
        else:
            members[place] = (name, other)
        what = f"{how}: {name} with {len(other)} of {len(data)} bytes"
    packed = _tar(members)
    if how == "tar cut":
        packed = packed[: rng.randrange(len(packed))]
    data = gzip.compress(packed, 1, mtime=0)
    if how == "cut":
        end = rng.randrange(1, len(data))
        data, what = data[:end], f"cut at byte {end} of {len(data)}"
    elif how == "flipped":
        place = rng.randrange(20, len(data))
        data, what = data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :], f"byte {place} flipped"
    return Mutation(f"archive: {how}", NAME, what, Promise.DAMAGE, data)


def _tar(members: list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()
