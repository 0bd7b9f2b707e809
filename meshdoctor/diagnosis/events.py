"""What a session tells, in this order: `PodsListed`, then `PodChecked`, `PodUnread`, `FindingsUpdated` and `Progress`
as they come, then one end: `DiagnosisFinished` or `DiagnosisFailed`.

What is told of a pod replaces what was told of it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.host_table import HostRow, HostTable, TracedVerdict
from meshdoctor.semantics.istio.data_plane import PodKind

if TYPE_CHECKING:  # whoever only listens need not load what judges
    from meshdoctor.facts.case import Case

Pair = tuple[str, int | None]
"""Host and port; a bare name has no port, and no verdict."""


class ListedPod(Struct, frozen=True):
    """A pod that is there."""

    key: str
    """`namespace/name`."""
    workload: str
    """Name of the Deployment, StatefulSet ... that owns it; empty where nobody says."""
    workload_kind: str
    labels: Mapping[str, str]
    kind: PodKind
    is_coming: bool
    """Its proxy's configuration will be looked at."""
    because: str = ""
    """Why it will not, where it has a proxy."""
    is_kept: bool = False
    """It is not read again: what was told of it in the look before holds until it is judged anew."""


class PodsListed(Struct, frozen=True):
    """The pods, and the hosts that can be named before any sidecar was looked at."""

    source_kind: str
    location: str
    captured_at: str | None
    pods: tuple[ListedPod, ...]
    hosts: tuple[HostRow, ...]
    """Without verdicts."""


class PodChecked(Struct, frozen=True):
    """One pod was looked at."""

    pod: str
    version: str
    """Of its proxy; empty where it does not say."""
    policy: str
    """`REGISTRY_ONLY`, `ALLOW_ANY` or `unknown`; empty for a gateway, which has no outbound policy."""
    verdicts: Mapping[Pair, TracedVerdict]
    """Replicas share one mapping: nobody changes it."""
    is_final: bool = True
    """False while DNS answers and access logs are still to come in."""


class PodUnread(Struct, frozen=True):
    """One pod's proxy could not be looked at, and why."""

    pod: str
    because: str


class FindingsUpdated(Struct, frozen=True):
    """All findings so far; they replace those told before."""

    findings: tuple[Finding, ...]


class Progress(Struct, frozen=True):
    """So many of the proxies are done."""

    done: int
    total: int
    doing: str
    """`reading sidecars`, `asking DNS`, ..., for the user."""


class DiagnosisFinished(Struct, frozen=True):
    """The end: what `doctor.diagnose` and `doctor.hosts` say of the case."""

    case: Case
    diagnosis: Diagnosis
    hosts: HostTable


class DiagnosisFailed(Struct, frozen=True):
    """The other end: nothing could be judged. What was told before still holds."""

    because: str
    """For the user: what was read, what was expected, what to do next."""
    is_away: bool
    """The source itself cannot be reached or read; else it holds nothing to judge, or was asked for wrongly."""


Event = PodsListed | PodChecked | PodUnread | FindingsUpdated | Progress | DiagnosisFinished | DiagnosisFailed
