"""The events of a session: `PodsListed`, then some `PodChecked`, `PodUnread`, `FindingsUpdated` and `Progress`, then
one end: `DiagnosisFinished` or `DiagnosisFailed`.

An event of a pod replaces the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.host_table import HostRow, HostTable, TracedVerdict
from meshdoctor.semantics.istio.data_plane import PodKind

if TYPE_CHECKING:  # listeners need not load what checks
    from meshdoctor.facts.case import Case

Pair = tuple[str, int | None]
"""Host and port; a bare name has no port, and no verdict."""


class ListedPod(Struct, frozen=True):
    """A pod of the mesh."""

    key: str
    """`namespace/name`."""
    workload: str
    """Name of the Deployment, StatefulSet ... that owns it; empty where it is not known."""
    workload_kind: str
    labels: Mapping[str, str]
    kind: PodKind
    is_coming: bool
    """Its proxy will be checked."""
    because: str = ""
    """Why its proxy will not be checked; empty without a proxy."""
    is_kept: bool = False
    """It is not read again: its last event holds until it is checked again."""


class PodsListed(Struct, frozen=True):
    """The pods, and the hosts that are known before any sidecar is read."""

    source_kind: str
    location: str
    captured_at: str | None
    pods: tuple[ListedPod, ...]
    hosts: tuple[HostRow, ...]
    """Without verdicts."""


class PodChecked(Struct, frozen=True):
    """One pod was checked."""

    pod: str
    version: str
    """Of its proxy; empty where it is not known."""
    policy: str
    """`REGISTRY_ONLY`, `ALLOW_ANY` or `unknown`; empty for a gateway, which has no outbound policy."""
    verdicts: Mapping[Pair, TracedVerdict]
    """Replicas share one mapping: do not change it."""
    is_final: bool = True
    """False while DNS answers and access logs are not read yet."""
    kind: PodKind = "sidecar"
    """What its proxy is; of a kind other than `sidecar`, its connections were not judged."""
    because: str = ""
    """Why it was not judged, or was judged by a part of its dump; empty where it was judged by all of it."""


class PodUnread(Struct, frozen=True):
    """One pod's proxy could not be read, and why."""

    pod: str
    because: str


class FindingsUpdated(Struct, frozen=True):
    """All findings so far; they replace those of the last such event."""

    findings: tuple[Finding, ...]


class Progress(Struct, frozen=True):
    """How many proxies are done."""

    done: int
    total: int
    doing: str
    """`reading sidecars`, `resolving hosts` ..., for the user."""


class DiagnosisFinished(Struct, frozen=True):
    """The end, with the results of `doctor.diagnose` and `doctor.hosts`."""

    case: Case
    diagnosis: Diagnosis
    hosts: HostTable


class DiagnosisFailed(Struct, frozen=True):
    """The other end: the refresh failed. Earlier events still hold."""

    because: str
    """For the user: what was read, what was expected, what to do next."""
    is_away: bool
    """The source cannot be reached or read; else it has nothing to check, or the request is wrong."""


Event = PodsListed | PodChecked | PodUnread | FindingsUpdated | Progress | DiagnosisFinished | DiagnosisFailed
