"""JSON pages of Envoy with only the texts that `envoy_fields` names; everything else in them stays byte for byte.

Works on the text, not on decoded values: a page that was cut short or gives a key twice says so afterwards as well.
What was looked at once is not looked at again. A resource that another sidecar had is known by its digest; of a new one
the texts are cut out, and what remains, which most resources of a kind have in common, says which of them are kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from meshdoctor.sources.kept.envoy_fields import CLUSTER, CLUSTER_STATUS, ENVOY, LISTENER, LOAD_ASSIGNMENT, ROUTES
from meshdoctor.sources.kept.fields import Kept, TextOf
from meshdoctor.sources.kept.json_texts import MEMBER, VALUE, TextSlot, field_of, spans, text_slots, unquoted
from meshdoctor.sources.kept.texts import kept_value

Counts = Counter[str]
"""Replaced texts by the name of the field that they stand in."""

_MOST = 500_000
"""Resources and their outlines that are remembered."""
_MOST_TEXTS = 100_000
_LARGE = 1024
"""Bytes from which a part of the bootstrap is remembered."""
_STAMP = re.compile(rb'"[-\dTZ:./+]{0,48}"')
"""A time, or a version that istiod gave."""
_NONE = Raw(b"")


class _SplitPart(Struct, omit_defaults=True):
    """A part of a page, split into resources, which sidecars share, and what is the sidecar's own."""


class _SplitState(_SplitPart):
    version_info: Raw = _NONE
    listener: Raw = _NONE
    last_updated: Raw = _NONE


class _SplitEntry(_SplitPart):
    name: Raw = _NONE
    version_info: Raw = _NONE
    last_updated: Raw = _NONE
    client_status: Raw = _NONE
    listener: Raw = _NONE
    active_state: _SplitState | None = None
    cluster: Raw = _NONE
    route_config: Raw = _NONE
    endpoint_config: Raw = _NONE


class _SplitSection(_SplitPart):
    type: Raw = field(name="@type", default=_NONE)
    version_info: Raw = _NONE
    static_listeners: list[_SplitEntry] | None = None
    dynamic_listeners: list[_SplitEntry] | None = None
    static_clusters: list[_SplitEntry] | None = None
    dynamic_active_clusters: list[_SplitEntry] | None = None
    static_route_configs: list[_SplitEntry] | None = None
    dynamic_route_configs: list[_SplitEntry] | None = None
    static_endpoint_configs: list[_SplitEntry] | None = None
    dynamic_endpoint_configs: list[_SplitEntry] | None = None


class _SplitDump(_SplitPart):
    configs: list[Raw]


class _SplitPage(_SplitPart):
    cluster_statuses: list[Raw]


_DUMP = msgspec.json.Decoder(_SplitDump)
_SECTION = msgspec.json.Decoder(_SplitSection)
_PAGE = msgspec.json.Decoder(_SplitPage)
_ITEMS = msgspec.json.Decoder(list[Raw])
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_LISTS = tuple(f.name for f in msgspec.structs.fields(_SplitSection) if f.name not in ("type", "version_info"))
_WITH_LISTS = (ROUTES, LISTENER, ENVOY)
_RESOURCES = {"listener": LISTENER, "cluster": CLUSTER, "route_config": ROUTES, "endpoint_config": LOAD_ASSIGNMENT}


_Known = dict[bytes, bytes | None]
"""What texts become; None: they stay."""


class _KeptResource(Struct, frozen=True):
    """What a resource becomes (None: it stays), the names of the fields with replaced texts, its number of quotes."""

    content: bytes | None
    found: tuple[str, ...]
    quotes: int


class _KeptSection(Struct, frozen=True):
    """What a section becomes, its number of quotes, and how often which fields were replaced together."""

    content: Raw
    quotes: int
    names: Counter[tuple[str, ...]]


class _Hidden(Exception):
    """What was decoded is not all that the text holds: a key is there twice, or a field that the shape has not."""


_UNSPLIT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _Hidden)


class KeptPages:
    """Replaces texts in the pages of one run. May be used by several threads."""

    def __init__(self) -> None:
        self._resources: dict[tuple[int, bytes], _KeptResource] = {}
        self._outlines: dict[tuple[int, bytes], list[tuple[_Known, TextSlot]]] = {}
        self._texts: dict[TextOf, _Known] = {rule: {} for rule in TextOf}

    def page(self, content: bytes, found: Counts, kept: Kept = ENVOY) -> bytes:
        """A page, whole or not. What was replaced is counted in `found`, by the name of the field."""
        names: Counter[tuple[str, ...]] = Counter()
        try:
            made = self._split(content, kept, names)
        except _UNSPLIT:
            apart, replaced = _taken_apart(content, kept)
            made, names = content if apart is None else apart, Counter([replaced])
        for fields, count in names.items():
            for name in fields:
                found[name] += count
        return made

    def _split(self, content: bytes, kept: Kept, names: Counter[tuple[str, ...]]) -> bytes:
        """The page by its resources. Raises `_UNSPLIT` where it cannot be split."""
        head = content[:4096]
        if head.lstrip()[:1] == b"[":
            items = _ITEMS.decode(content)
            made: list[Raw] | _SplitPart | Raw = self._items(content, items, kept, names)
        elif b'"configs"' in head:
            dump = _DUMP.decode(content)
            dump.configs = self._sections(content, dump.configs, names)
            made = dump
        elif b'"cluster_statuses"' in head:
            page = _PAGE.decode(content)
            page.cluster_statuses = self._items(content, page.cluster_statuses, CLUSTER_STATUS, names, 2)
            made = page
        else:
            made = self._members(Raw(content), kept, ("node",), names)
        return msgspec.json.encode(made)

    def _items(
        self, content: bytes, items: list[Raw], kept: Kept, names: Counter[tuple[str, ...]], quotes: int = 0
    ) -> list[Raw]:
        done = [self._resource(raw, kept, names) for raw in items]
        _expect(content, quotes + sum(one.quotes for one in done))
        return [raw if one.content is None else Raw(one.content) for raw, one in zip(items, done, strict=True)]

    def _members(self, raw: Raw, kept: Kept, within: tuple[str, ...], names: Counter[tuple[str, ...]]) -> Raw:
        """An object whose field `within[0]` is a sidecar's own, and of that `within[1]`; its other fields are not."""
        content = bytes(raw)
        members = _MEMBERS.decode(content)
        _expect(content, sum(2 + _quotes(member) for member in members.values()))
        for name, member in members.items():
            of_field = field_of(kept, name)
            if within and name == within[0] and bytes(memoryview(member)[:1]) == b"{":
                members[name] = self._members(member, of_field, within[1:], names)
                continue
            if len(memoryview(member)) >= _LARGE:
                made = self._resource(member, of_field, names).content
            else:
                made, replaced = self._looked_at(bytes(member), of_field, name)
                names[replaced] += 1
            if made is not None:
                members[name] = Raw(made)
        return Raw(msgspec.json.encode(members))

    def _sections(self, content: bytes, raws: list[Raw], names: Counter[tuple[str, ...]]) -> list[Raw]:
        split = [self._section(raw) for raw in raws]
        if 2 + sum(section.quotes for section in split) != content.count(b'"'):
            # A section has more than its shape: it is looked at whole.
            counted = [_quotes(raw) for raw in raws]
            _expect(content, 2 + sum(counted))
            split = [
                section if section.quotes == count else self._whole_section(raw)
                for raw, section, count in zip(raws, split, counted, strict=True)
            ]
        for section in split:
            names.update(section.names)
        return [section.content for section in split]

    def _section(self, raw: Raw) -> _KeptSection:
        """A section by its resources, with the number of quotes that it has if nothing in it is hidden."""
        names: Counter[tuple[str, ...]] = Counter()
        if b'"bootstrap"' in bytes(memoryview(raw)[:512]):
            return _KeptSection(self._members(raw, ENVOY, ("bootstrap", "node"), names), _quotes(raw), names)
        try:
            section = _SECTION.decode(raw)
            quotes = 2 * sum(1 for name in _LISTS if getattr(section, name) is not None)
            quotes += _own_texts(section, ("type", "version_info"))
            for name in _LISTS:
                for entry in getattr(section, name) or ():
                    quotes += self._entry(entry, names)
        except (msgspec.ValidationError, _Hidden):
            return self._whole_section(raw)
        return _KeptSection(Raw(msgspec.json.encode(section)), quotes, names)

    def _whole_section(self, raw: Raw) -> _KeptSection:
        names: Counter[tuple[str, ...]] = Counter()
        made = self._resource(raw, ENVOY, names)
        return _KeptSection(raw if made.content is None else Raw(made.content), made.quotes, names)

    def _entry(self, entry: _SplitEntry, names: Counter[tuple[str, ...]]) -> int:
        """Replaces the resources of an entry; returns its number of quotes."""
        quotes = _own_texts(entry, ("name", "version_info", "client_status"), ("last_updated",))
        state = entry.active_state
        if state is not None:
            quotes += 2 + _own_texts(state, ("version_info",), ("last_updated",))
            quotes += self._replace(state, "listener", names)
        for name in _RESOURCES:
            quotes += self._replace(entry, name, names)
        return quotes

    def _replace(self, part: _SplitEntry | _SplitState, name: str, names: Counter[tuple[str, ...]]) -> int:
        raw: Raw = getattr(part, name)
        if raw is _NONE:
            return 0
        outcome = self._resource(raw, _RESOURCES[name], names)
        if outcome.content is not None:
            setattr(part, name, Raw(outcome.content))
        return 2 + outcome.quotes

    def _resource(self, raw: Raw, kept: Kept, names: Counter[tuple[str, ...]]) -> _KeptResource:
        key = (id(kept), hashlib.sha256(raw).digest())
        known = self._resources.get(key)
        if known is None:
            content = bytes(raw)
            known = _KeptResource(*self._looked_at(content, kept, ""), content.count(b'"'))
            _bound(self._resources, _MOST)
            self._resources[key] = known
        if known.found:
            names[known.found] += 1
        return known

    def _looked_at(self, content: bytes, kept: Kept, name: str) -> tuple[bytes | None, tuple[str, ...]]:
        """What a part of a page becomes, None where it stays, and the fields whose texts are replaced."""
        # Of routes and listeners the lists of texts differ, of others almost never: they are part of the outline.
        parts = (VALUE if kept in _WITH_LISTS or b'": "' not in content[:512] else MEMBER).split(content)
        outline = (id(kept), hashlib.sha256(b"\0".join((name.encode(), *parts[0::2]))).digest())
        slots = self._outlines.get(outline)
        if slots is None:
            # Equal parts between the texts mean equal slots: no text has a quote that could end it, and no JSON a NUL.
            found_slots = self._slots_of(content, parts, kept, name)
            if found_slots is None:
                return _taken_apart(content, kept, name)
            slots = [(self._texts[slot.rule], slot) for slot in found_slots]
            _bound(self._outlines, _MOST)
            self._outlines[outline] = slots
        names: list[str] = []
        for at, (known, slot) in zip(range(1, len(parts), 2), slots, strict=True):
            value = parts[at]
            made = known.get(value, b"")
            if made == b"":
                made = _kept_bytes(value, slot.rule)
                _bound(known, _MOST_TEXTS)
                known[value] = made
            if made is not None:
                parts[at] = made
                names.append(slot.name)
        return (b'"'.join(parts) if names else None), tuple(names)

    def _slots_of(self, content: bytes, parts: list[bytes], kept: Kept, name: str) -> list[TextSlot] | None:
        """What is kept of each text that was split off; None where a text that was not has to be replaced."""
        expected = dict(zip(spans(parts), range(len(parts)), strict=False))
        chosen: list[TextSlot] = []
        for slot in text_slots(content.decode("latin-1"), kept, name):
            if (slot.start, slot.end) in expected:
                chosen.append(slot)
            elif _kept_bytes(content[slot.start + 1 : slot.end - 1], slot.rule) is not None:
                return None
        return chosen if len(chosen) == len(expected) else None


def _taken_apart(content: bytes, kept: Kept, name: str = "") -> tuple[bytes | None, tuple[str, ...]]:
    """The same token by token, for text of any layout, to where it ends."""
    text = content.decode("utf-8", "surrogateescape")
    parts: list[str] = []
    names: list[str] = []
    done = 0
    for slot in text_slots(text, kept, name, bare_words=True):
        token = text[slot.start : slot.end]
        value = unquoted(token) if token[:1] == '"' else token
        made = kept_value(value, slot.rule)
        if made == value:
            continue
        names.append(slot.name)
        quoted = json.dumps(made, ensure_ascii=False)
        is_cut = token[:1] == '"' and (len(token) == 1 or token[-1:] != '"')
        parts += text[done : slot.start], quoted[:-1] if is_cut else quoted
        done = slot.end
    whole = "".join((*parts, text[done:])).encode("utf-8", "surrogateescape") if parts else None
    return whole, tuple(names)


def _bound(memory: dict[Any, Any], most: int) -> None:
    if len(memory) >= most:
        memory.clear()


def _quotes(raw: Raw) -> int:
    return bytes(raw).count(b'"')


def _expect(content: bytes, quotes: int) -> None:
    if content.count(b'"') != quotes:
        raise _Hidden


def _own_texts(part: _SplitPart, names: tuple[str, ...], times: tuple[str, ...] = ()) -> int:
    """Quotes of fields that hold names and times. Raises `_Hidden` where one holds something else."""
    quotes = 0
    for name in names + times:
        raw: Raw = getattr(part, name)
        if raw is not _NONE:
            if not _STAMP.fullmatch(raw):
                text = bytes(raw)
                if name in times or text[:1] != b'"' or _kept_bytes(text[1:-1], TextOf.NAME) is not None:
                    raise _Hidden
            quotes += 4
    return quotes


def _kept_bytes(value: bytes, rule: TextOf) -> bytes | None:
    """What the text of a JSON string becomes, None where it stays."""
    text = value.decode("utf-8", "surrogateescape")
    if "\\" in text:
        text = unquoted(f'"{text}"')
    made = kept_value(text, rule)
    return None if made == text else json.dumps(made, ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")
