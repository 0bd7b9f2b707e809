"""The wiring: what every front end calls. Each stage is one line here; none of them knows another.

open_case    source  → Case      collect, then facts; a live cluster is collected by `live`
save_capture source  → SavedCapture
diagnose     Case    → Diagnosis engine over the sheet
trace        Case    → Trace
hosts        Case    → Hosts
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from meshdoctor import bundled
from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun, RuleResults, ShareResult, judge
from meshdoctor.diagnosis.dump_shares import in_order, over_dumps
from meshdoctor.errors import NothingToJudge, Unreadable, UsageError
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.derived.host_rows import PodColumn, PodColumns, host_rows, likely_pairs, rows_of
from meshdoctor.facts.derived.missing_evidence import unread_dumps
from meshdoctor.facts.line_numbers import with_lines
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.evidence import Capture, Unread
from meshdoctor.model.finding import Diagnosis, Finding, NotEvaluated
from meshdoctor.model.host_table import HostRow, HostTable
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.proxy_summary import ProxySummary
from meshdoctor.model.rule import Rule
from meshdoctor.model.trace import Trace
from meshdoctor.rules.loader import load_rules
from meshdoctor.semantics.istio.data_plane import KINDS, pod_kind
from meshdoctor.semantics.kubernetes.pod_selection import find_pod
from meshdoctor.sources.read_source import read_capture, read_snapshot
from meshdoctor.text.nearest import nearest
from meshdoctor.trace.outbound import Tracer, trace_host

if TYPE_CHECKING:
    from meshdoctor.diagnosis.cluster_source import ClusterSource
    from meshdoctor.sources.live.live_cluster import FetchObserver


class Source(Struct, frozen=True):
    """Where to look: a path (`--from`), manifests beside it (`-f`), a bundled snapshot, or a live cluster."""

    path: Path | None = None
    manifests: tuple[Path, ...] = ()
    snapshot: str | None = None
    cluster: ClusterSource | None = None


class SavedCapture(Struct, frozen=True):
    """A capture that was saved. `size` is in bytes on disk, `removed` the number of values that were redacted."""

    path: Path
    documents: int
    proxies: int
    size: int
    removed: int
    unread: tuple[Unread, ...]
    interrupted: bool


class SnapshotInfo(Struct, frozen=True):
    """A bundled snapshot: what it shows and what check must find in it."""

    name: str
    title: str
    story: str
    istio_version: str
    expected: dict[str, list[Any]]
    """`errors` and `also`: [rule, host or None] each; `never`: rule ids."""


class Case:
    """One capture and the mesh in it. `interrupted`: Ctrl-C ended the reading, and what is missing is named in it."""

    def __init__(self, capture: Capture, *, interrupted: bool = False) -> None:
        self.capture = capture
        self.interrupted = interrupted

    @cached_property
    def mesh(self) -> Mesh:
        """The mesh; read on first use."""
        return read_mesh(self.capture)


def open_case(
    source: Source, watcher: FetchObserver | None = None, *, pod: str = "", hosts: Collection[str] | None = None
) -> Case:
    """Collect the evidence of a source. Of a live cluster with `pod` only what a trace from there needs, with
    `hosts` only their addresses.

    Raises `Unreadable` where it cannot be read, `NothingToJudge` where it holds nothing, `UsageError` where the source
    names nothing.
    """
    if source.cluster is not None:
        from meshdoctor.diagnosis.cluster_source import read_cluster

        cluster = read_cluster(source.cluster, watcher, pod=pod, hosts=hosts)
        return Case(with_manifests_beside(cluster.capture(), source), interrupted=cluster.interrupted)
    return Case(with_manifests_beside(_collected(source), source))


def with_manifests_beside(capture: Capture, source: Source) -> Capture:
    """The capture with the source's own manifests (`-f`) in it."""
    if not source.manifests:
        return capture
    from meshdoctor.sources.manifest_sources import with_manifests

    return with_manifests(capture, source.manifests)


def _collected(source: Source) -> Capture:
    if source.snapshot is not None:
        name = _snapshot_name(source.snapshot)
        return structs.replace(read_snapshot(bundled.snapshots_dir() / name), location=f"demo:{name}")
    if source.path is not None:
        return read_capture(source.path)
    if source.manifests:
        raise UsageError("manifests alone show no proxy: give a capture or a config dump with --from, -f beside it.")
    raise UsageError("nothing to look at: give a capture with --from PATH, or try `meshdoctor demo`.")


def save_capture(source: Source, path: Path, watcher: FetchObserver | None = None) -> SavedCapture:
    """Save a source's evidence, without secrets. Raises what `open_case` and `collect.save.save` raise."""
    from meshdoctor.sources.save import check_target, save

    check_target(path)
    if source.cluster is not None:
        from meshdoctor.diagnosis.cluster_source import read_cluster

        cluster = read_cluster(source.cluster, watcher)
        capture, removals, about = cluster.capture(), cluster.removals, cluster.about
    else:
        from meshdoctor.sources.redact import Removals
        from meshdoctor.sources.redact_capture import redacted

        removals, about = Removals(), {}
        capture = redacted(_collected(source), removals)
    _refuse_nothing(Case(capture))
    written = save(capture, path, removals, about)
    return SavedCapture(
        path=path,
        documents=written.documents,
        proxies=len(capture.proxy_documents()),
        size=written.size,
        removed=removals.counts.total(),
        unread=written.unread,
        interrupted=bool(about.get("interrupted")),
    )


def _snapshot_name(wanted: str) -> str:
    names = bundled.snapshot_names()
    if wanted in names:
        return wanted
    raise UsageError(f"no snapshot {wanted}. {nearest(wanted, names)}")


def diagnose(
    case: Case,
    *,
    rules: Sequence[str] = (),
    skip: Sequence[str] = (),
    rule_dirs: Sequence[Path] = (),
    namespaces: Sequence[str] = (),
    labels: str = "",
) -> Diagnosis:
    """Run the rules. `rules` and `skip` are ids; `namespaces` and `labels` (a selector) limit the pods.

    Raises `NothingToJudge` where the capture names neither a proxy nor a pod, `UsageError` for an unknown rule.
    """
    chosen = _chosen(load_catalogue(rule_dirs), rules, skip)
    sheet = sheet_of(case, namespaces, labels)
    return diagnosis_of(case, sheet, chosen, judge(sheet, chosen))


def diagnose_with_hosts(
    case: Case, *, rule_dirs: Sequence[Path] = (), namespaces: Sequence[str] = (), labels: str = ""
) -> tuple[Diagnosis, HostTable]:
    """What `diagnose` and `hosts` give, in one look at each dump. Raises as they do."""
    chosen = load_catalogue(rule_dirs)
    sheet = sheet_of(case, namespaces, labels)
    course, pairs = DiagnosisRun(sheet, chosen), likely_pairs(sheet)

    def share(names: Collection[str]) -> tuple[ShareResult, list[PodColumn]]:
        columns = PodColumns(sheet, pairs)
        return course.share(names, columns.take), list(columns.by_pod.values())

    found: list[PodColumn] = []
    for judged, columns in over_dumps(case.mesh, sheet.names, share):
        course.take(judged)
        found += columns
    rows, missing = rows_of(sheet, found, partial(over_dumps, case.mesh))
    return diagnosis_of(case, sheet, chosen, course.judgement()), hosts_of(case, sheet, rows, missing)


def sheet_of(case: Case, namespaces: Sequence[str] = (), labels: str = "") -> FactSheet:
    """The mesh as rules see it. Raises `NothingToJudge` where there is no pod, or none of those asked for."""
    _refuse_nothing(case)
    _refuse_unknown(namespaces, case.mesh)
    sheet = FactSheet(case.mesh, namespaces, labels)
    _refuse_unlabelled(sheet, labels)
    return sheet


def diagnosis_of(case: Case, sheet: FactSheet, chosen: Sequence[Rule], judged: RuleResults) -> Diagnosis:
    """What the rules said, with all that a report tells of the source beside it."""
    mesh, capture = case.mesh, case.capture
    summaries = list(mesh.summaries())
    pods = [key for key in {*mesh.pods, *(key for key, _ in summaries)} if sheet.is_asked(key)]
    return Diagnosis(
        source_kind=capture.kind,
        location=capture.location,
        captured_at=capture.captured_at,
        istio_versions=mesh.istio_versions,
        proxies=len(judged.judged),
        pods=len(pods),
        external_hosts=judged.external_hosts,
        findings=with_lines(_offered(mesh, judged.findings), capture),
        not_evaluated=judged.not_evaluated,
        rules_run=_evaluated(chosen, judged.not_evaluated, judged.judged),
        unread=in_order(mesh),
        notes=tuple(_notes(mesh, summaries)),
        pod_kinds=_pod_kinds(mesh, pods),
    )


def _offered(mesh: Mesh, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, what they offer as safe held against the mesh."""
    if not any(fix.disposition == "safe" for finding in findings for fix in finding.fixes):
        return findings
    from meshdoctor.fixes.impact.fix_safety import restrict_dispositions

    return restrict_dispositions(mesh, findings)


def _pod_kinds(mesh: Mesh, pods: Sequence[str]) -> dict[str, int]:
    kinds = [pod_kind(key, mesh.pods.get(key), mesh.summary(key), mesh.namespaces) for key in pods]
    return {kind: kinds.count(kind) for kind in KINDS}


def _notes(mesh: Mesh, summaries: Sequence[tuple[str, ProxySummary]]) -> Iterator[str]:
    for key, summary in summaries:
        yield from (f"{key}: {note}" for note in summary.notes[:3])
    if mesh.dns_from_elsewhere:
        yield f"DNS was asked from {mesh.dns_from_elsewhere}: where it answers pods differently, so do the verdicts"


def _evaluated(chosen: Sequence[Rule], gaps: Sequence[NotEvaluated], judged: frozenset[str]) -> tuple[str, ...]:
    """Rules that had their evidence for one of the proxies read at least, or lacked none."""
    nowhere = {gap.rule for gap in gaps if not gap.pods}
    blind: dict[str, set[str]] = {}
    for gap in gaps:
        blind.setdefault(gap.rule, set()).update(gap.pods)
    return tuple(r.id for r in chosen if r.id not in nowhere and (r.id not in blind or judged - blind[r.id]))


def _refuse_nothing(case: Case) -> None:
    """Raise where not one proxy or pod could be read: 4 if something was there that is not readable, else 3."""
    mesh = case.mesh
    if mesh.pods or mesh.proxies:
        return
    if mesh.proxies_unread:
        told = "; ".join(list(mesh.proxies_unread.values())[:3])
        more = len(mesh.proxies_unread) - 3
        raise Unreadable(f"{told}; and {more} more like these" if more > 0 else told)
    why = "; ".join(f"{u.path}: {u.because}" for u in mesh.unread[:3])
    tail = f" Not read: {why}." if why else ""
    location = case.capture.location
    raise NothingToJudge(f"{location}: no proxy and no pod in it, so there is nothing to judge.{tail}")


def _refuse_unknown(namespaces: Sequence[str], mesh: Mesh) -> None:
    """Raise where a namespace asked for has no pod: silence about it would read like health."""
    there = sorted({key.split("/", 1)[0] for key in mesh.pod_names})
    for namespace in namespaces:
        if namespace not in there:
            raise NothingToJudge(f"no pod in namespace {namespace}. {nearest(namespace, there)}")


def _refuse_unlabelled(sheet: FactSheet, labels: str) -> None:
    """Raise where no pod fits the selector: silence about it would read like health."""
    if labels and not any(map(sheet.is_asked, sheet.mesh.pod_names)):
        raise NothingToJudge(f"no pod has the labels {labels}, so there is nothing to judge.")


def _chosen(catalogue: Sequence[Rule], only: Sequence[str], skip: Sequence[str]) -> list[Rule]:
    known = {rule.id for rule in catalogue}
    for name in (*only, *skip):
        if name not in known:
            raise UsageError(f"no rule {name}. {nearest(name, sorted(known))}")
    return [r for r in catalogue if (not only or r.id in only) and r.id not in skip]


def load_catalogue(rule_dirs: Sequence[Path] = ()) -> list[Rule]:
    """The built-in rules, and those of the user's directories beside them."""
    return load_rules([bundled.rules_dir(), *rule_dirs])


def trace(
    case: Case,
    pod: str,
    host: str,
    port: int,
    *,
    ip: str | None = None,
    protocol: str | None = None,
    sni: str | None = None,
    authority: str | None = None,
    path: str = "/",
    namespaces: Sequence[str] | None = None,
) -> Trace:
    """What the pod's sidecar does with one connection; without `ip`, with each known address of the host.

    Raises `UsageError` where no pod or several fit, naming the nearest.
    """
    tracer = tracer_of(case, pod, namespaces)
    found = traced(tracer, host, port, ip=ip, protocol=protocol, sni=sni, authority=authority, path=path)
    return with_lines(found, case.capture)


def tracer_of(case: Case, pod: str, namespaces: Sequence[str] | None = None) -> Tracer:
    """Opens one pod's sidecar for any number of traces. Raises as `trace` does."""
    _refuse_nothing(case)
    _refuse_unknown(namespaces or (), case.mesh)
    return Tracer(case.mesh, find_pod(case.mesh, pod, namespaces or ()))


def traced(
    tracer: Tracer,
    host: str,
    port: int,
    *,
    ip: str | None = None,
    protocol: str | None = None,
    sni: str | None = None,
    authority: str | None = None,
    path: str = "/",
) -> Trace:
    """As `trace`, from a pod that is open already, without line numbers."""
    destination = tracer.destination(host, port, ip=ip, protocol=protocol, sni=sni, authority=authority, path=path)
    found = trace_host(tracer, destination)
    assumed = tracer.assumption(host, port) if protocol is None and sni is None and authority is None else None
    return found if assumed is None else structs.replace(found, steps=(assumed, *found.steps))


def hosts(case: Case, namespaces: Sequence[str] = (), labels: str = "") -> HostTable:
    """The external hosts: registered, wanted, and what becomes of each pod's connection."""
    sheet = sheet_of(case, namespaces, labels)
    rows, missing = host_rows(sheet, partial(over_dumps, case.mesh))
    return hosts_of(case, sheet, rows, missing)


def hosts_of(case: Case, sheet: FactSheet, rows: tuple[HostRow, ...], missing: tuple[str, ...]) -> HostTable:
    """The rows, with what was not read for them."""
    unread = unread_dumps(case.mesh, sheet.is_asked)
    return HostTable(case.capture.kind, case.capture.location, rows, (*missing, *unread))


def snapshots() -> list[SnapshotInfo]:
    """The bundled snapshots, in the order in which they tell the stories."""
    cards = [(name, _card(name)) for name in bundled.snapshot_names()]
    cards.sort(key=lambda card: (card[1]["order"], card[0]))
    return [SnapshotInfo(n, c["title"], c["story"], c["istio_version"], c["expected"]) for n, c in cards]


def _card(name: str) -> dict[str, Any]:
    """A snapshot's snapshot.yaml."""
    from meshdoctor import yamlio

    path = bundled.snapshots_dir() / name / "snapshot.yaml"
    card: dict[str, Any] = yamlio.load_documents(path.read_bytes(), str(path))[0]
    return card
