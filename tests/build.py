"""Small honest builders for tests: a fact needs only the fields the test is about."""

from __future__ import annotations

from typing import Any

import msgspec

from meshdoctor.rules.fact_paths import fields_of, item_type, neutral


def fact(kind: type[msgspec.Struct], **given: Any) -> Any:
    """A fact of this type with the given fields, plain data as in a case file; the others are empty.

    Raises:
        msgspec.ValidationError: a field the type has not got, on any level, or a value of another type.
    """
    return msgspec.convert(_whole(given, kind), kind)


def _whole(given: Any, kind: Any) -> Any:
    """Plain data with every absent field of a Struct filled in, through lists and nested Structs."""
    item = item_type(kind)
    if item is not None and isinstance(given, list | tuple):
        return [_whole(one, item) for one in given]
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(given, dict)):
        return given
    fields = fields_of(kind)
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise msgspec.ValidationError(f"{kind.__name__} has no field {', '.join(unknown)}")
    return {
        name: _whole(given[name], of) if name in given else msgspec.to_builtins(neutral(of))
        for name, of in fields.items()
    }
