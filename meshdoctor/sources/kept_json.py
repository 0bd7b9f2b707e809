"""JSON pages of Envoy with only the texts that `kept_fields` names; everything else in them stays byte for byte.

Works on the text, not on decoded values: a page that was cut short or gives a key twice says so afterwards as well.
What was looked at once is not looked at again. A resource that another sidecar had is known by its digest; of a new one
the texts are cut out, and what remains, which most resources of a kind have in common, says which of them are kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from meshdoctor.sources.kept_fields import (
    CLUSTER,
    CLUSTER_STATUS,
    ENVOY,
    LISTENER,
    LOAD_ASSIGNMENT,
    NAME,
    NOTHING,
    ROUTES,
    Kept,
    TextOf,
)
from meshdoctor.sources.kept_text import is_harmless, kept_value

Counts = Counter[str]
"""Replaced texts by the name of the field that they stand in."""

_MOST = 500_000
"""Resources and their outlines that are remembered."""
_MOST_TEXTS = 100_000
_LARGE = 1024
"""Bytes from which a part of the bootstrap is remembered."""
_TEXT = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_VALUE = re.compile(rb'": "(%b)"|"(%b)"(?=\s{0,256}[,\]])' % (_TEXT, _TEXT), re.DOTALL)
"""A text that is the value of a key, in Envoy's layout, or an item of a list."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?P<end>"?)|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_STAMP = re.compile(rb'"[-\dTZ:./+]{0,48}"')
"""A time, or a version that istiod gave."""
_NONE = Raw(b"")


class _Part(Struct, omit_defaults=True):
    """A part of a page, split into resources, which sidecars share, and what is the sidecar's own."""


class _State(_Part):
    version_info: Raw = _NONE
    listener: Raw = _NONE
    last_updated: Raw = _NONE
    client_status: Raw = _NONE


class _Entry(_Part):
    name: Raw = _NONE
    version_info: Raw = _NONE
    last_updated: Raw = _NONE
    client_status: Raw = _NONE
    listener: Raw = _NONE
    active_state: _State | None = None
    cluster: Raw = _NONE
    route_config: Raw = _NONE
    endpoint_config: Raw = _NONE


class _Section(_Part):
    type: Raw = field(name="@type", default=_NONE)
    version_info: Raw = _NONE
    static_listeners: list[_Entry] | None = None
    dynamic_listeners: list[_Entry] | None = None
    static_clusters: list[_Entry] | None = None
    dynamic_active_clusters: list[_Entry] | None = None
    static_route_configs: list[_Entry] | None = None
    dynamic_route_configs: list[_Entry] | None = None
    static_endpoint_configs: list[_Entry] | None = None
    dynamic_endpoint_configs: list[_Entry] | None = None


class _Dump(_Part):
    configs: list[Raw]


class _Page(_Part):
    cluster_statuses: list[Raw]


_DUMP = msgspec.json.Decoder(_Dump)
_SECTION = msgspec.json.Decoder(_Section)
_PAGE = msgspec.json.Decoder(_Page)
_ITEMS = msgspec.json.Decoder(list[Raw])
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_LISTS = tuple(f.name for f in msgspec.structs.fields(_Section) if f.name not in ("type", "version_info"))
_RESOURCES = {"listener": LISTENER, "cluster": CLUSTER, "route_config": ROUTES, "endpoint_config": LOAD_ASSIGNMENT}


class _Slot(Struct, frozen=True, gc=False):
    """A text of a page: from its first quote to its last, what is kept of it, and the field that it stands in."""

    start: int
    end: int
    rule: TextOf
    name: str


_Known = dict[bytes, bytes | None]
"""What texts become; None: they stay."""


class _Outcome(Struct, frozen=True):
    """What a resource becomes (None: it stays), the names of the fields with replaced texts, its number of quotes."""

    content: bytes | None
    found: tuple[str, ...]
    quotes: int


class _Hidden(Exception):
    """What was decoded is not all that the text holds: a key is there twice, or a field that the shape has not."""


_UNSPLIT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _Hidden)


class KeptPages:
    """Replaces texts in the pages of one run. May be used by several threads."""

    def __init__(self) -> None:
        self._resources: dict[tuple[int, bytes], _Outcome] = {}
        self._outlines: dict[tuple[int, bytes], list[tuple[_Known, _Slot]]] = {}
        self._texts: dict[TextOf, _Known] = {rule: {} for rule in TextOf}

    def page(self, content: bytes, found: Counts, kept: Kept = ENVOY) -> bytes:
        """A page, whole or not. What was replaced is counted in `found`, by the name of the field."""
        own = Counts()
        try:
            made = self._split(content, kept, own)
        except _UNSPLIT:
            own = Counts()
            made = self._taken_apart(content, kept, own) or content
        found.update(own)
        return made

    def _split(self, content: bytes, kept: Kept, found: Counts) -> bytes:
        """The page by its resources. Raises `_UNSPLIT` where it cannot be split."""
        head = content[:4096]
        names: Counter[tuple[str, ...]] = Counter()
        if head.lstrip()[:1] == b"[":
            items = _ITEMS.decode(content)
            made: list[Raw] | _Part | Raw = self._items(content, items, kept, names)
        elif b'"configs"' in head:
            dump = _DUMP.decode(content)
            _expect(content, 2 + sum(map(_quotes, dump.configs)))
            dump.configs = [self._section(raw, names) for raw in dump.configs]
            made = dump
        elif b'"cluster_statuses"' in head:
            page = _PAGE.decode(content)
            page.cluster_statuses = self._items(content, page.cluster_statuses, CLUSTER_STATUS, names, 2)
            made = page
        else:
            made = self._members(Raw(content), kept, ("node",), names)
        for fields, count in names.items():
            for name in fields:
                found[name] += count
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
            of_field = _field_of(kept, name)
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

    def _section(self, raw: Raw, names: Counter[tuple[str, ...]]) -> Raw:
        if b'"bootstrap"' in bytes(memoryview(raw)[:512]):
            return self._members(raw, ENVOY, ("bootstrap", "node"), names)
        own: Counter[tuple[str, ...]] = Counter()
        try:
            section = _SECTION.decode(raw)
            quotes = 2 * sum(1 for name in _LISTS if getattr(section, name) is not None)
            quotes += _own_texts(section, ("type", "version_info"))
            for name in _LISTS:
                for entry in getattr(section, name) or ():
                    quotes += self._entry(entry, own)
            _expect(bytes(raw), quotes)
        except (msgspec.ValidationError, _Hidden):
            made = self._resource(raw, ENVOY, names).content
            return raw if made is None else Raw(made)
        names.update(own)
        return Raw(msgspec.json.encode(section))

    def _entry(self, entry: _Entry, names: Counter[tuple[str, ...]]) -> int:
        """Replaces the resources of an entry; returns its number of quotes."""
        quotes = _own_texts(entry, ("name", "version_info", "last_updated", "client_status"))
        state = entry.active_state
        if state is not None:
            quotes += 2 + _own_texts(state, ("version_info", "last_updated", "client_status"))
            quotes += self._replace(state, "listener", names)
        for name in _RESOURCES:
            quotes += self._replace(entry, name, names)
        return quotes

    def _replace(self, part: _Entry | _State, name: str, names: Counter[tuple[str, ...]]) -> int:
        raw: Raw = getattr(part, name)
        if raw is _NONE:
            return 0
        outcome = self._resource(raw, _RESOURCES[name], names)
        if outcome.content is not None:
            setattr(part, name, Raw(outcome.content))
        return 2 + outcome.quotes

    def _resource(self, raw: Raw, kept: Kept, names: Counter[tuple[str, ...]]) -> _Outcome:
        key = (id(kept), hashlib.sha256(raw).digest())
        known = self._resources.get(key)
        if known is None:
            content = bytes(raw)
            known = _Outcome(*self._looked_at(content, kept, ""), content.count(b'"'))
            _bound(self._resources, _MOST)
            self._resources[key] = known
        if known.found:
            names[known.found] += 1
        return known

    def _looked_at(self, content: bytes, kept: Kept, name: str) -> tuple[bytes | None, tuple[str, ...]]:
        """What a part of a page becomes, None where it stays, and the fields whose texts are replaced."""
        parts = _VALUE.split(content)
        outline = (id(kept), hashlib.sha256(b"\0".join((name.encode(), *parts[0::3]))).digest())
        slots = self._outlines.get(outline)
        if slots is None:
            # Equal parts between the texts mean equal slots: no text holds a quote that could end it.
            found_slots = list(_slots(content.decode("latin-1"), kept, name))
            if [(slot.start, slot.end) for slot in found_slots] != list(_spans(parts)):
                found = Counts()
                return self._taken_apart(content, kept, found, name), tuple(found.elements())
            slots = [(self._texts[slot.rule], slot) for slot in found_slots]
            _bound(self._outlines, _MOST)
            self._outlines[outline] = slots
        names: list[str] = []
        for at, (known, slot) in zip(range(1, len(parts), 3), slots, strict=True):
            value = parts[at]
            if value is None:
                at += 1
                value = parts[at]
            made = known.get(value, b"")
            if made == b"":
                made = _kept_bytes(value, slot.rule)
                _bound(known, _MOST_TEXTS)
                known[value] = made
            if made is not None:
                parts[at] = made
                names.append(slot.name)
        return (_joined(parts) if names else None), tuple(names)

    def _taken_apart(self, content: bytes, kept: Kept, found: Counts, name: str = "") -> bytes | None:
        """The same token by token, for text of any layout, to where it ends; None where nothing is replaced."""
        text = content.decode("utf-8", "surrogateescape")
        parts: list[str] = []
        done = 0
        for slot in _slots(text, kept, name, bare_words=True):
            token = text[slot.start : slot.end]
            value = _unquoted(token) if token[:1] == '"' else token
            made = kept_value(value, slot.rule)
            if made == value:
                continue
            found[slot.name] += 1
            quoted = json.dumps(made, ensure_ascii=False)
            is_cut = token[:1] == '"' and (len(token) == 1 or token[-1:] != '"')
            parts += text[done : slot.start], quoted[:-1] if is_cut else quoted
            done = slot.end
        return "".join((*parts, text[done:])).encode("utf-8", "surrogateescape") if parts else None


def _bound(memory: dict[Any, Any], most: int) -> None:
    if len(memory) >= most:
        memory.clear()


def _spans(parts: list[bytes]) -> Iterator[tuple[int, int]]:
    """Where the quotes of each text are, in what `_VALUE` split."""
    end = len(parts[0])
    for at in range(1, len(parts), 3):
        start = end + (0 if parts[at] is None else 3)
        end = start + 2 + len(parts[at + 1] if parts[at] is None else parts[at])
        yield start, end
        end += len(parts[at + 2])


def _joined(parts: list[bytes]) -> bytes:
    whole = [parts[0]]
    for at in range(1, len(parts), 3):
        if parts[at] is None:
            whole += b'"', parts[at + 1], b'"', parts[at + 2]
        else:
            whole += b'": "', parts[at], b'"', parts[at + 2]
    return b"".join(whole)


def _quotes(raw: Raw) -> int:
    return bytes(raw).count(b'"')


def _expect(content: bytes, quotes: int) -> None:
    if content.count(b'"') != quotes:
        raise _Hidden


def _own_texts(part: _Part, names: tuple[str, ...]) -> int:
    """Quotes of fields that hold names and times. Raises `_Hidden` where one holds something else."""
    quotes = 0
    for name in names:
        raw: Raw = getattr(part, name)
        if raw is not _NONE:
            if not _STAMP.fullmatch(raw):
                text = bytes(raw)
                if text[:1] != b'"' or _kept_bytes(text[1:-1], TextOf.NAME) is not None:
                    raise _Hidden
            quotes += 4
    return quotes


def _kept_bytes(value: bytes, rule: TextOf) -> bytes | None:
    """What the text of a JSON string becomes, None where it stays."""
    text = _unquoted(f'"{value.decode("utf-8", "surrogateescape")}"')
    made = kept_value(text, rule)
    return None if made == text else json.dumps(made, ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")


class _Open:
    """An object or list whose end was not reached yet."""

    __slots__ = ("child", "is_key", "is_object", "kept", "name")

    def __init__(self, kept: Kept, name: str, is_object: bool) -> None:
        self.kept = kept
        self.name = name
        self.is_object = is_object
        self.is_key = is_object
        """The next text is a key."""
        self.child = NOTHING if is_object else kept


def _slots(text: str, kept: Kept, name: str, bare_words: bool = False) -> Iterator[_Slot]:
    """Every text that is no key, in order; with `bare_words` also what JSON does not know."""
    stack = [_Open(kept, name, False)]
    for token in _TOKEN.finditer(text):
        part, top = token.group(), stack[-1]
        if part in "{[":
            stack.append(_Open(top.child, top.name, part == "{"))
        elif part in "}]":
            del stack[max(1, len(stack) - 1) :]
        elif part in ",:":
            top.is_key = top.is_object and part == ","
        elif part[0] == '"' and top.is_key and token["end"]:
            key = _unquoted(part)
            top.name = key if key != "value" else top.name or key
            top.child = _field_of(top.kept, key)
        elif part[0] == '"':
            yield _Slot(token.start(), token.end(), top.child.text, top.name or "text")
        elif bare_words and part not in ("true", "false", "null") and not is_harmless(part):
            yield _Slot(token.start(), token.end(), TextOf.NOTHING, top.name or "text")


_DECODE = json.JSONDecoder(strict=False).decode


def _unquoted(part: str) -> str:
    """The text of a token in quotes; its bytes where it has escapes that are none."""
    if "\\" not in part:
        return part[1:-1] if part[-1] == '"' else part[1:]
    try:
        return str(_DECODE(part))
    except ValueError:
        return part.strip('"')


_FIELDS: dict[tuple[int, str], Kept] = {}


def _field_of(kept: Kept, name: str) -> Kept:
    """What is kept of a field, its name in Envoy's spelling or in camelCase."""
    key = (id(kept), name)
    found = _FIELDS.get(key)
    if found is None:
        own = kept.fields.get(name)
        if own is None and not name.isupper():
            own = kept.fields.get(_CAMEL.sub(lambda m: "_" + m[1].lower(), name))
        found = own or kept.rest or (NAME if name == "@type" else NOTHING)
        if len(_FIELDS) >= 1 << 15:
            _FIELDS.clear()
        _FIELDS[key] = found
    return found
