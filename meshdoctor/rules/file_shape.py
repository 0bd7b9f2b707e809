"""What is wrong with the shape of a rule file: every unknown key, missing key and wrong type, not only the first.

msgspec's own conversion is fast but stops at the first error; this check runs only after it failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

import msgspec

from meshdoctor.rules.fact_paths import fields_of, item_type, nearest


class Problem(NamedTuple):
    """One mistake: where in the document (`$.fixes[0].title`), and what is wrong, in words."""

    path: str
    text: str


def shape_problems(value: Any, kind: Any, path: str = "$") -> Iterator[Problem]:
    """Every place where a document does not fit a type made of Structs, tuples, enums and plain values."""
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    structs = [part for part in parts if isinstance(part, type) and issubclass(part, msgspec.Struct)]
    if structs and isinstance(value, dict):
        yield from _struct_problems(value, structs[0], path)
    elif item_type(kind) is not None and isinstance(value, list):
        for index, item in enumerate(value):
            yield from shape_problems(item, item_type(kind), f"{path}[{index}]")
    elif isinstance(kind, type) and issubclass(kind, StrEnum):
        if value not in list(kind):
            yield Problem(path, f"`{value}` is not one of {', '.join(kind)}{nearest(str(value), kind)}")
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            said = str(error).split(" - at ")[0]
            yield Problem(path, said.replace("`array`", "a list").replace("`object`", "a mapping").replace("`", ""))


def _struct_problems(value: dict[Any, Any], kind: type[msgspec.Struct], path: str) -> Iterator[Problem]:
    fields = fields_of(kind)
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    absent = [name for name in fields if name not in value]
    for key in value:
        if key in fields:
            yield from shape_problems(value[key], fields[key], f"{path}.{key}")
        else:
            yield Problem(
                f"{path}.{key}", f"unknown key `{key}`{nearest(str(key), absent) or nearest(str(key), fields)}"
            )
    for name in absent:
        if name in required:
            yield Problem(path, f"the key `{name}` is missing")
