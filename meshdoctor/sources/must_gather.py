"""OpenShift Service Mesh's must-gather, as `oc adm must-gather` leaves it, as a capture.

    namespaces/<namespace>/pods/<pod>/config_dump_proxy.json, .../istio-proxy/istio-proxy/logs/current.log
    namespaces/<namespace>/core/pods.yaml, services.yaml, configmaps.yaml
    namespaces/<namespace>/networking.istio.io/<plural>/<name>.yaml
    namespaces/<namespace>/<namespace>.yaml
    cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions/<plural>.networking.istio.io.yaml

below `must-gather.local.<number>/<image>/`. The script lists every CRD that it found in every namespace of the mesh: a
kind whose CRD is there and that has no file has no object in those namespaces. Sources: gather_istio.sh of
openshift-service-mesh/istio-must-gather; `dirPathForInfo` of `oc adm inspect`; kiali's offline client.
"""

from __future__ import annotations

import re

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.semantics.istio.egress_kinds import NAMESPACED_CORE_KINDS, NETWORKING_GROUP, NETWORKING_KINDS
from meshdoctor.sources.documents import missing_document
from meshdoctor.sources.limits import Limits, Retention
from meshdoctor.sources.source_tree import SourceTree

_TOP = r"(?P<top>(?:[^/]+/)*?)"
_IN = rf"{_TOP}namespaces/(?P<namespace>[^/]+)/"
_NETWORKING = rf"{re.escape(NETWORKING_GROUP)}/(?P<networking>{'|'.join(NETWORKING_KINDS)})"
_CORE = rf"core/(?P<core>{'|'.join(NAMESPACED_CORE_KINDS)})"
_DUMP = re.compile(rf"{_IN}pods/(?P<pod>[^/]+)/config_dump_proxy\.json\Z")
_LOG = re.compile(rf"{_IN}pods/(?P<pod>[^/]+)/istio-proxy/istio-proxy/logs/current\.log\Z")
_OBJECTS = re.compile(rf"{_IN}(?:{_NETWORKING}|{_CORE})(?:/[^/]+)?\.yaml\Z")
_NAMESPACE = re.compile(rf"{_IN}(?P=namespace)\.yaml\Z")
_CRD = re.compile(
    rf"{_TOP}cluster-scoped-resources/apiextensions\.k8s\.io/customresourcedefinitions/"
    rf"(?P<plural>{'|'.join(NETWORKING_KINDS)})\.{re.escape(NETWORKING_GROUP)}\.yaml\Z"
)
_TIMESTAMP = re.compile(rf"{_TOP}timestamp\Z")
_ELSE = re.compile(
    rf"{_IN}(?:pods/[^/]+/|core/(?:endpoints|events|persistentvolumeclaims|replicationcontrollers|secrets)[/.]"
    r"|(?:[a-z0-9-]+\.)*(?:k8s\.io|openshift\.io|coreos\.com|maistra\.io|kiali\.io|cncf\.io)/)"
    r"|(?:.*/)?cluster-scoped-resources/"
)
"""The other files of a must-gather: thousands of objects, and istiod's own view of each proxy."""
_TIME = re.compile(rb"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? \+0000 UTC")
_GAP = "a must-gather covers the namespaces of the mesh only: entries of other namespaces are not known"


def retention_of(path: str) -> Retention | None:
    """What is kept of the file at `path`, None where it is no part of a must-gather."""
    if _LOG.match(path):
        return Retention.END
    if _CRD.match(path):
        return Retention.NAME
    if any(pattern.match(path) for pattern in (_DUMP, _OBJECTS, _NAMESPACE, _TIMESTAMP)):
        return Retention.WHOLE
    return Retention.NOTHING if _ELSE.match(path) else None


def find_roots(tree: SourceTree) -> set[str]:
    """The folders of `tree` that contain a must-gather with Envoy's dumps, each with its `/`."""
    return {match["top"] for path in tree.files if (match := _DUMP.match(path))}


def arrange(tree: SourceTree, root: str, limits: Limits) -> Capture:
    """The capture below `root`. Objects keep their files, one document each."""
    documents: dict[str, Document] = {}
    for path, found in sorted(tree.files.items()):
        key = _key(path, root)
        if key and found.size:
            documents[key] = found.as_document(path.removeprefix(root), limits, found.origin)
        elif key.endswith("config_dump.json"):
            documents[key] = missing_document(path.removeprefix(root), "is empty")
    listed = {match["plural"] for path in tree.names if (match := _CRD.match(path)) and match["top"] == root}
    present = {key.split("/")[1] for key in documents}
    for plural in listed - present:
        key = f"resources/{plural}.yaml"
        documents[key] = Document(key, lambda: yamlio.EMPTY_LIST, len(yamlio.EMPTY_LIST))
    lacking = [k for k in (*NETWORKING_KINDS, *NAMESPACED_CORE_KINDS) if k not in listed | present]
    unread = [Unread(note.path.removeprefix(root), note.because) for note in tree.unread]
    unread += [Unread("namespaces/", f"has neither objects nor the CRD of {plural}") for plural in lacking]
    unread.append(Unread("namespaces/", _GAP))
    return Capture("must-gather", tree.location, documents, tuple(unread), _captured_at(tree, root))


def _key(path: str, root: str) -> str:
    """The path of a file in the capture layout, empty where it has none or is not below `root`."""
    for pattern in (_DUMP, _LOG, _OBJECTS, _NAMESPACE):
        match = pattern.match(path)
        if match is None or match["top"] != root:
            continue
        namespace = match["namespace"]
        if pattern is _OBJECTS:
            plural = match["networking"] or match["core"]
            return f"resources/{plural}/{namespace}.{path.rsplit('/', 1)[1]}"
        if pattern is _NAMESPACE:
            return f"resources/namespaces/{namespace}.yaml"
        return f"proxies/{namespace}/{match['pod']}/{'config_dump.json' if pattern is _DUMP else 'istio-proxy.log'}"
    return ""


def _captured_at(tree: SourceTree, root: str) -> str | None:
    """When the gathering began, from the nearest `timestamp` above `root`, which is in Go's format, in UTC."""
    matches = [match for path in tree.files if (match := _TIMESTAMP.match(path)) and root.startswith(match["top"])]
    for match in sorted(matches, key=lambda match: match[0].count("/"), reverse=True):
        try:
            time = _TIME.match(tree.files[match[0]].head())
        except Unreadable:
            continue
        if time is not None:
            return f"{time[1].decode()}T{time[2].decode()}Z"
    return None
