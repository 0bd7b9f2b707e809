"""The archive of `istioctl bug-report`, or the folder it unpacks to, as a capture.

    proxies/<namespace>/<pod>/   config_dump?include_eds, clusters (as text), server_info, istio-proxy.log, ...; or
                                 config_dump of a ztunnel
    cluster/                     crs, k8s-resources, k8s-cluster-resources: YAML Lists of many kinds; and more
    bug-report.log

all below `bug-report/`, or below nothing where `--dir` was given. Source: tools/bug-report/pkg/content/content.go and
common/common.go of istio/istio. `cluster/secrets` is never opened.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.semantics.istio.egress_kinds import CORE_KINDS, NAMESPACED_CORE_KINDS, NETWORKING_KINDS
from meshdoctor.sources.documents import missing_document
from meshdoctor.sources.file_type import FileType, file_type
from meshdoctor.sources.limits import Limits, Retention
from meshdoctor.sources.mixed_lists import MixedList
from meshdoctor.sources.source_tree import SourceFile, SourceTree
from meshdoctor.text.times import rfc3339

_OF_CLUSTER = {"namespaces": CORE_KINDS["namespaces"]}
"""Kinds read from k8s-cluster-resources; older reports have them in k8s-resources, with the namespaced kinds.

crs lists every kind that has a CRD, and k8s-resources those of `kubectl get all` and ConfigMaps: where a kind has no
item there, the cluster has none.
"""

_TOP = r"(?P<top>(?:[^/]+/)*?)"
_DUMP = r"config_dump[?_]include_eds"
"""File names on Windows have no `?`; tools that unpack archives there write `_`."""
_PAGE = re.compile(rf"{_TOP}proxies/(?P<pod>[^/]+/[^/]+)/(?P<page>[^/]+)\Z")
_FILE = re.compile(rf"{_TOP}(?:cluster/(?:crs|k8s-resources|k8s-cluster-resources)|bug-report\.log)\Z")
_OWN = re.compile(
    rf"{_TOP}(?:proxies/[^/]+/[^/]+/(?:{_DUMP}|config_dump)|cluster/(?:crs|k8s-(?:cluster-)?resources))\Z"
)
"""Names that only a bug-report has."""
_REMAINS = re.compile(
    rf"{_TOP}(?:proxies/[^/]+/[^/]+/(?:certs|clusters|listeners|memory|netstat|runtime|server_info|istio-proxy\.log)"
    r"|cluster/(?:cluster-context|kubectl-version))\Z"
)
_PAGES = re.compile(rf"(?:(?P<dump>{_DUMP})|config_dump|clusters|server_info|istio-proxy\.log)\Z")
_KEYS = {"clusters": "clusters.txt", "server_info": "server_info.json", "istio-proxy.log": "istio-proxy.log"}
_LOG = "istio-proxy.log"
_CUT = "is missing: the archive is cut short"
_TIME = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z")


def retention_of(path: str) -> Retention | None:
    """What is kept of the file at `path`, None where it is no part of a bug-report."""
    page = _PAGE.match(path)
    if page is None:
        return Retention.WHOLE if _FILE.match(path) else None
    if page["page"] == _LOG:
        return Retention.END
    return Retention.WHOLE if _PAGES.match(page["page"]) else Retention.NAME


def find_roots(tree: SourceTree) -> set[str]:
    """The folders of `tree` that contain a bug-report, each with its `/`."""
    return {match["top"] for path in tree.files if (match := _OWN.match(path))}


def find_remains(tree: SourceTree) -> set[str]:
    """The same by names that are not specific: of a bug-report without a dump, or of an incomplete one."""
    remains = (*tree.files, *tree.names)
    return {match["top"] for path in remains if (match := _FILE.match(path) or _REMAINS.match(path))}


def arrange(tree: SourceTree, root: str, limits: Limits) -> Capture:
    """The capture below `root`. Parts of a bug-report that are missing are listed in `unread`."""
    report = _BugReport(tree, root, limits)
    report.add_proxies()
    report.add_cluster()
    unread = [Unread(note.path.removeprefix(root), note.because) for note in tree.unread]
    return Capture("bug-report", tree.location, report.documents, (*unread, *report.unread), report.captured_at())


class _BugReport:
    def __init__(self, tree: SourceTree, root: str, limits: Limits) -> None:
        self.tree = tree
        self.root = root
        self.limits = limits
        self.documents: dict[str, Document] = {}
        self.unread: list[Unread] = []

    def add_proxies(self) -> None:
        # The paths of every pod's pages by page name, those of pages that are not kept too.
        pods: dict[str, dict[str, str]] = {}
        for path in (*self.tree.files, *self.tree.names):
            page = _PAGE.match(path)
            if page is not None and page["top"] == self.root:
                pods.setdefault(page["pod"], {})[page["page"]] = path
        for pod, pages in sorted(pods.items()):
            self._add_proxy(f"proxies/{pod}/", pages)

    def _add_proxy(self, folder: str, pages: dict[str, str]) -> None:
        found = {name: self.tree.files[path] for name, path in pages.items() if path in self.tree.files}
        for name, key in _KEYS.items():
            if name in found and found[name].size:
                self._add_page(folder + key, found[name], folder + name)
        dump = next((name for name in found if name.startswith("config_dump") and name != "config_dump"), "config_dump")
        shown = folder + dump
        if dump not in found:
            shown = folder + "config_dump?include_eds"
            self.documents[folder + "config_dump.json"] = missing_document(shown, self._why_missing(pages))
        elif dump != "config_dump" or self._is_envoy(found[dump], shown):
            self._add_page(folder + "config_dump.json", found[dump], shown)

    def _add_page(self, key: str, found: SourceFile, shown: str) -> None:
        """An admin page, shown by the name of its file, which differs from that in the capture layout."""
        self.documents[key] = found.as_document(shown, self.limits, found.origin)

    def _is_envoy(self, found: SourceFile, shown: str) -> bool:
        """Whether a dump is of an Envoy. One of a ztunnel is noted."""
        try:
            head = found.head()
        except Unreadable:
            return True
        if not head.strip() or file_type(head, "config_dump") is FileType.CONFIG_DUMP:
            return True
        because = "is the dump of a ztunnel, not of an Envoy: its connections are not judged"
        self.unread.append(Unread(shown, because))
        return False

    def _why_missing(self, pages: dict[str, str]) -> str:
        refused = {note.path: note.because for note in self.tree.unread}
        for name, path in pages.items():
            if name.startswith("config_dump") and path in refused:
                return refused[path]
        if self.tree.is_cut:
            return _CUT
        return "is not in the bug-report: istioctl omits all pages of a proxy if it cannot fetch one of them"

    def add_cluster(self) -> None:
        crs = self._list("crs", NETWORKING_KINDS)
        core = self._checked(self._list("k8s-resources", NAMESPACED_CORE_KINDS))
        if crs is not None and crs.is_empty and core is None:
            self._note("crs", "is an empty List, and no other file shows that it covers the whole cluster")
            crs = None
        is_old = core is not None and core.may_hold("Namespace")
        whole = core if is_old else self._list("k8s-cluster-resources", _OF_CLUSTER)
        self._add_kinds(crs, NETWORKING_KINDS)
        self._add_kinds(core, NAMESPACED_CORE_KINDS)
        self._add_kinds(whole, _OF_CLUSTER)

    def _add_kinds(self, source: MixedList | None, kinds: dict[str, str]) -> None:
        if source is not None:
            self.documents.update((f"resources/{plural}.yaml", source.document(kind)) for plural, kind in kinds.items())

    def _checked(self, core: MixedList | None) -> MixedList | None:
        """k8s-resources; None where the Service default/kubernetes is missing, which every cluster has.

        Where `--include` names a namespace, istioctl (1.32) runs `kubectl get -n a,b` with istio-system as one of them.
        No namespace has such a name, so all Lists of namespaced kinds are empty, crs too.
        """
        if core is None or core.is_whole_cluster:
            return core
        if core.is_empty:
            because = "is an empty List: with --include, istioctl does not list the cluster. Run it without --include"
            self._note("k8s-resources", because)
            return None
        because = "does not cover all namespaces (--include), nor does cluster/crs: other namespaces are not known"
        self._note("k8s-resources", because)
        return core

    def _list(self, name: str, kinds: dict[str, str]) -> MixedList | None:
        """One file of cluster/, None (and a note) where it cannot be used."""
        shown = f"cluster/{name}"
        found = self.tree.files.get(self.root + shown)
        try:
            many = MixedList(found, shown, self.limits) if found is not None and found.size else None
            absent = _CUT if self.tree.is_cut else "is not in the bug-report (--skip-cluster-dump, or kubectl failed)"
            because = "is empty" if found is not None else absent
        except Unreadable as problem:
            many, because = None, str(problem)
        if many is not None and many.is_whole:
            return many
        because = because if many is None else "is cut short: its List has no end"
        self._note(name, f"{because}: {', '.join(kinds)} were not read")
        return None

    def _note(self, name: str, because: str) -> None:
        self.unread.append(Unread(f"cluster/{name}", because))

    def captured_at(self) -> str | None:
        """The first time in bug-report.log, which is UTC; else when the newest file of the archive was written."""
        log = self.tree.files.get(self.root + "bug-report.log")
        try:
            time = _TIME.search(log.head()) if log is not None else None
        except Unreadable:
            time = None
        if time is not None:
            return time[1].decode() + "Z"
        if not self.tree.newest:
            return None
        return rfc3339(datetime.fromtimestamp(self.tree.newest, UTC))
