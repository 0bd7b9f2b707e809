"""A mapping whose values are created on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Generic, TypeVar, overload

Source = TypeVar("Source")
Value = TypeVar("Value")


class LazyMap(Mapping[str, Value], Generic[Source, Value]):
    """Keys are known at once, values are made from their sources on first use and then kept.

    A sidecar of a large mesh has thousands of clusters of which a question touches a few.
    """

    def __init__(
        self, sources: dict[str, Source] | Callable[[], dict[str, Source]], make: Callable[[Source], Value]
    ) -> None:
        self._given = sources
        self._make = make
        self._made: dict[str, Value] = {}

    @cached_property
    def _sources(self) -> dict[str, Source]:
        """The sources; a function is called on first use."""
        return self._given() if callable(self._given) else self._given

    def __getitem__(self, key: str) -> Value:
        made = self._made
        if key not in made:
            made[key] = self._make(self._sources[key])
        return made[key]

    def __contains__(self, key: object) -> bool:
        return key in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


class LazySequence(Sequence[Value]):
    """A sequence that is created on first use."""

    def __init__(self, make: Callable[[], Sequence[Value]]) -> None:
        self._make = make

    @cached_property
    def _items(self) -> Sequence[Value]:
        return self._make()

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Value]: ...
    def __getitem__(self, index: int | slice) -> Value | Sequence[Value]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)
