"""Small results with every hard case a report meets: 400 pods, no host, hostile names, wide characters, causes.

They are made by hand, so that a report's goldens change only when the report does.
"""

from __future__ import annotations

from typing import Any

import msgspec

from meshdoctor.model.evidence import Evidence, Unread
from meshdoctor.model.finding import Confidence, Diagnosis, Disposition, Finding, Fix, NotEvaluated
from meshdoctor.model.host_table import HostRow, HostTable, PodVerdict, UsedBy
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.rule import Rule, RulePage
from meshdoctor.model.trace import AddressTrace, Destination, Expect, Step, Trace
from meshdoctor.model.verdict import Severity, Verdict

POD = "bookinfo/ratings-v2-mysql-6c8d9f7b5-x2x4q"
DUMP = f"proxies/{POD}/config_dump.json"
PODS = tuple(f"shop/web-7d9c6b5f4-{number:05d}" for number in range(400))

MANIFEST = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: github
  namespace: bookinfo
spec:
  hosts:
  - github.com
  ports:
  - number: 443
    name: tls
    protocol: TLS
  resolution: DNS
"""

TLS = Fix(
    id="declare-tls",
    title="Declare port 443 as TLS in both entries",
    declared=Disposition.REVIEW,
    tradeoff="Connections are told apart by SNI; a client that sends none is blocked under REGISTRY_ONLY.",
    manifests=(MANIFEST, MANIFEST.replace("github", "hwcloud")),
)
LONG = Fix(
    "set-addresses", "Give both entries their addresses", Disposition.REVIEW, "Must follow DNS.", (MANIFEST * 4,)
)
MANUAL = Fix(
    "dns-capture",
    "Switch on DNS capture",
    Disposition.MANUAL,
    "Restarts the pods.",
    steps="Set\n`ISTIO_META_DNS_CAPTURE`.",
)


def finding(**given: Any) -> Finding:
    """A finding; what is not given is short and plain."""
    plain: dict[str, Any] = {
        "rule": "tcp-port-clash",
        "severity": Severity.ERROR,
        "confidence": Confidence.CERTAIN,
        "fingerprint": "0001",
        "title": "Another TCP ServiceEntry owns this port",
        "message": "Calls to github.com:443 land on www.huaweicloud.com.",
        "why": "Both entries are TCP without addresses, so both want the listener 0.0.0.0_443; the older one has it.",
        "host": "github.com",
        "port": 443,
        "pods": (POD,),
        "docs": "meshdoctor rules explain tcp-port-clash",
    }
    return Finding(**{**plain, **given})


CLASH = finding(
    resources=(
        ObjectRef("ServiceEntry", "bookinfo", "hwcloud", "active"),
        ObjectRef("ServiceEntry", "bookinfo", "github", "shadowed"),
    ),
    evidence=(
        Evidence(DUMP, "$.configs[3].dynamic_listeners[2].active_state.listener", "0.0.0.0_443"),
        Evidence(
            DUMP,
            "$.configs[3].dynamic_listeners[2].active_state.listener.filter_chains[0].filters[1].typed_config.cluster",
            "outbound|443||www.huaweicloud.com",
        ),
        Evidence("resources/serviceentries.yaml", "$.items[1].metadata.creationTimestamp", "2026-11-21", line=31),
        Evidence("resources/serviceentries.yaml", "$.items[0].metadata.creationTimestamp", "2026-09-21", line=7),
    ),
    fixes=(TLS, LONG, MANUAL),
)
CONSEQUENCE = finding(
    rule="tcp-hosts-ignored",
    severity=Severity.INFO,
    fingerprint="0002",
    title="The entry's hosts are ignored",
    docs="",
    caused_by=("0001",),
)
FURTHER = finding(
    rule="duplicate-host", severity=Severity.INFO, fingerprint="0003", title="Two entries", docs="", caused_by=("0002",)
)
CROWD = finding(
    rule="missing-service-entry",
    fingerprint="0004",
    title="Nothing registers this host",
    message="400 pods want db.payments.example:3306 and are blocked.",
    host="db.payments.example",
    port=3306,
    pods=PODS,
    evidence=(Evidence("resources/pods.yaml", "$.items[0].spec.containers[0].env[0]", "db.payments.example"),),
    evidence_left_out=1399,
    fixes=(LONG,),
)
HOSTLESS = finding(
    rule="plaintext-credentials",
    severity=Severity.WARNING,
    confidence=Confidence.LIKELY,
    fingerprint="0005",
    title="A password stands in the pod's environment",
    message="Container app has a literal password in MYSQL_DB_PASSWORD. Its value is never shown.",
    why="",
    host=None,
    port=None,
    resources=(ObjectRef("Pod", "bookinfo", "ratings", "owner"),),
)
HOSTILE = finding(
    rule="egress-open",
    severity=Severity.INFO,
    fingerprint="0006",
    title="Unregistered hosts leave unseen \x1b[2J\u202egnp.exe",
    message="パイプライン" * 3 + " \x9b31m and\ttabs " + "long-word-" * 12,
    host="2001:db8::20",
    port=443,
    pods=("evil/\x1b]0;owned\x07",),
    docs="",
)
ORPHAN = finding(
    rule="no-sidecar", severity=Severity.INFO, fingerprint="0007", host=None, port=None, caused_by=("gone",)
)

SICK = Diagnosis(
    source_kind="capture",
    location="captures/prod-eu.tar.gz",
    captured_at="2026-11-21T10:48:31Z",
    istio_versions=("1.29.2", "1.30.0"),
    proxies=401,
    pods=402,
    pod_kinds={"sidecar": 400, "ambient": 0, "gateway": 1, "ztunnel": 0, "none": 1, "finished": 0},
    external_hosts=12,
    findings=(ORPHAN, HOSTILE, CONSEQUENCE, HOSTLESS, CROWD, FURTHER, CLASH),
    not_evaluated=(
        NotEvaluated("double-tls", ("shop/web-1",), ("proxies/shop/web-1/clusters.json",), "it was not captured"),
        NotEvaluated("egress-open", ("shop/web-1",), ("proxies/shop/web-1/clusters.json",), "it was not captured"),
        NotEvaluated(
            "upstream-unresolved", PODS[:9], tuple(f"proxies/{p}/clusters.json" for p in PODS[:9]), "forbidden"
        ),
    ),
    rules_run=("tcp-port-clash", "missing-service-entry", "duplicate-host", "config-rejected", "legacy-config"),
    unread=(Unread("proxies/shop/web-1/clusters.json", "JSON is malformed at byte 17\x1b[1m"),),
    notes=("Two Istio versions run side by side.",),
)
HEALTHY = Diagnosis(
    source_kind="dump",
    location="config_dump.json",
    captured_at=None,
    istio_versions=("1.30.0",),
    proxies=1,
    pods=1,
    external_hosts=1,
    findings=(),
    not_evaluated=(),
    rules_run=("tcp-port-clash", "double-tls"),
)
BLIND = Diagnosis(
    source_kind="capture",
    location="empty/",
    captured_at=None,
    istio_versions=(),
    proxies=0,
    pods=1,
    external_hosts=0,
    findings=(),
    not_evaluated=(NotEvaluated("tcp-port-clash", (), ("proxies/",), "no proxy's configuration was captured"),),
    rules_run=("tcp-port-clash",),
)

MISROUTED = Trace(
    pod=POD,
    destination=Destination("github.com", 443, "198.51.100.20", "tls", "github.com"),
    verdict=Verdict.MISROUTED,
    reason="tcp-port-clash",
    because="It is sent to www.huaweicloud.com, which another ServiceEntry registers.",
    advice="Declare port 443 of both entries as TLS.",
    listener="0.0.0.0_443",
    cluster="outbound|443||www.huaweicloud.com",
    endpoint="198.51.100.10:443",
    steps=(
        Step("redirection", "redirected", "iptables redirects every address to the sidecar"),
        Step("listener", "0.0.0.0_443", "no listener for 198.51.100.20:443; the wildcard on port 443 matches"),
        Step("filter_chain", None, "the only chain matches everything"),
        Step(
            "cluster",
            "outbound|443||www.huaweicloud.com",
            "the chain's tcp_proxy names it",
            Evidence(DUMP, "$.configs[3].dynamic_listeners[2]", "0.0.0.0_443"),
        ),
        Step("endpoint", "198.51.100.10:443", "its only endpoint"),
        Step("verdict", "misrouted", "not its own cluster"),
    ),
    owner="www.huaweicloud.com",
)
SEVERAL = Trace(
    pod=POD,
    destination=Destination("db.payments.example", 3306, None, "server-first"),
    verdict=Verdict.BLOCKED,
    reason="incomplete-address-list",
    because="One of its three addresses falls to BlackHoleCluster.",
    listener="virtualOutbound",
    cluster="BlackHoleCluster",
    expect=Expect(("UH",), None, False),
    steps=(Step("cluster", "BlackHoleCluster", "REGISTRY_ONLY"),),
    addresses=(
        AddressTrace("198.51.100.31", Verdict.DELIVERED, "delivered", "outbound|3306||db.payments.example", "l"),
        AddressTrace(
            "198.51.100.30", Verdict.BLOCKED, "incomplete-address-list", "BlackHoleCluster", "virtualOutbound"
        ),
        AddressTrace("2001:db8::30", Verdict.UNKNOWN, "no-evidence"),
    ),
)
HUNG = Trace(
    pod="evil/\x1b[31mred",
    destination=Destination("httpbin.example", 80, "198.51.100.40", "http", None, "other.example", "/status/200"),
    verdict=Verdict.UNKNOWN,
    reason="no-config-dump",
    because="Its configuration was not captured.",
    expect=Expect(("UF", "NR"), 503, True),
    missing=(DUMP,),
)
DELIVERED = Trace(
    pod=POD,
    destination=Destination("198.51.100.40", 443, "198.51.100.40", "tls", ""),
    verdict=Verdict.DELIVERED,
    reason="delivered",
    because="the connection is sent to the right cluster, outbound|443||api.maps.example",
    cluster="outbound|443||api.maps.example",
    expect=Expect((), 200, False),
    steps=(Step("cluster", "outbound|443||api.maps.example", "its address is the entry's"),),
)


def _verdicts(verdict: Verdict, reason: str, pods: tuple[str, ...]) -> tuple[PodVerdict, ...]:
    return tuple(PodVerdict(pod, verdict, reason, None) for pod in pods)


SEEN = ("env MYSQL_DB_HOST of container app", "env MYSQL_DB_PORT of container app", "args of app", "annotation a")
HOSTS = HostTable(
    source_kind="capture",
    location="captures/prod-eu.tar.gz",
    hosts=(
        HostRow(
            "github.com",
            443,
            "TCP",
            ("ServiceEntry bookinfo/github",),
            (),
            _verdicts(Verdict.MISROUTED, "tcp-port-clash", (POD,)),
        ),
        HostRow(
            "db.payments.example",
            3306,
            "mysql",
            (),
            tuple(UsedBy(pod, SEEN[:1], (Evidence("resources/pods.yaml", "$.items[0]"),)) for pod in PODS[:12]),
            _verdicts(Verdict.BLOCKED, "missing-service-entry", PODS[:12])
            + _verdicts(Verdict.DELIVERED, "delivered", PODS[12:]),
        ),
        HostRow("db.payments.example", None, "", (), (UsedBy(POD, SEEN),), ()),
        HostRow(
            "a-very-long-name-of-a-managed-database-cluster.eu-central-1.rds.cloud.example",
            5432,
            "TCP",
            tuple(f"ServiceEntry shop/entry-{number}" for number in range(5)),
            (),
            _verdicts(Verdict.UNKNOWN, "no-address", PODS)
            + _verdicts(Verdict.LEAKED, "resolution-none-leak", PODS[:1]),
        ),
        HostRow(
            "2001:db8::20", 443, "\x1b[31mTLS", ("ServiceEntry shop/v6",), (), _verdicts(Verdict.DELIVERED, "", (POD,))
        ),
    ),
    missing=("resources/configmaps.yaml: env that refers to ConfigMaps stays unread",),
)
HOSTS_OF_FEW = msgspec.structs.replace(
    HOSTS,
    hosts=tuple(
        msgspec.structs.replace(row, verdicts=row.verdicts[:2], used_by=row.used_by[:2]) for row in HOSTS.hosts
    ),
)
NO_HOSTS = HostTable("capture", "empty/", ())

RULE = Rule(
    id="tcp-port-clash",
    title="Another TCP ServiceEntry owns this port",
    severity=Severity.ERROR,
    confidence=Confidence.CERTAIN,
    needs=("config_dump",),
    select="$.claims[*]",
    when="fact.outcome == 'shadowed'",
    message="Calls to {fact.host} land elsewhere.",
    why="The older entry owns the port.",
    page=RulePage(
        description="Two entries want one port.", diagnosis="Look at the listener.", remediation="Declare both as TLS."
    ),
    references=("https://istio.io/latest/docs/reference/config/networking/service-entry/",),
)
MILD = msgspec.structs.replace(
    RULE, id="egress-open", title="Unregistered hosts leave unseen " * 3, severity=Severity.INFO
)
