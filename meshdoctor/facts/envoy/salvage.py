"""What can be read of an object that does not have its expected shape, with a note where something is missing.

A field of a wrong type is never taken for one that is not set: the innermost `wire.Unit` around it says so in `unread`.
"""

from __future__ import annotations

from typing import Any, TypeVar, get_args, get_origin

import msgspec

from meshdoctor.facts.envoy.wire import Unit, Wire

Shape = TypeVar("Shape", bound=Wire)

_JSON_TYPES = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}


def json_type(value: Any) -> str:
    """The JSON type of a decoded value, with its article."""
    return _JSON_TYPES.get(type(value), "null")


def salvage(value: Any, shape: type[Shape]) -> tuple[Shape, str]:
    """As much of the shape as decodes, and what was lost of it that no unit inside says, by field, with the reason."""
    made = shape()
    if not isinstance(value, dict):
        return made, _noted(made, f"expected an object, found {json_type(value)}")
    lost = []
    for field in msgspec.structs.fields(shape):
        given = value.get(field.encode_name)
        if given is None:  # in protobuf's JSON null is absent
            continue
        kept, why = _field(given, field.type)
        if kept is not _NOTHING:
            setattr(made, field.name, kept)
        if why:
            lost.append(f"{field.encode_name}{'' if why.startswith(('.', '[')) else ': '}{why}")
    return made, _noted(made, "; ".join(lost[:3]))


def _noted(made: Wire, lost: str) -> str:
    """Write it down in a unit, which then answers for it; else return it, for the unit around."""
    if not isinstance(made, Unit) or not lost:
        return lost
    made.unread = lost
    return ""


_NOTHING = object()


def _field(value: Any, kind: Any) -> tuple[Any, str]:
    """The value of one field, and what of it was lost; `_NOTHING` where none of it could be read."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value), type=kind, strict=False), ""
    except msgspec.ValidationError as error:
        because = str(error).split(" - at")[0].replace("`", "").replace("Expected", "expected")
    shape = next((one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, Wire)), None)
    if shape is None:
        return _NOTHING, because
    if get_origin(kind) is list:
        return _items(value, shape)
    made, lost = salvage(value, shape)
    return made, f".{lost}" if lost and isinstance(value, dict) else lost


def _items(value: Any, shape: type[Wire]) -> tuple[Any, str]:
    if not isinstance(value, list):
        return _NOTHING, f"expected a list, found {json_type(value)}"
    made = [salvage(item, shape) for item in value]
    lost = next((f"[{i}].{why}" for i, (_, why) in enumerate(made) if why), "")
    return [one for one, _ in made], lost
