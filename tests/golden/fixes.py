"""Fixes before and after they are applied, with every hard case: made by hand, as `results` are."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from meshdoctor.fixes.files.file_edits import file_edit
from meshdoctor.fixes.plan.kubectl_commands import apply_line
from meshdoctor.fixes.plan.object_diff import unified
from meshdoctor.model.finding import Disposition, Fix
from meshdoctor.model.fix import (
    Acceptance,
    Change,
    ClaimChange,
    ConnectionChange,
    FileEdit,
    FindingSummary,
    FixResult,
    FixTarget,
    Impact,
    JournalEntry,
    OwnershipChange,
    PredictedChange,
    Regression,
    Verification,
    WrittenChange,
)
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.text.shell import ShellCommand, command
from tests.golden.results import CLASH, MANUAL, POD, PODS, SICK, TLS, finding

API = "networking.istio.io/v1"
STEER = "evil\x1b[2J\u202e"
"""What no terminal may get as it is."""


def entry_of(name: str, protocol: str) -> dict[str, Any]:
    """A ServiceEntry of one port."""
    return {
        "apiVersion": API,
        "kind": "ServiceEntry",
        "metadata": {"name": name, "namespace": "bookinfo"},
        "spec": {"hosts": [f"{name}.com"], "ports": [{"number": 443, "name": "out", "protocol": protocol}]},
    }


def key_of(name: str) -> ObjectRef:
    """Its key."""
    return ObjectRef("ServiceEntry", "bookinfo", name, api_version=API)


CREATED = Change(key=key_of("github"), after=entry_of("github", "TLS"))
CHANGED = Change(key=key_of("github"), before=entry_of("github", "TCP"), after=entry_of("github", "TLS"))
DELETED = Change(key=key_of("github-copy"), before=entry_of("github-copy", "TCP"))
OF_NOBODY = Change(key=ObjectRef("ServiceEntry", "", STEER, api_version=API), after=entry_of(STEER, "TLS"))

SAFE = Fix(
    "tcp-by-address",
    "Register github.com:443",
    Disposition.SAFE,
    "The list has to follow DNS.",
    ("kind: ServiceEntry\n",),
)
MERGE = Fix(
    "merge",
    "Make the two entries one",
    Disposition.REVIEW,
    "Whoever applies the other file again brings it back.",
    TLS.manifests[:1],
    steps="Restart the pods of\n  kubectl rollout restart deployment/ratings-v2-mysql -n bookinfo",
    deletes=(ObjectRef("ServiceEntry", "bookinfo", "github-copy"),),
)
SICK_FOR_GOOD = replace(SICK, findings=(finding(rule="config-rejected", title="Refused"),), not_evaluated=())
FEW = replace(SICK, findings=(CLASH,))
MISSING = finding(rule="missing-service-entry", title="Nothing registers this host", fixes=(SAFE, MANUAL))
TWICE = finding(
    rule="duplicate-host", severity=Severity.WARNING, title="Two entries disagree", fixes=(MERGE, TLS, SAFE)
)
ODD = finding(
    rule="egress-open",
    host=f"{STEER}.test",
    message=STEER,
    title=STEER,
    pods=(STEER,),
    fixes=(replace(SAFE, title=STEER, tradeoff=STEER, steps=STEER), replace(MANUAL, title=STEER, tradeoff=STEER)),
)

SMALL = Impact(
    pods=(POD,),
    claims=(ClaimChange("enters", "github.com", 443, "0.0.0.0, server name github.com", (POD,)),),
    connections=(
        PredictedChange(
            "github.com", 443, (POD,), "blocked", "delivered", False, "the connection is sent to the right cluster"
        ),
    ),
)
LARGE = Impact(
    pods=PODS,
    claims=(
        *(ClaimChange("enters", f"host-{n}.example", 443, f"198.51.100.{n}", PODS[: n + 1]) for n in range(14)),
        ClaimChange("leaves", "www.huaweicloud.com", 443, "0.0.0.0, any address", PODS),
    ),
    connections=(
        PredictedChange("github.com", 443, PODS, "misrouted to www.huaweicloud.com", "delivered", False, ""),
        PredictedChange(
            "www.huaweicloud.com", 443, PODS[:2], "delivered", "blocked", True, "no chain matches without SNI"
        ),
        *(PredictedChange(f"host-{n}.example", 443, PODS[:1], "blocked", "passthrough", False, "") for n in range(12)),
    ),
    regressions=(
        Regression("tcp-hosts-ignored", "github.com", 443, PODS[:5], "TCP port 443 has no address: it takes any IP"),
        Regression("duplicate-host", "", 0, (POD,), "two entries"),
    ),
    managed=("ServiceEntry bookinfo/github is managed by Argo CD (label argocd.argoproj.io/instance=bookinfo)",),
    unknown=(
        "shop/web-7d9c6b5f4-00000 has no configuration in this capture, so what it does today is not known.",
        "DNS was not asked.",
    ),
    not_restored=(
        OwnershipChange("github.com", 443, "ServiceEntry bookinfo/github-copy", "ServiceEntry shop/news", PODS),
    ),
)
HOSTILE_IMPACT = Impact(
    pods=(STEER,),
    claims=(ClaimChange("enters", STEER, 443, STEER, (STEER,)),),
    connections=(PredictedChange(STEER, 443, (STEER,), STEER, STEER, True, STEER),),
    regressions=(Regression("duplicate-host", STEER, 443, (STEER,), STEER),),
    managed=(STEER,),
    unknown=(STEER,),
    not_restored=(OwnershipChange(STEER, 443, STEER, STEER, (STEER,)),),
)


def diffs(*changes: Change) -> list[tuple[Change, str]]:
    """Changes with their diffs, as the preview takes them."""
    return [(change, unified(change)) for change in changes]


CLUSTER = FixTarget(server="https://203.0.113.1:6443", context="prod-eu")
_GITHUB = "serviceentries.networking.istio.io/github"
LINES: list[tuple[ShellCommand, ShellCommand | None]] = [
    (command("kubectl", "patch", _GITHUB, "--patch-file", "fixes/patches/github.yaml"), None),
    (
        command("kubectl", "delete", f"{_GITHUB}-copy", "--namespace=bookinfo"),
        apply_line("fixes/undo/github-copy.yaml"),
    ),
]


def entry(**given: Any) -> JournalEntry:
    """A journal entry; what is not given is short and plain."""
    plain: dict[str, Any] = {
        "id": 7,
        "state": "verified",
        "at": "2026-11-21T03:04:05Z",
        "place": CLUSTER,
        "fingerprint": CLASH.fingerprint,
        "rule": CLASH.rule,
        "subject": "github.com:443",
        "fix": TLS.id,
        "title": TLS.title,
        "pods": (POD,),
        "affected": (POD,),
        "written": (WrittenChange(change=CHANGED, uid="u-1", version="12"), WrittenChange(change=DELETED)),
        "note": "the finding is gone and nothing is worse",
    }
    return JournalEntry(**{**plain, **given})


def judged(
    host: str = "db.payments.example", rule: str = "tcp-hosts-ignored", severity: Severity = Severity.ERROR
) -> FindingSummary:
    """A finding in short."""
    return FindingSummary(
        rule, host, 3306 if host else 0, severity, f"{host or 'a pod'} is lost to somebody else's listener."
    )


BETTER = ConnectionChange(POD, "github.com:443", Verdict.MISROUTED, Verdict.DELIVERED)
SCOPED = FixResult(
    entry=entry(place=replace(CLUSTER, namespaces=("bookinfo",))),
    acceptance=Acceptance(accepted=(POD,), pending=PODS[:2]),
    verification=Verification(
        is_gone=True, improvements=(BETTER,), before_at="2026-11-18T03:04:05Z", after_at="2026-11-21T03:04:05Z"
    ),
)
VERIFIED = FixResult(
    entry=entry(),
    acceptance=Acceptance(accepted=(POD,)),
    verification=Verification(is_gone=True, improvements=(BETTER,)),
)
STILL_THERE = FixResult(
    entry=entry(state="unverified", note="the finding is still there", manual_steps="Restart the pods of bookinfo."),
    acceptance=Acceptance(
        accepted=PODS[:3],
        pending=PODS[3:9],
        rejected=PODS[9:10],
        unread={pod: "exec and port-forward are forbidden" for pod in PODS[10:15]},
    ),
    verification=Verification(is_gone=False, unread=PODS[10:15]),
)
WORSE = FixResult(
    entry=entry(state="unverified"),
    acceptance=Acceptance(accepted=PODS),
    verification=Verification(
        is_gone=True,
        improvements=(BETTER,),
        regressions=tuple(
            ConnectionChange(pod, "www.huaweicloud.com:443", Verdict.DELIVERED, Verdict.BLOCKED) for pod in PODS
        ),
        new_findings=(judged(), judged("", "config-rejected")),
    ),
)
AS_PREDICTED = FixResult(
    entry=entry(),
    acceptance=Acceptance(accepted=(POD,)),
    verification=Verification(
        is_gone=True,
        improvements=(BETTER,),
        predicted=(ConnectionChange(POD, "www.huaweicloud.com:443", Verdict.DELIVERED, Verdict.BLOCKED),),
        predicted_findings=(judged(severity=Severity.WARNING),),
        first_seen=(judged("api.news.test"),),
    ),
)
UNFINISHED = FixResult(
    entry=entry(state="applied", note="it works once a person has done the rest", manual_steps="Restart the pods."),
)
UNJUDGED = FixResult(
    entry=entry(
        state="unverified", note="the mesh could not be checked again: https://203.0.113.1:6443 does not answer"
    ),
    acceptance=Acceptance(pending=(POD,)),
)
HOSTILE_RESULT = FixResult(
    entry=entry(
        subject=STEER, title=STEER, note=STEER, manual_steps=STEER, place=FixTarget(server=STEER, context=STEER)
    ),
    acceptance=Acceptance(accepted=(STEER,), pending=(STEER,), rejected=(STEER,), unread={STEER: STEER}),
    verification=Verification(
        is_gone=False,
        new_findings=(judged(STEER),),
        regressions=(ConnectionChange(STEER, STEER, Verdict.BLOCKED, Verdict.DELIVERED),),
        improvements=(ConnectionChange(STEER, STEER, Verdict.BLOCKED, Verdict.DELIVERED),),
        unread=(STEER,),
        predicted=(ConnectionChange(STEER, STEER, Verdict.BLOCKED, Verdict.DELIVERED),),
        predicted_findings=(judged(STEER),),
        first_seen=(judged(STEER),),
    ),
)


def edit(name: str, before: bytes | None, after: bytes | None) -> FileEdit:
    """A file of the fix."""
    return file_edit(f"manifests/{name}", f"manifests/{name}", before, after)


WRITTEN = entry(
    id=8,
    state="written",
    place=FixTarget(folder="manifests"),
    files=(edit("github.yaml", b"a\n", b"b\n"), edit("new.yaml", None, b"c\n"), edit("old.yaml", b"d\n", None)),
    note="files verify nothing: apply them to the cluster, then `meshdoctor check` says whether it worked",
    manual_steps="Restart the pods of bookinfo.",
)
UNDONE = FixResult(
    entry=entry(state="undone"), acceptance=Acceptance(accepted=(POD,)), verification=Verification(is_gone=True)
)
UNDONE_OTHERWISE = FixResult(
    entry=entry(state="undone"),
    acceptance=Acceptance(accepted=(POD,), pending=PODS[:1]),
    verification=Verification(
        is_gone=True,
        regressions=(ConnectionChange(POD, "db.payments.example:3306", Verdict.DELIVERED, Verdict.BLOCKED),),
        improvements=(ConnectionChange(POD, "api.maps.example:443", Verdict.BLOCKED, Verdict.DELIVERED),),
        new_findings=(judged(),),
        unread=PODS[:9],
        before_at="2026-11-18T03:04:05Z",
        after_at="2026-11-21T03:04:05Z",
    ),
    ownership_changes=LARGE.not_restored,
)
UNDONE_UNJUDGED = FixResult(entry=entry(state="undone"), acceptance=Acceptance(accepted=(POD,)))
UNDONE_FILES = FixResult(entry=replace(WRITTEN, state="undone"))
HISTORY = [
    entry(id=1, state="undone", note="undone 2026-11-21T03:09:00Z"),
    entry(id=2, state="failed", note="owned by other field managers: .spec.ports by argocd-controller"),
    entry(id=3),
    entry(id=4, state="unverified", note="the finding is still there"),
    replace(WRITTEN, id=5),
    entry(id=6, state="planned", note=""),
    replace(UNFINISHED.entry, id=7),
    entry(id=8, state="applied", subject=STEER, title=STEER, note=STEER, place=FixTarget(server="x", context=STEER)),
]
