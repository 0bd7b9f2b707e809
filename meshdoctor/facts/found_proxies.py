"""Finds the proxies in a capture: those in folders of their own, and single dumps that alone name their pod."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy.istioctl_output import PASTED, read_pasted
from meshdoctor.facts.proxy_files import DumpProxies, OpenedDump, ProxyPage, ProxySource, note_duplicates
from meshdoctor.facts.same_pod import choose, name_of
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.proxy import Proxy
from meshdoctor.semantics.istio.data_plane import is_ztunnel

UNNAMED = "-/"
"""Key prefix of a dump without a pod's name, which its bootstrap contains."""


class _FoundDump(NamedTuple):
    """One dump of a pod: its key in the capture, its documents by file name, and the dump where it was opened."""

    key: str
    documents: Mapping[str, Document]
    opened: OpenedDump | None


def find_proxies(capture: Capture, mesh: Mesh) -> DumpProxies:
    """Proxies by name. Opens only dumps that alone contain the pod's name.

    Of several dumps of one pod the newest is used, where they show which it is. Raises `Unreadable` for a dump that the
    user named.
    """
    finder = _ProxyFinder(mesh)
    for key, documents in capture.proxy_documents().items():
        if not is_ztunnel(key, mesh.pods.get(key)):
            finder.add(key, documents)
    return finder.proxies()


class _ProxyFinder:
    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.found: dict[str, list[_FoundDump]] = {}

    def add(self, key: str, documents: Mapping[str, Document]) -> None:
        if not key.startswith(UNNAMED):
            if "config_dump.json" in documents:
                self.found.setdefault(key, []).append(_FoundDump(key, documents, None))
            return
        try:
            single = _loose(key, documents, self.mesh.unread)
            proxy = single.proxy
        except (Unreadable, OSError) as problem:
            if any(document.is_named for document in documents.values()):
                raise Unreadable(str(problem)) from None
            self.refuse(key, str(problem))
            return
        if proxy is not None:
            single.key = proxy.key
            self.found.setdefault(proxy.key, []).append(_FoundDump(key, documents, single))

    def proxies(self) -> DumpProxies:
        sources: dict[str, ProxySource] = {}
        opened: list[OpenedDump] = []
        for pod, dumps in self.found.items():
            chosen = dumps[0] if len(dumps) == 1 else self._one_of(pod, dumps)
            if chosen is None:
                continue
            if chosen.opened is None:
                sources[pod] = source_of(pod, chosen.documents, self.mesh.unread)
                continue
            opened.append(chosen.opened)
            open_it = partial(_loose, chosen.key, chosen.documents, self.mesh.unread, pod)
            sources[pod] = ProxySource(open_it, chosen.opened.size)
        proxies = DumpProxies(sources, self.refuse)
        for one in opened:
            proxies.hold(one)
        return proxies

    def refuse(self, key: str, because: str) -> None:
        self.mesh.proxies_unread[key] = because
        self.mesh.unread.append(Unread(f"proxies/{key}", because))

    def _one_of(self, pod: str, dumps: list[_FoundDump]) -> _FoundDump | None:
        choice = choose([dump.documents for dump in dumps])
        if choice.used is None:
            self.refuse(pod, choice.because)
            return None
        if choice.differ:
            left_out = (dump for place, dump in enumerate(dumps) if place != choice.used)
            self.mesh.unread += [Unread(name_of(dump.documents), choice.because) for dump in left_out]
        else:
            self.mesh.notes.append(choice.because)
        return dumps[choice.used]


def source_of(key: str, documents: Mapping[str, Document], problems: list[Unread]) -> ProxySource:
    """How to open the dump of a pod from its documents by file name."""
    dump, page = documents["config_dump.json"], _page(documents)

    def open_dump() -> OpenedDump:
        return OpenedDump(key, dump.path, dump.read(), ProxyPage(page, problems) if page else None)

    return ProxySource(open_dump, dump.size + (page.size if page else 0))


def _loose(key: str, documents: Mapping[str, Document], problems: list[Unread], name: str = "") -> OpenedDump:
    """A single dump, or pasted arrays, whose proxy has this name or the one in its bootstrap."""
    dump = documents.get("config_dump.json")
    if dump is not None:
        page = _page(documents)
        return OpenedDump(name, _shown(dump), dump.read(), ProxyPage(page, problems) if page else None)
    pasted = {file: (_shown(d), d) for file, d in documents.items() if file in PASTED}
    return OpenedDump(name, key, make=partial(_pasted, pasted, key) if pasted else None)


def _pasted(documents: dict[str, tuple[str, Document]], key: str) -> Proxy:
    """The proxy of pasted arrays; one that gives a key twice is contradicted."""
    proxy = read_pasted(documents, key)
    for file, (origin, document) in documents.items():
        note_duplicates(proxy, document.read(), origin, (file.removesuffix(".json"),))
    return proxy


def _shown(document: Document) -> str:
    """The name of a single file for messages."""
    return document.origin.rsplit("/", 1)[-1] or document.path


def _page(documents: Mapping[str, Document]) -> Document | None:
    """The /clusters page, as JSON or as text."""
    return documents.get("clusters.json") or documents.get("clusters.txt")
