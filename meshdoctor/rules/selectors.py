"""`select`: JSONPath over the sheet. The only module that imports jsonpath_ng.

A selector names one list of the sheet and selects facts of it: `$.claims[*]` takes all, `$.claims[?(@.bind ==
'0.0.0.0')]` some. Indexes (`[0]`) count within the facts of one proxy. `$..` is rejected: it would match unintended
lists, and search the whole sheet. A filter compares fields with values, in time linear in the facts: patterns, paths
that name a field twice, and filters inside filters may take for ever.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from meshdoctor.model.fact import Fact
from meshdoctor.model.sheet import SHEET
from meshdoctor.rules.fact_paths import nearest

# The selector of nearly every rule; it needs no parser, whose import takes 25 ms.
_WHOLE_LIST = re.compile(r"\$\.(\w+)\[\*\]")
# Items and steps are recognised by name: what `[*]` is read as differs between versions of jsonpath-ng.
_ITEMS = frozenset({"Wildcard", "Slice", "Index", "Filter"})
_STEPS = frozenset({"Child", "This", "Fields", "Wildcard", "Slice", "Index", "Expression", "And", "Or"})
_LONGEST = 1000
"""Characters of a selector."""


class BadSelector(Exception):
    """A `select` that cannot be used, and why."""


class Selector:
    """A compiled `select`: the list it reads and the facts it takes from it."""

    def __init__(self, list_name: str, finder: Any = None) -> None:
        self.list_name = list_name
        self._finder = finder

    @property
    def is_whole(self) -> bool:
        """Whether it selects every fact of the list."""
        return self._finder is None

    def select(self, facts: Sequence[Fact]) -> Sequence[Fact]:
        """The facts the expression selects, in its order."""
        if self._finder is None or not facts:
            return facts
        # A filter compares fields as plain values. Matches are mapped back by identity, because the plain copies do
        # not refer to their facts.
        plain = [msgspec.to_builtins(fact) for fact in facts]
        place = {id(item): index for index, item in enumerate(plain)}
        return [facts[place[id(match.value)]] for match in self._finder.find({self.list_name: plain})]


@cache
def compile_selector(expression: str) -> Selector:
    """Compile a `select`, once per text.

    Raises:
        BadSelector: no JSONPath, uses `$..`, names no list of the sheet, selects something other than its facts, or may
            take for ever.
    """
    if len(expression) > _LONGEST:
        raise BadSelector(f"it has {len(expression)} characters; {_LONGEST} are the most a selector may have")
    if ".." in expression:
        raise BadSelector("`..` searches the whole sheet; name the list, `$.claims[*]`")
    whole = _WHOLE_LIST.fullmatch(expression.strip())
    if whole:
        return Selector(_known_list(whole[1]))
    from jsonpath_ng import Child, Fields, Root
    from jsonpath_ng.ext.parser import parse

    try:
        tree = parse(expression)
    except Exception as error:  # jsonpath_ng and its lexer raise bare Exception, AttributeError and their own
        raise BadSelector(f"`{expression}` is not valid JSONPath: {str(error).splitlines()[0]}") from None
    match tree:
        case Child(left=Child(left=Root(), right=Fields(fields=(name,))), right=step) if type(step).__name__ in _ITEMS:
            _refuse_unbounded(step, expression)
            return Selector(_known_list(name), tree)
        case Child(left=Root(), right=Fields(fields=(name,))):
            raise BadSelector(f"`{expression}` selects the list itself; its facts are `$.{_known_list(name)}[*]`")
    raise BadSelector(f"`{expression}` does not select facts of one list of the sheet, as `$.claims[*]` does")


def _refuse_unbounded(step: Any, expression: str) -> None:
    """Raise `BadSelector` for a filter or index that may take longer than one pass over the facts."""
    waiting = list(getattr(step, "expressions", (step,)))
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting += part
        if not type(part).__module__.startswith("jsonpath_ng"):
            continue
        name = type(part).__name__
        named = getattr(part, "fields", ()) or getattr(part, "indices", ())
        if name not in _STEPS or getattr(part, "op", "") == "=~" or len(set(named)) < len(named):
            raise BadSelector(
                f"`{expression}`: a filter compares fields with values, `[?(@.bind == '0.0.0.0')]`; anything else is a "
                "condition for `when`"
            )
        waiting += vars(part).values()


def _known_list(name: str) -> str:
    if name not in SHEET:
        raise BadSelector(f"the sheet has no list `{name}`{nearest(name, SHEET)}")
    return name
