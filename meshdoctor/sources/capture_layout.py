"""The capture layout: which paths are evidence, where a capture's root is, and what its `capture.yaml` says.

    capture.yaml                        schema, captured_at, unread: [{path, because}]
    dns.json
    resources/<plural>.yaml             or .json
    resources/<plural>/<name>.yaml      where a kind came in several files
    proxies/<namespace>/<pod>/config_dump.json, server_info.json, clusters.json (or clusters.txt), stats.txt,
                              access_log.json (or istio-proxy.log, which counts only where access_log.json is not there)

Observed results and expectations beside it (`observed.json`, `expect.yaml`) are never evidence.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.semantics.istio.egress_kinds import KINDS
from meshdoctor.sources.limits import MIB, Limits
from meshdoctor.sources.source_tree import SourceFile, SourceTree
from meshdoctor.text.printable import printable

SCHEMA = 1
"""Version of capture.yaml. A newer one may have keys that this version does not know."""

NOT_EVIDENCE = {"observed.json", "expect.yaml", "snapshot.yaml", "capture.yaml"}

DNS = "dns.json"
"""Path of the upstream DNS answers."""
_TOP = {DNS, "capture.yaml", "snapshot.yaml"}
_PROXY = r"proxies/[^/]+/[^/]+/"
_EVIDENCE = re.compile(
    rf"(?P<proxy>(?:[^/]+/)*?){_PROXY}"
    r"(?:(?:config_dump|server_info|clusters|bootstrap|listeners|routes|endpoints|access_log)\.json"
    r"|(?:stats|clusters)\.txt)\Z"
    rf"|(?P<resource>(?:[^/]+/)?)resources/(?:(?:{'|'.join(KINDS)})/)?[^/]+\.(?:yaml|yml|json)\Z"
)
"""A document of the layout, and the folder above it. `resources` is an ordinary name: it counts only near the top."""
_LOG = re.compile(rf"{_PROXY}istio-proxy\.log\Z")
"""Belongs to a capture but does not identify one: a bug-report has it too."""
_MAY_BE_EVIDENCE = re.compile(r"(?:.*/)?(?:[^/]+\.(?:ya?ml|json)(?:\.gz|\.zst)?|(?:stats|clusters)\.txt)\Z")


class CaptureInfo(Struct, frozen=True):
    """What `capture.yaml` or `snapshot.yaml` says about the evidence beside it."""

    captured_at: str | None = None
    unread: tuple[Unread, ...] = ()


def may_be_evidence(path: str) -> bool:
    """Whether a file of this name may be evidence. Other logs, pictures and `._` files of macOS are not."""
    return not path.rsplit("/", 1)[-1].startswith(".") and _MAY_BE_EVIDENCE.match(path) is not None


def find_root(tree: SourceTree) -> str | None:
    """The folder of `tree` that contains the capture, with its `/`; None where no folder has the capture layout.

    Raises `UsageError` where there are several captures side by side.
    """
    roots = {root for path in tree.files if (root := _root_of(path)) is not None}
    return only_root(tree, roots) if roots else None


def only_root(tree: SourceTree, roots: set[str], other: str | None = None) -> str:
    """The one of `roots` that contains all others, and `other`, the root of another layout.

    Raises `UsageError` where none does.
    """
    top = min(roots, key=lambda root: (root.count("/"), root))
    beside = roots if other is None else roots | {other}
    if any(not root.startswith(top) for root in beside):
        several = sorted(root.rstrip("/") or "the folder itself" for root in beside)
        names = ", ".join(several[:5]) + (" ..." if len(several) > 5 else "")
        raise UsageError(f"{tree.location} contains {len(several)} captures side by side ({names}). Give one of them.")
    return top


def arrange(tree: SourceTree, root: str, limits: Limits) -> Capture:
    """The capture below `root`. Files outside the layout are not evidence and are left out."""
    documents: dict[str, Document] = {}
    unread = [Unread(note.path.removeprefix(root), note.because) for note in tree.unread]
    info = CaptureInfo()
    for path, found in sorted(tree.files.items()):
        key = path.removeprefix(root)
        if not path.startswith(root) or not (key in _TOP or _root_of(key) == "" or _LOG.match(key)):
            continue
        if key == "capture.yaml":
            info = read_capture_info(found, limits)
        elif key not in NOT_EVIDENCE:
            documents[key] = found.as_document(key, limits)
    unread += [*_one_file_per_kind(documents), *info.unread]
    return Capture("capture", tree.location, documents, tuple(unread), info.captured_at)


def _root_of(path: str) -> str | None:
    match = _EVIDENCE.match(path)
    return None if match is None else match["proxy"] or match["resource"] or ""


def read_capture_info(found: SourceFile, limits: Limits) -> CaptureInfo:
    """What a `capture.yaml` or `snapshot.yaml` says. A broken one is noted; the evidence beside it still counts."""
    try:
        content = found.as_document(found.path, Limits(document=min(MIB, limits.document))).read()
        value: Any = next(iter(yamlio.load_documents(content, found.origin)), {})
    except Unreadable as problem:
        return CaptureInfo(unread=(Unread(found.path, str(problem)),))
    if not isinstance(value, dict):
        return CaptureInfo(unread=(Unread(found.path, "is not a mapping; the time of the capture is not known"),))
    unread = value.get("unread")
    notes = [note for entry in (unread if isinstance(unread, list) else ()) if (note := _note(entry))]
    schema = value.get("schema", SCHEMA)
    if isinstance(schema, int) and schema > SCHEMA:
        because = f"has schema {schema}; this version of meshdoctor reads {SCHEMA} and ignores what is new"
        notes.append(Unread(found.path, because))
    captured_at = value.get("captured_at")
    return CaptureInfo(printable(captured_at) if isinstance(captured_at, str) else None, tuple(notes))


def _note(entry: Any) -> Unread | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        return None
    return Unread(printable(entry["path"]), printable(str(entry.get("because", "was not read at capture time"))))


def _one_file_per_kind(documents: dict[str, Document]) -> list[Unread]:
    """Drops `resources/pods.json` where there is a `resources/pods.yaml`, and notes it."""
    notes: list[Unread] = []
    first: dict[str, str] = {}
    keys = (key for key in documents if key.startswith("resources/") and key.count("/") == 1)
    for key in sorted(keys, key=lambda key: (not key.endswith(".yaml"), key)):
        kind = key.rsplit(".", 1)[0]
        if kind in first:
            del documents[key]
            notes.append(Unread(key, f"{first[kind]} contains the same kind and was read instead"))
        first.setdefault(kind, key)
    return notes
