"""A source read into a case, or saved as a capture."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from meshdoctor import bundled
from meshdoctor.diagnosis.scope import refuse_empty
from meshdoctor.errors import UsageError
from meshdoctor.facts.case import Case
from meshdoctor.model.evidence import Capture, Unread
from meshdoctor.sources.read_source import read_captures, read_snapshot
from meshdoctor.sources.source import Source
from meshdoctor.text.nearest import nearest

if TYPE_CHECKING:
    from meshdoctor.sources.live.live_cluster import FetchObserver


class SavedCapture(Struct, frozen=True):
    """A capture that was saved. `size` is in bytes on disk, `removed` the number of secrets that were redacted, and
    `replaced` of other texts, of which the length was kept."""

    path: Path
    documents: int
    proxies: int
    size: int
    removed: int
    replaced: int
    unread: tuple[Unread, ...]
    interrupted: bool


def open_case(
    source: Source, watcher: FetchObserver | None = None, *, pod: str = "", hosts: Collection[str] | None = None
) -> Case:
    """Collect the evidence of a source. Of a live cluster with `pod` only what a trace from there needs, with
    `hosts` only their addresses.

    Raises `Unreadable` where it cannot be read, `NothingToJudge` where it holds nothing, `UsageError` where the source
    names nothing.
    """
    if source.cluster is not None:
        from meshdoctor.diagnosis.cluster_reader import read_cluster

        cluster = read_cluster(source.cluster, watcher, pod=pod, hosts=hosts)
        return Case(add_manifests(cluster.capture(), source), interrupted=cluster.interrupted)
    return Case(add_manifests(_read_files(source), source))


def add_manifests(capture: Capture, source: Source) -> Capture:
    """The capture with the source's own manifests (`-f`) in it."""
    if not source.manifests:
        return capture
    from meshdoctor.sources.manifest_sources import with_manifests

    return with_manifests(capture, source.manifests)


def _read_files(source: Source) -> Capture:
    if source.snapshot is not None:
        name, names = source.snapshot, bundled.snapshot_names()
        if name not in names:
            raise UsageError(f"there is no snapshot {name!r}. {nearest(name, names)}")
        return structs.replace(read_snapshot(bundled.snapshots_dir() / name), location=f"demo:{name}")
    if source.path is not None:
        return read_captures(source.paths)
    if source.manifests:
        raise UsageError(
            "-f gives manifests, which contain no sidecar: give a capture or a config dump too, with --from."
        )
    raise UsageError("nothing to look at: give a capture with --from PATH, or try `meshdoctor demo`.")


def save_capture(
    source: Source, path: Path, watcher: FetchObserver | None = None, *, keep_all: bool = False
) -> SavedCapture:
    """Save what a diagnosis reads of a source's evidence, without secrets; with `keep_all` all of it but secrets.

    Raises what `open_case` and `sources.save.save` raise.
    """
    from meshdoctor.sources.redact_capture import redacted
    from meshdoctor.sources.save import check_target, save

    check_target(path)
    if source.cluster is not None:
        from meshdoctor.diagnosis.cluster_reader import read_cluster

        cluster = read_cluster(structs.replace(source.cluster, keep_all=keep_all), watcher)
        removals, about = cluster.removals, cluster.about
        capture = redacted(cluster.capture(), removals, cluster.redaction, has_clean_pages=True)
    else:
        from meshdoctor.sources.redact import Removals
        from meshdoctor.sources.redaction import Redaction

        removals, about = Removals(), {}
        capture = redacted(_read_files(source), removals, Redaction(keep_all=keep_all))
    refuse_empty(Case(capture))
    written = save(capture, path, removals, about)
    return SavedCapture(
        path=path,
        documents=written.documents,
        proxies=len(capture.proxy_documents()),
        size=written.size,
        removed=removals.counts.total(),
        replaced=removals.texts.total(),
        unread=written.unread,
        interrupted=bool(about.get("interrupted")),
    )
