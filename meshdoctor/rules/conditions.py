"""`when`: CEL over one fact.

CEL gets only the fields an expression mentions: converting a whole fact with its manifests to CEL values takes thirty
times as long as evaluating it. Results are cached by these fields. An expression that may be expensive for a fact is
evaluated in a process of its own, within limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, reduce
from typing import Any, NamedTuple

import msgspec

from meshdoctor.errors import UsageError
from meshdoctor.model.fact import Fact
from meshdoctor.rules.cel_programs import BadCondition, NotComputed, compile_program, evaluate
from meshdoctor.rules.condition_cost import CHEAP, cost
from meshdoctor.rules.fact_paths import BadPath, Path, fields_of, item_type, nearest, parse_path, type_at

_STRING = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_NAME = re.compile(r"(?<![\w.])([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\])*)(\s*\()?")
_MACRO = re.compile(r"([\w.\[\]]*)\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
_WORDS = frozenset({"true", "false", "null", "in"})
_REMEMBERED = 4096
_SHOWN = 200
"""Characters of an expression that was stopped."""
_SECONDS, _SECONDS_PER_FACT = 5.0, 0.001
"""CPU time that an expression may take in all: so much at once, and on average so much more for each fact."""


class Mention(NamedTuple):
    """A name in an expression: `fact`, or the variable of a macro, and the fields read from it."""

    root: str
    path: Path


class Condition:
    """A compiled expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._always = text.strip() == "true"
        if not self._always:
            compile_program(text)
        self._known: dict[tuple[Any, ...], bool] = {}
        self._seconds_left = _SECONDS
        self._costs_too_much = ""

    def holds(self, fact: Fact) -> bool:
        """Whether the expression is true for this fact. Raises `UsageError` where that cannot be computed."""
        if self._always:
            return True
        reads = _reads(self.text, type(fact))
        values = tuple(reduce(getattr, path, fact) for path in reads)
        try:
            known = self._known.get(values)
        except TypeError:  # a manifest among the values
            return self._judge(reads, values)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[values] = self._judge(reads, values)
        return known

    def _judge(self, reads: tuple[tuple[str, ...], ...], values: tuple[Any, ...]) -> bool:
        context: dict[str, Any] = {}
        for path, value in zip(reads, values, strict=True):
            *parents, last = path
            tree = context
            for name in parents:
                tree = tree.setdefault(name, {})
            tree[last] = msgspec.to_builtins(value)
        try:
            answer = self._apart(context) if cost(self.text, values) > CHEAP else evaluate(self.text, context)
        except NotComputed as error:
            raise UsageError(f"`{self.text}` cannot be evaluated: {error}") from None
        if not isinstance(answer, bool):
            raise UsageError(f"`{self.text}` gives {answer!r}, not true or false")
        return answer

    def _apart(self, context: dict[str, Any]) -> bool:
        """Evaluates it in a process of its own. Raises `UsageError` where it takes more than its time or memory."""
        from meshdoctor.rules.condition_process import MEMORY, PROCESS, Exhausted, Question

        if not self._costs_too_much:
            self._seconds_left += _SECONDS_PER_FACT
            try:
                answer = PROCESS.ask(Question(self.text, context, max(self._seconds_left, _SECONDS_PER_FACT)))
            except Exhausted as limit:
                seconds = f"{_SECONDS:g} s of CPU time, and {_SECONDS_PER_FACT * 1000:g} ms more for each fact"
                self._costs_too_much = seconds if str(limit) == "CPU time" else f"{MEMORY >> 20} MiB of memory"
            else:
                self._seconds_left -= answer.seconds
                if answer.problem:
                    raise NotComputed(answer.problem)
                if answer.value is None:
                    raise UsageError(f"`{self.text}` gives {answer.other}, not true or false")
                return answer.value
        shown = self.text if len(self.text) <= _SHOWN else f"{self.text[:_SHOWN]}..."
        raise UsageError(
            f"`{shown}` was stopped: it takes more than {self._costs_too_much}. Nest fewer of all, exists, map and "
            "filter, or read smaller fields"
        )


@cache
def compile_condition(text: str) -> Condition:
    """Compile an expression, once per text. Raises `BadCondition` for what is no CEL."""
    return Condition(text)


def mentions(text: str) -> Iterator[Mention]:
    """Names an expression reads, with the fields that follow, without functions, methods and keywords."""
    for name, fields, call in _NAME.findall(_STRING.sub("''", text)):
        path = parse_path(fields.removeprefix(".")) if fields else ()
        if call:
            if not path:
                continue
            path = path[:-1]
        if name not in _WORDS:
            yield Mention(name, path)


def check_condition(text: str, kind: type[Fact]) -> Iterator[str]:
    """Problems of an expression about facts of this type; none where it is valid."""
    try:
        compile_condition(text)
    except BadCondition as error:
        yield str(error)
        return
    types: dict[str, Any] = {"fact": kind}
    for receiver, variable in _MACRO.findall(_STRING.sub("''", text)):
        types[variable] = _item_of(receiver, types)
    for name, path in mentions(text):
        if name not in types:
            yield f"`{name}` is unknown here; a condition reads `fact.<field>`{nearest(name, types)}"
        elif name == "fact" and not path:
            yield "`fact` alone is not a condition; name a field, `fact.host`"
        else:
            try:
                type_at(types[name], path)
            except BadPath as error:
                yield str(error) if name == "fact" else str(error).replace("`fact", f"`{name}")


def _item_of(receiver: str, types: dict[str, Any]) -> Any:
    root, _, rest = receiver.partition(".")
    try:
        return item_type(type_at(types[root], parse_path(rest))) or Any
    except (KeyError, BadPath):  # the result of another macro, or a mistake reported at its own mention
        return Any


@cache
def _reads(text: str, kind: type[Fact]) -> tuple[tuple[str, ...], ...]:
    """Paths of the values an expression needs from such a fact: down to the fields of Structs, with lists and manifests
    as a whole."""
    paths = {_struct_part(m.path, kind) for m in mentions(text) if m.root == "fact"}
    return tuple(sorted(p for p in paths if not any(p[:n] in paths for n in range(len(p)))))


def _struct_part(path: Path, kind: Any) -> tuple[str, ...]:
    names: list[str] = []
    for segment in path:
        if isinstance(segment, int) or not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            break
        names.append(segment)
        kind = fields_of(kind).get(segment)
    return tuple(names)
