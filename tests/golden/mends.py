"""Mends before and after they are applied, with every hard case: made by hand, as `results` are."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from meshdoctor.fixes.differences import unified
from meshdoctor.fixes.files import file_edit
from meshdoctor.model.finding import Fix, ResourceRole
from meshdoctor.model.mend import (
    Change,
    ClaimMove,
    Effect,
    Entry,
    FileEdit,
    Handover,
    Judged,
    NewFault,
    ObjectKey,
    Place,
    Proof,
    Result,
    Touched,
    Turn,
    Waited,
    Written,
)
from tests.golden.results import BY_HAND, CLASH, POD, PODS, SICK, TLS, finding

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


def key_of(name: str) -> ObjectKey:
    """Its key."""
    return ObjectKey(API, "ServiceEntry", "bookinfo", name)


CREATED = Change(key=key_of("github"), after=entry_of("github", "TLS"))
CHANGED = Change(key=key_of("github"), before=entry_of("github", "TCP"), after=entry_of("github", "TLS"))
DELETED = Change(key=key_of("github-copy"), before=entry_of("github-copy", "TCP"))
OF_NOBODY = Change(key=ObjectKey(API, "ServiceEntry", "", STEER), after=entry_of(STEER, "TLS"))

SAFE = Fix(
    "tcp-by-address", "Register github.com:443", "safe", "The list has to follow DNS.", ("kind: ServiceEntry\n",)
)
MERGE = Fix(
    "merge",
    "Make the two entries one",
    "review",
    "Whoever applies the other file again brings it back.",
    TLS.manifests[:1],
    steps="Restart the pods of\n  kubectl rollout restart deployment/ratings-v2-mysql -n bookinfo",
    deletes=(ResourceRole("ServiceEntry", "bookinfo", "github-copy", "delete"),),
)
SICK_FOR_GOOD = replace(SICK, findings=(finding(rule="config-rejected", title="Refused"),), not_evaluated=())
FEW = replace(SICK, findings=(CLASH,))
MISSING = finding(rule="missing-service-entry", title="Nothing registers this host", fixes=(SAFE, BY_HAND))
TWICE = finding(rule="duplicate-host", severity="warning", title="Two entries disagree", fixes=(MERGE, TLS, SAFE))
ODD = finding(
    rule="egress-open",
    host=f"{STEER}.test",
    message=STEER,
    title=STEER,
    pods=(STEER,),
    fixes=(replace(SAFE, title=STEER, tradeoff=STEER, steps=STEER), replace(BY_HAND, title=STEER, tradeoff=STEER)),
)

SMALL = Touched(
    pods=(POD,),
    claims=(ClaimMove("enters", "github.com", 443, "0.0.0.0, server name github.com", (POD,)),),
    effects=(Effect("github.com", 443, (POD,), "blocked", "delivered", False, "it reaches its own cluster"),),
)
LARGE = Touched(
    pods=PODS,
    claims=(
        *(ClaimMove("enters", f"host-{n}.example", 443, f"198.51.100.{n}", PODS[: n + 1]) for n in range(14)),
        ClaimMove("leaves", "www.huaweicloud.com", 443, "0.0.0.0, any address", PODS),
    ),
    effects=(
        Effect("github.com", 443, PODS, "misrouted to www.huaweicloud.com", "delivered", False, ""),
        Effect("www.huaweicloud.com", 443, PODS[:2], "delivered", "blocked", True, "no chain matches without SNI"),
        *(Effect(f"host-{n}.example", 443, PODS[:1], "blocked", "passthrough", False, "") for n in range(12)),
    ),
    faults=(
        NewFault("tcp-hosts-ignored", "github.com", 443, PODS[:5], "TCP port 443 has no address: it takes any IP"),
        NewFault("duplicate-host", "", 0, (POD,), "two entries"),
    ),
    kept=("ServiceEntry bookinfo/github is kept by Argo CD (label argocd.argoproj.io/instance=bookinfo)",),
    unknown=(
        "shop/web-7d9c6b5f4-00000 has no configuration in this capture, so what it does today is not known.",
        "DNS was not asked.",
    ),
    after_undo=(Handover("github.com", 443, "ServiceEntry bookinfo/github-copy", "ServiceEntry shop/news", PODS),),
)
HOSTILE_TOUCH = Touched(
    pods=(STEER,),
    claims=(ClaimMove("enters", STEER, 443, STEER, (STEER,)),),
    effects=(Effect(STEER, 443, (STEER,), STEER, STEER, True, STEER),),
    faults=(NewFault("duplicate-host", STEER, 443, (STEER,), STEER),),
    kept=(STEER,),
    unknown=(STEER,),
    after_undo=(Handover(STEER, 443, STEER, STEER, (STEER,)),),
)


def diffs(*changes: Change) -> list[tuple[Change, str]]:
    """Changes with their diffs, as the preview takes them."""
    return [(change, unified(change)) for change in changes]


CLUSTER = Place(server="https://203.0.113.1:6443", context="prod-eu")
LINES = [
    ("kubectl patch serviceentries.networking.istio.io/github --patch-file mends/patches/github.yaml", None),
    (
        "kubectl delete serviceentries.networking.istio.io/github-copy --namespace=bookinfo",
        "kubectl apply --server-side --field-manager=meshdoctor -f mends/undo/github-copy.yaml",
    ),
]


def entry(**given: Any) -> Entry:
    """A journal entry; what is not given is short and plain."""
    plain: dict[str, Any] = {
        "id": 7,
        "state": "proved",
        "at": "2026-11-21T03:04:05Z",
        "place": CLUSTER,
        "fingerprint": CLASH.fingerprint,
        "rule": CLASH.rule,
        "subject": "github.com:443",
        "fix": TLS.id,
        "title": TLS.title,
        "pods": (POD,),
        "touched": (POD,),
        "written": (Written(change=CHANGED, uid="u-1", version="12"), Written(change=DELETED)),
        "note": "the finding is gone and nothing is worse",
    }
    return Entry(**{**plain, **given})


def judged(host: str = "db.payments.example", rule: str = "tcp-hosts-ignored", severity: str = "error") -> Judged:
    """A finding in short."""
    return Judged(rule, host, 3306 if host else 0, severity, f"{host or 'a pod'} is lost to somebody else's listener.")


BETTER = Turn(POD, "github.com:443", "misrouted", "delivered")
SCOPED = Result(
    entry=entry(place=replace(CLUSTER, namespaces=("bookinfo",))),
    waited=Waited(took=(POD,), lagging=PODS[:2]),
    proof=Proof(is_gone=True, better=(BETTER,), before_at="2026-11-18T03:04:05Z", after_at="2026-11-21T03:04:05Z"),
)
PROVED = Result(entry=entry(), waited=Waited(took=(POD,)), proof=Proof(is_gone=True, better=(BETTER,)))
STILL_THERE = Result(
    entry=entry(state="unproved", note="the finding is still there", left_to_do="Restart the pods of bookinfo."),
    waited=Waited(
        took=PODS[:3],
        lagging=PODS[3:9],
        rejected=PODS[9:10],
        unread={pod: "exec and port-forward are forbidden" for pod in PODS[10:15]},
    ),
    proof=Proof(is_gone=False, unread=PODS[10:15]),
)
WORSE = Result(
    entry=entry(state="unproved"),
    waited=Waited(took=PODS),
    proof=Proof(
        is_gone=True,
        better=(BETTER,),
        worse=tuple(Turn(pod, "www.huaweicloud.com:443", "delivered", "blocked") for pod in PODS),
        new=(judged(), judged("", "config-rejected")),
    ),
)
AS_FORETOLD = Result(
    entry=entry(),
    waited=Waited(took=(POD,)),
    proof=Proof(
        is_gone=True,
        better=(BETTER,),
        foretold=(Turn(POD, "www.huaweicloud.com:443", "delivered", "blocked"),),
        foretold_new=(judged(severity="warning"),),
        first_seen=(judged("api.news.test"),),
    ),
)
UNFINISHED = Result(
    entry=entry(state="applied", note="it works once a person has done the rest", left_to_do="Restart the pods."),
)
UNJUDGED = Result(
    entry=entry(state="unproved", note="it could not be judged again: https://203.0.113.1:6443 does not answer"),
    waited=Waited(lagging=(POD,)),
)
HOSTILE_RESULT = Result(
    entry=entry(subject=STEER, title=STEER, note=STEER, left_to_do=STEER, place=Place(server=STEER, context=STEER)),
    waited=Waited(took=(STEER,), lagging=(STEER,), rejected=(STEER,), unread={STEER: STEER}),
    proof=Proof(
        is_gone=False,
        new=(judged(STEER),),
        worse=(Turn(STEER, STEER, STEER, STEER),),
        better=(Turn(STEER, STEER, STEER, STEER),),
        unread=(STEER,),
        foretold=(Turn(STEER, STEER, STEER, STEER),),
        foretold_new=(judged(STEER),),
        first_seen=(judged(STEER),),
    ),
)


def edit(name: str, before: bytes | None, after: bytes | None) -> FileEdit:
    """A file of the mend."""
    return file_edit(f"manifests/{name}", f"manifests/{name}", before, after)


WRITTEN = entry(
    id=8,
    state="written",
    place=Place(folder="manifests"),
    files=(edit("github.yaml", b"a\n", b"b\n"), edit("new.yaml", None, b"c\n"), edit("old.yaml", b"d\n", None)),
    note="files prove nothing: apply them to the cluster, then `meshdoctor check` says whether it worked",
    left_to_do="Restart the pods of bookinfo.",
)
UNDONE = Result(entry=entry(state="undone"), waited=Waited(took=(POD,)), proof=Proof(is_gone=True))
UNDONE_OTHERWISE = Result(
    entry=entry(state="undone"),
    waited=Waited(took=(POD,), lagging=PODS[:1]),
    proof=Proof(
        is_gone=True,
        worse=(Turn(POD, "db.payments.example:3306", "delivered", "blocked"),),
        better=(Turn(POD, "api.maps.example:443", "blocked", "delivered"),),
        new=(judged(),),
        unread=PODS[:9],
        before_at="2026-11-18T03:04:05Z",
        after_at="2026-11-21T03:04:05Z",
    ),
    handed=LARGE.after_undo,
)
UNDONE_UNJUDGED = Result(entry=entry(state="undone"), waited=Waited(took=(POD,)))
UNDONE_FILES = Result(entry=replace(WRITTEN, state="undone"))
HISTORY = [
    entry(id=1, state="undone", note="undone 2026-11-21T03:09:00Z"),
    entry(id=2, state="failed", note="held by others: .spec.ports by argocd-controller"),
    entry(id=3),
    entry(id=4, state="unproved", note="the finding is still there"),
    replace(WRITTEN, id=5),
    entry(id=6, state="planned", note=""),
    replace(UNFINISHED.entry, id=7),
    entry(id=8, state="applied", subject=STEER, title=STEER, note=STEER, place=Place(server="x", context=STEER)),
]
