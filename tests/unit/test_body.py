"""The bytes of an answer come back as they were put in, however they came."""

from __future__ import annotations

import random

import pytest

from meshdoctor.kube.body import Body

SIZES = [0, 1, 65_535, 65_536, 65_537, 1_114_112, 3_000_001]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1_000, 70_000, 5_000_000])
def test_what_was_added(size: int, step: int) -> None:
    data = random.Random(size).randbytes(size)
    body = Body()
    for start in range(0, size, step):
        body.add(data[start : start + step])
    assert (len(body), bytes(body), body.start()) == (size, data, data[:65_536])


@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_into_its_space(size: int) -> None:
    data = random.Random(size).randbytes(size)
    body = Body()
    while len(body) < size:
        space = body.space()
        rest = data[len(body) :][: min(len(space), 50_000)]
        space[: len(rest)] = rest
        body.advance(len(rest))
    assert bytes(body) == data
