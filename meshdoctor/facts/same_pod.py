"""Several dumps of one pod: which of them is the newest, where they show it themselves.

Envoy notes when it took each resource (`last_updated` of envoy.admin.v3.ListenersConfigDump and the others). A dump
that has a resource from a later time than another dump has it, and none from an earlier time, was made later. A
resource that only one dump has says nothing: it may have been added or removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Document
from meshdoctor.text.times import rfc3339

_DUMP = "config_dump.json"
_RESOURCES = ("listener", "cluster", "route_config", "endpoint_config", "bootstrap")
_NAMES = ("name", "cluster_name")

Documents = Mapping[str, Document]
"""The documents of one dump by file name: config_dump.json with the pages beside it, or pasted arrays."""


class Choice(NamedTuple):
    """Which of several dumps of one pod is used."""

    used: int | None
    """Its place among them; None where it is not known which is newer."""
    differ: bool
    because: str
    """For the user; names all of them."""


def choose(dumps: Sequence[Documents]) -> Choice:
    """The newest of several dumps of one pod; any where all are equal."""
    names = [name_of(dump) for dump in dumps]
    listed = " and ".join(names)
    try:
        contents = [{file: document.read() for file, document in dump.items()} for dump in dumps]
    except (Unreadable, OSError) as problem:
        return Choice(None, True, f"{listed} are dumps of this pod, and one cannot be read: {problem}")
    if all(content == contents[0] for content in contents):
        return Choice(0, False, f"{listed} are the same dump")
    times = [stamps(content.get(_DUMP, b"")) for content in contents]
    for place, own in enumerate(times):
        if all(_is_newer(own, other) for at, other in enumerate(times) if at != place):
            others = " and ".join(name for at, name in enumerate(names) if at != place)
            newest = rfc3339(max(own.values()))
            because = (
                f"{others} is an older dump of the same pod: only {names[place]}, changed last at {newest}, was used"
            )
            return Choice(place, True, because)
    because = (
        f"{listed} are dumps of this pod that differ, and their times do not show which is newer: none was used. "
        "Give one of them"
    )
    return Choice(None, True, because)


def name_of(dump: Documents) -> str:
    """The user's file of a dump, or those of its parts."""
    documents = [dump[_DUMP]] if _DUMP in dump else list(dump.values())
    return ", ".join(document.origin or document.path for document in documents)


def stamps(data: bytes) -> dict[tuple[str, str], datetime]:
    """When each resource of a dump was taken, by list and name; none where the bytes are not a dump."""
    try:
        decoded: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return {}
    configs = decoded.get("configs") if isinstance(decoded, dict) else None
    found: dict[tuple[str, str], datetime] = {}
    for section in configs if isinstance(configs, list) else ():
        if isinstance(section, dict):
            found.update(_of_section(section))
    return found


def _of_section(section: dict[str, Any]) -> Iterator[tuple[tuple[str, str], datetime]]:
    for kind, entries in (("", [section]), *((kind, value) for kind, value in section.items())):
        for entry in entries if isinstance(entries, list) else ():
            state = entry.get("active_state") if isinstance(entry, dict) else None
            holder = state if isinstance(state, dict) else entry
            if not isinstance(holder, dict) or not isinstance(holder.get("last_updated"), str):
                continue
            bodies = (holder[one] for one in _RESOURCES if isinstance(holder.get(one), dict))
            body: dict[str, Any] = next(bodies, {})
            name = next((str(one[key]) for one in (entry, body) for key in _NAMES if one.get(key)), "")
            try:
                time = datetime.fromisoformat(holder["last_updated"].replace("Z", "+00:00"))
            except ValueError:
                continue
            yield (kind, name), time if time.tzinfo else time.replace(tzinfo=UTC)


def _is_newer(one: Mapping[tuple[str, str], datetime], other: Mapping[tuple[str, str], datetime]) -> bool:
    both = one.keys() & other.keys()
    return any(one[key] > other[key] for key in both) and all(one[key] >= other[key] for key in both)
