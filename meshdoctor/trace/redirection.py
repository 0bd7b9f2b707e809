"""The first step of a trace: does the connection enter the sidecar?"""

from __future__ import annotations

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.trace import Step
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.istio.capture_settings import CaptureSettings
from meshdoctor.semantics.istio.traffic_capture import captured
from meshdoctor.trace.arrival import ListenerIndex
from meshdoctor.trace.walk import Outcome, Walk

_MISSING = {
    "address": "dns.json",
    "interface": "the network interface of the route",
    "group": "the group of the process",
}
"""Evidence by what decides whether the connection is redirected."""


def redirected(walk: Walk, settings: CaptureSettings, index: ListenerIndex, container: str) -> Outcome | None:
    """Add the step of redirection; an Outcome where that ends the trace. `container` dials, where it is known."""
    destination = walk.destination
    found = captured(settings, destination.ip, destination.port, container)
    why = found.because + (f" ({found.field}: {found.value})" if found.field else "")
    if found.verdict and found.value == "*":
        by = "nftables" if settings.is_nftables else "iptables"
        why = f"{by} redirects every address to the sidecar"
    if not settings.known:
        why += "; the pod's own settings were not read, so Istio's default is assumed"
    walk.setting = f"{found.field} (now {found.value or 'empty'})" if found.field else ""
    word = {True: "redirected", False: "not redirected", None: "not known"}[found.verdict]
    at = Evidence(found.pointer.document, found.pointer.path, found.value) if found.pointer else None
    walk.steps.append(Step("redirection", word, why, at))
    if found.verdict is False and index.accepts(destination.ip, destination.port):
        walk.is_dialled_directly = True
        walk.step("redirection", "dialled directly", "a listener of the sidecar is bound to this address and port")
        return None
    if found.verdict is False:
        return Outcome(Verdict.BYPASSED, "bypassed", why)
    if found.verdict is None:
        missing = (_MISSING[found.depends_on],)
        return Outcome(Verdict.UNKNOWN, f"{found.depends_on}-unknown", found.because, missing=missing)
    return None
