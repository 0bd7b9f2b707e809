"""A pod or a host as a list of items, each with what it opens: plain data for the detail screens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from meshdoctor.diagnosis.details import DependencySighting, EntryFacts, HostFacts, PodFacts, Statement
from meshdoctor.diagnosis.events import Pair
from meshdoctor.model.evidence import Evidence, Unread
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.icons import icon
from meshdoctor.tui.state.matrix_axes import verdict_shown
from meshdoctor.tui.state.mesh_state import MeshState
from meshdoctor.tui.state.rows import FindingLine, PodRow, rank
from meshdoctor.tui.state.tones import Tone, letter, tone

_PODS = 500
"""Pods of a host that are listed at most."""


class Opens(NamedTuple):
    """What an item opens: a finding, else a connection, else the document behind it."""

    finding: str = ""
    pod: str = ""
    pair: Pair | None = None
    evidence: Evidence | None = None


class Item(NamedTuple):
    """A line, or a few: a name and what is said of it. A section's head has no text."""

    name: str
    text: str = ""
    tone: Tone = "plain"
    goal: Opens = Opens()
    mark: str = ""

    @property
    def is_head(self) -> bool:
        """It names what follows."""
        return not self.text


def pod_items(mesh_state: MeshState, key: str, facts: PodFacts | None, *, ascii_only: bool = False) -> list[Item]:
    """What is known of a pod; `facts` are None while they are read."""
    row = mesh_state.pods.get(key)
    if row is None:
        return [Item("gone", "the pod is not there any more", "unknown")]
    return [
        *_pod_head(row, facts),
        *_section("Findings", _findings(mesh_state, lambda line: key in line.finding.pods, ascii_only), "none"),
        *_section(
            "Uses",
            _wants(facts.dependencies, key, by_pod=False) if facts else (),
            "nothing seen in its env, args or annotations" if facts else "reading ...",
        ),
        *_section("Verdicts", _pod_verdicts(mesh_state, row, ascii_only), _why_no_verdict(row)),
        *_not_read(facts.unread if facts else ()),
    ]


def _pod_head(row: PodRow, facts: PodFacts | None) -> Iterator[Item]:
    if row.is_without_verdicts:
        yield Item("proxy" if row.state == "not judged" else "sidecar", row.because or "not read", row.reason_tone)
    else:
        if row.state == "judged" and row.because:
            yield Item("not read whole", row.because, "unknown")
        yield Item("sidecar", row.version or "its version is not known")
    if facts is None:
        yield Item("", "reading ...", "faint")
        return
    if facts.workload:
        yield Item("workload", facts.workload)
    if facts.ip:
        yield Item("address", facts.ip)
    if facts.labels:
        yield Item("labels", ", ".join(f"{name}={value}" for name, value in sorted(facts.labels.items())))
    yield from map(_setting, facts.policy)
    yield from map(_setting, facts.capture)
    if facts.dns_capture is not None:
        yield Item("DNS capture", "on: the sidecar answers the pod's DNS" if facts.dns_capture else "off")


def _setting(said: Statement) -> Item:
    where = f"   ({said.where})" if said.where else ""
    tones: dict[str, Tone] = {"ALLOW_ANY": "warning", "unknown": "unknown"}
    return Item(said.name, said.value + where, tones.get(said.value, "plain"), Opens(evidence=said.evidence))


def host_items(mesh_state: MeshState, pair: Pair, facts: HostFacts | None, *, ascii_only: bool = False) -> list[Item]:
    """What is known of a host; `facts` are None while they are read."""
    if facts is None:
        return [Item("", "reading ...", "faint")]
    entries = [item for entry in facts.entries for item in _entry(entry)]
    nobody = "no ServiceEntry" if facts.are_entries_known else "ServiceEntries were not read"
    no_port = "no port is known, so that nothing can be traced" if pair[1] is None else "no sidecar was checked yet"
    return [
        *_section("Findings", _findings(mesh_state, lambda line: _is_about(line, pair), ascii_only), "none"),
        *_section("Registered by", entries, nobody),
        *(_section("Routes and rules", map(_setting, facts.rules), "") if facts.rules else ()),
        *_section("Addresses", (Item(ip, where) for ip, where in facts.addresses), "none is known"),
        *_section(
            "Used by", _wants(facts.dependencies, "", by_pod=True), "no pod, as far as env, args and annotations tell"
        ),
        *_section("Verdicts", _host_verdicts(mesh_state, pair, ascii_only), no_port),
        *_not_read(facts.unread),
    ]


def _is_about(line: FindingLine, pair: Pair) -> bool:
    found = line.finding
    return found.host == pair[0] and (found.port is None or pair[1] is None or found.port == pair[1])


def _entry(entry: EntryFacts) -> Iterator[Item]:
    goal = Opens(evidence=entry.evidence)
    ports = ", ".join(entry.ports) or "no ports"
    yield Item(
        entry.name.removeprefix("ServiceEntry "),
        ports if entry.has_port else f"{ports}: not this port",
        "plain" if entry.has_port else "warning",
        goal,
    )
    yield Item("  resolution", f"{entry.resolution}, {entry.location}", goal=goal)
    addresses = ", ".join(entry.addresses) or (
        f"none; allocated {', '.join(entry.allocated)}" if entry.allocated else "none"
    )
    yield Item("  addresses", addresses, goal=goal)
    if entry.endpoints:
        yield Item("  endpoints", ", ".join(entry.endpoints), goal=goal)
    yield Item(
        "  exportTo", ", ".join(entry.export_to) or "not set: as the mesh config says, else everywhere", goal=goal
    )
    if entry.created:
        yield Item("  created", entry.created, goal=goal)


def _section(name: str, items: Iterable[Item], empty: str) -> Iterator[Item]:
    found = list(items)
    yield Item(f"{name} {len(found)}" if found and name != "Registered by" else name)
    yield from found or [Item("", empty, "faint")]


def _not_read(unread: Sequence[Unread]) -> Iterator[Item]:
    if unread:
        notes = (Item(note.path, note.because or "the reason is not known", "unknown") for note in unread)
        yield from _section("Not read", notes, "")


def _findings(mesh_state: MeshState, is_its: Callable[[FindingLine], bool], ascii_only: bool) -> list[Item]:
    lines = sorted(filter(is_its, mesh_state.findings.values()), key=rank)
    return [
        Item(
            line.finding.rule,
            " ".join(line.finding.message.split()),
            tone(line.finding.severity),
            Opens(finding=line.key),
            icon(line.finding.severity, ascii_only=ascii_only),
        )
        for line in lines
    ]


def _wants(dependencies: Iterable[DependencySighting], pod: str, *, by_pod: bool) -> list[Item]:
    """A line a host, or a pod, with every place in which that was seen."""
    grouped: dict[str, list[DependencySighting]] = {}
    for dependency in dependencies:
        grouped.setdefault(dependency.pod if by_pod else host_port(*dependency.pair), []).append(dependency)
    return [
        Item(
            name,
            "; ".join(dict.fromkeys(one.where for one in found)),
            goal=Opens("", found[0].pod, found[0].pair, found[0].evidence),
        )
        for name, found in list(grouped.items())[:_PODS]
    ]


def _pod_verdicts(mesh_state: MeshState, row: PodRow, ascii_only: bool) -> list[Item]:
    pairs = [pair for pair in {**dict.fromkeys(row.dependencies), **row.verdicts} if pair[1] is not None]
    shown = [(pair, verdict) for pair in pairs if isinstance(verdict := verdict_shown(mesh_state, row, pair), Verdict)]
    shown.sort(key=lambda one: (one[1] is Verdict.DELIVERED, one[0]))
    return [_verdict(row, pair, host_port(*pair), verdict, ascii_only) for pair, verdict in shown]


def _host_verdicts(mesh_state: MeshState, pair: Pair, ascii_only: bool) -> list[Item]:
    rows = [
        row
        for row in mesh_state.pods.values()
        if pair in row.verdicts or (pair in row.dependencies and row.state == "unread")
    ]
    shown = [
        (row, verdict)
        for row in rows
        if isinstance(verdict := verdict_shown(mesh_state, row, pair, show_all=True), Verdict)
    ]
    shown.sort(key=lambda one: (pair not in one[0].dependencies, one[1] is Verdict.DELIVERED, one[0].key))
    return [_verdict(row, pair, row.key, verdict, ascii_only) for row, verdict in shown[:_PODS]]


def _verdict(row: PodRow, pair: Pair, name: str, verdict: Verdict, ascii_only: bool) -> Item:
    found = row.verdicts.get(pair)
    why = f"   {found[1]}" if found and verdict is not Verdict.DELIVERED else ""
    cluster = f"   {found[2]}" if found and found[2] else ""
    wanted = "" if pair in row.dependencies else "   not used"
    text = f"{verdict}{why}{cluster}{wanted}" if found else f"{verdict}   {row.because}"
    how: Tone = verdict.icon if pair in row.dependencies or verdict is Verdict.DELIVERED else "faint"
    return Item(name, text, how, Opens("", row.key, pair), letter(verdict, ascii_only=ascii_only))


def _why_no_verdict(row: PodRow) -> str:
    if row.state == "pending":
        return "not checked yet"
    if row.is_without_verdicts:
        return row.because or "its sidecar was not read"
    return "it uses no external host, and its sidecar has none"
