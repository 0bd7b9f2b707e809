"""The proxies of a capture, read on demand; a limited number of bytes of dumps is kept decoded.

Of a dump that was dropped its summary is kept. One that cannot be read does not affect the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple, TypeVar

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy.camel_case import NOT_JSON
from meshdoctor.facts.envoy.cluster_reader import live_endpoints
from meshdoctor.facts.envoy.config_dump import read_dump
from meshdoctor.facts.envoy.config_fingerprint import ConfigFingerprint
from meshdoctor.facts.envoy.wire_statuses import ClusterStatus
from meshdoctor.model.coverage import Completeness, Coverage
from meshdoctor.model.evidence import Document, Unread
from meshdoctor.model.proxy import Proxy
from meshdoctor.model.proxy_summary import Proxies, ProxySummary, summary_of
from meshdoctor.text.duplicate_keys import duplicates_in
from meshdoctor.text.printable import printable

Known = TypeVar("Known")

HELD = 64 * 1024 * 1024
"""Bytes of dumps and pages that are kept decoded. The newest one is kept whatever its size."""


class ProxyPage:
    """The /clusters page of a proxy, decoded when it is first asked for."""

    def __init__(self, document: Document, problems: list[Unread]) -> None:
        self._document = document
        self._problems = problems
        self._unreadable = ""
        self.size = 0
        self.is_told = False
        """Whether the hosts were requested, so that an unreadable page has been reported."""

    @cached_property
    def data(self) -> bytes:
        """The document's content; empty where it cannot be read."""
        try:
            data = self._document.read()
        except (Unreadable, OSError) as problem:
            self._unreadable = str(problem)
            return b""
        self.size = len(data)
        return data

    @cached_property
    def _read(self) -> tuple[dict[str, ClusterStatus], str]:
        try:
            return live_endpoints(self.data), ""
        except (*NOT_JSON, Unreadable) as problem:
            return {}, f"not output of Envoy's /clusters: {self._unreadable or problem}"

    @property
    def problem(self) -> str:
        """Why it cannot be read; empty where it can."""
        return self._read[1]

    def statuses(self) -> dict[str, ClusterStatus]:
        """Hosts by cluster; none where the page cannot be read, which is then reported."""
        if not self.is_told:
            self.is_told = True
            if self._read[1]:
                self._problems.append(Unread(self._document.path, self._read[1]))
        return self._read[0]


class OpenedDump:
    """One proxy's documents, read; the proxy is created from them on demand.

    `key` may be empty where only the dump contains it. `data` is None for pasted arrays, which `make` reads.
    """

    def __init__(
        self,
        key: str,
        document: str,
        data: bytes | None = None,
        page: ProxyPage | None = None,
        make: Callable[[], Proxy] | None = None,
    ) -> None:
        self.key = key
        self.document = document
        self.page = page
        self._data = data
        self._make = make

    @property
    def size(self) -> int:
        """Bytes read so far."""
        return len(self._data or b"") + (self.page.size if self.page else 0)

    @cached_property
    def proxy(self) -> Proxy | None:
        """The proxy, None where there is no dump. Raises `Unreadable`."""
        if self._data is None:
            return self._make() if self._make else None
        proxy = read_dump(self._data, self.document, self.key, self.page.statuses if self.page else None)
        note_duplicates(proxy, self._data, self.document, proxy.sections)
        return proxy

    def shape(self) -> ConfigFingerprint | None:
        """The fingerprint that replicas share; None where it cannot be compared."""
        if self._data is None:
            return None
        try:
            return ConfigFingerprint(self._data, self.page.data if self.page else None)
        except ValueError:
            return None


class ProxySource(NamedTuple):
    """The source of one proxy: how to open it, and the stored size of its documents."""

    open: Callable[[], OpenedDump]
    size: int


class ProxyNotes(NamedTuple):
    """Notes about proxies, to be sent to another process."""

    summaries: dict[str, ProxySummary]
    refused: dict[str, str]


class DumpProxies(Proxies):
    """The proxies of dumps. `refuse` is called once for each that cannot be read, with the reason."""

    def __init__(
        self, sources: Mapping[str, ProxySource], refuse: Callable[[str, str], None], *, held: int = HELD
    ) -> None:
        self._sources = dict(sources)
        self._refuse = refuse
        self._held = held
        self._kept: dict[str, OpenedDump] = {}
        self._briefs: dict[str, ProxySummary] = {}
        self._refused: dict[str, str] = {}

    @property
    def names(self) -> Collection[str]:
        """The pods that have a dump, in the order of the capture."""
        return self._sources.keys()

    def size(self, key: str) -> int:
        """Bytes of its documents as stored."""
        return self._sources[key].size if key in self._sources else 0

    def add(self, key: str, source: ProxySource) -> None:
        """Add a proxy whose documents were read later."""
        self._sources[key] = source

    def opened(self, key: str) -> OpenedDump | None:
        """Its documents, decoded and not kept; None where there are none or they cannot be read."""
        if key in self._kept:
            return self._kept[key]
        if key not in self._sources or key in self._refused:
            return None
        try:
            return self._sources[key].open()
        except (Unreadable, OSError) as problem:
            self._reject(key, str(problem))
            return None

    def hold(self, opened: OpenedDump) -> Proxy | None:
        """The proxy, kept until others need the space; None where its dump cannot be read."""
        try:
            proxy = opened.proxy
        except Unreadable as problem:
            self._reject(opened.key, str(problem))
            return None
        if proxy is None:
            return None
        self._kept.pop(opened.key, None)
        self._kept[opened.key] = opened
        while len(self._kept) > 1 and sum(one.size for one in self._kept.values()) > self._held:
            oldest = next(iter(self._kept))
            self._briefs[oldest] = self._summary_now(self._kept.pop(oldest))
        return proxy

    def _summary_now(self, opened: OpenedDump) -> ProxySummary:
        """Notes are added while a proxy is evaluated, so the latest summary counts."""
        if opened.proxy is None:
            raise KeyError(opened.key)
        return summary_of(opened.proxy)

    def _reject(self, key: str, because: str) -> None:
        self._refused[key] = because
        self._refuse(key, because)

    def __getitem__(self, key: str) -> Proxy:
        opened = self.opened(key)
        proxy = self.hold(opened) if opened else None
        if proxy is None:
            raise KeyError(key)
        return proxy

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and (key in self._briefs or self.get(key) is not None)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return any(name in self for name in self.names)

    def summary(self, key: str) -> ProxySummary | None:
        """The summary of a proxy, current where it is kept decoded."""
        if key in self._kept:
            return self._summary_now(self._kept[key])
        if key not in self._briefs:
            proxy = self.get(key)
            return summary_of(proxy) if proxy is not None else None
        return self._briefs[key]

    def learn(self, learnt: ProxyNotes) -> None:
        """Add known notes, so that these dumps need not be opened for them."""
        self._briefs.update(learnt.summaries)
        for key, because in learnt.refused.items():
            if key not in self._refused:
                self._reject(key, because)

    def learnt(self, names: Collection[str] | None = None) -> ProxyNotes:
        """All that is known so far, of these proxies or of all."""
        held = {key: self._summary_now(opened) for key, opened in self._kept.items()}
        known = self._briefs | held
        if names is None:
            return ProxyNotes(known, dict(self._refused))
        return ProxyNotes(_of(known, names), _of(self._refused, names))


def _of(known: Mapping[str, Known], names: Collection[str]) -> dict[str, Known]:
    return {name: known[name] for name in names if name in known}


def note_duplicates(proxy: Proxy, data: bytes, document: str, sections: Collection[str]) -> None:
    """Mark the sections of a document as contradicted where one of its objects gives a key twice."""
    keys = tuple(map(printable, duplicates_in(data)))
    if keys:
        because = f"{document}: an object has the key {', '.join(keys)} twice with different values; the last was read"
        for section in sections:
            proxy.gaps.setdefault(section, Coverage(Completeness.CONTRADICTED, because, keys))
