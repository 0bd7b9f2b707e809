"""The doctor over whole small meshes: what is judged, what is named as not judged, and what never shows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshdoctor import doctor
from meshdoctor.errors import NothingToJudge, Unreadable, UsageError
from meshdoctor.report import json_v1, text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.view import check
from meshdoctor.view import hosts as hosts_view
from meshdoctor.view import trace as trace_view
from tests.meshes import (
    GATEWAY,
    GATEWAY_POD,
    NEW,
    PASSTHROUGH,
    POD,
    Mesh,
    Tree,
    cluster,
    destination_rule,
    dump,
    entry,
    http,
    listener,
    namespace,
    outbound,
    pod,
    route_config,
    server,
    service,
    sidecar,
    tcp,
    virtual_host,
    virtual_service,
)

BAD: Any = b'{"configs": ['
DEPENDENCY = {"A": "https://a.example"}


def found(mesh: Mesh, **given: Any) -> list[tuple[str, str, str | None]]:
    """(severity, rule, host) of every finding."""
    return [(f.severity, f.rule, f.host) for f in doctor.diagnose(mesh.case, **given).findings]


def serious(mesh: Mesh) -> list[tuple[str, str, str | None]]:
    return [f for f in found(mesh) if f[0] != "info"]


# What is judged


def test_a_good_dump_is_judged_beside_one_that_cannot_be_read() -> None:
    mesh = Mesh({POD: dump(), "bank/api": BAD}, pod(DEPENDENCY), pod(DEPENDENCY, key="bank/api"))
    diagnosis = doctor.diagnose(mesh.case)
    assert [(f.rule, f.pods) for f in diagnosis.findings] == [("missing-service-entry", (POD,))]
    assert {n.pods for n in diagnosis.not_evaluated if n.rule == "missing-service-entry"} == {("bank/api",)}
    assert "missing-service-entry" in diagnosis.rules_run
    assert [u.path for u in diagnosis.unread] == ["proxies/bank/api"]


def test_pods_without_their_dumps_do_not_unmake_the_verdict_on_one() -> None:
    others = [pod(key=f"bank/api-{n}") for n in range(3)]
    diagnosis = doctor.diagnose(Mesh(dump(), pod(), *others).case)
    assert "tcp-port-clash" in diagnosis.rules_run
    gap = next(n for n in diagnosis.not_evaluated if n.rule == "tcp-port-clash")
    assert gap.pods == ("bank/api-0", "bank/api-1", "bank/api-2")


def test_a_rule_without_any_evidence_did_not_run() -> None:
    diagnosis = doctor.diagnose(Mesh(None, pod()).case)
    assert "tcp-port-clash" not in diagnosis.rules_run
    assert "plaintext-credentials" in diagnosis.rules_run


def test_a_dump_alone_is_judged_as_far_as_it_goes() -> None:
    clash = dump(
        [listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))],
        [cluster("a.example", 443), cluster("b.example", 443)],
    )
    mesh = Mesh(clash, blind=True)
    assert ("error", "tcp-port-clash", "b.example") in found(mesh)
    because = {n.because for n in doctor.diagnose(mesh.case).not_evaluated}
    assert "serviceentries were not read" in because


def test_nothing_at_all_and_nothing_readable() -> None:
    with pytest.raises(NothingToJudge):
        doctor.diagnose(Mesh(None).case)
    with pytest.raises(Unreadable):
        doctor.diagnose(Mesh({POD: BAD}).case)


def test_an_unknown_rule_and_the_chosen_ones() -> None:
    mesh = Mesh(dump(), pod(DEPENDENCY))
    with pytest.raises(UsageError, match="missing-service-entry"):
        doctor.diagnose(mesh.case, rules=["missing-service-entri"])
    assert found(mesh, rules=["egress-open"]) == []
    assert found(mesh, skip=["missing-service-entry", "host-not-reached"]) == []


def test_namespaces_limit_pods_findings_and_gaps() -> None:
    mesh = Mesh(
        {POD: dump(), "bank/api": dump(key="bank/api")},
        pod(DEPENDENCY),
        pod(DEPENDENCY, key="bank/api"),
        pod(key="bank/late"),
    )
    diagnosis = doctor.diagnose(mesh.case, namespaces=["shop"])
    assert [f.pods for f in diagnosis.findings] == [(POD,)]
    assert diagnosis.not_evaluated == ()
    assert diagnosis.proxies == 1
    assert {w.pod for r in doctor.hosts(mesh.case, ["bank"]).hosts for w in r.used_by} == {"bank/api"}


def test_one_fault_of_many_pods_is_one_finding() -> None:
    keys = [f"shop/web-{n}" for n in range(5)]
    mesh = Mesh({k: dump(key=k) for k in keys}, *(pod(DEPENDENCY, key=k) for k in keys))
    [finding] = doctor.diagnose(mesh.case).findings
    assert list(finding.pods) == keys


def test_finished_pods_are_not_reported() -> None:
    done = pod(DEPENDENCY, key="shop/job", phase="Succeeded", sidecar=False)
    running = pod(DEPENDENCY, key="shop/bare", sidecar=False)
    objects = namespace("shop", injected="enabled"), pod(key=POD)
    assert found(Mesh(dump(), done, *objects)) == []
    assert [f[1] for f in found(Mesh(dump(), running, *objects))] == ["no-sidecar"]


def test_trace_names_the_nearest_pod() -> None:
    mesh = Mesh(dump(), pod(DEPENDENCY))
    assert doctor.trace(mesh.case, "web", "a.example", 443).verdict == "blocked"
    with pytest.raises(UsageError):
        doctor.trace(mesh.case, "wbe-of-nobody", "a.example", 443)


# What is healthy: nothing above info


def passed_through() -> Mesh:
    """TLS by way of an egress gateway, as Istio's documentation has it."""
    sends = tcp(outbound(GATEWAY, 443), sni=["a.example"], by="out")
    takes = tcp(outbound("a.example", 443), sni=["a.example"], by="out")
    labels = {"istio": "egressgateway"}
    dumps = {
        POD: dump(
            [listener("0.0.0.0", 443, sends)],
            [cluster("a.example", 443), cluster(GATEWAY, 443, "EDS", ips=["10.244.0.20"], target=8443)],
        ),
        GATEWAY_POD: dump(
            [server(8443, takes)], [cluster("a.example", 443)], key=GATEWAY_POD, role="router", LABELS=labels
        ),
    }
    ports = {"name": "tls", "port": 443, "targetPort": 8443}
    tls = [{"match": [{"port": 443, "sniHosts": ["a.example"]}], "route": [{"destination": {"host": GATEWAY}}]}]
    return Mesh(
        dumps,
        service("istio-egressgateway", ports, namespace="istio-system", selector=labels),
        entry("a", "a.example", "443/TLS"),
        virtual_service("out", "a.example", gateways=["mesh", "egress"], tls=tls),
        pod(DEPENDENCY),
        pod(key=GATEWAY_POD, labels=labels),
    )


def by_name(port: int, host: str, kind: str = "STRICT_DNS", protocol: str = "TLS", env: str = "") -> Mesh:
    """A host taken by its server name."""
    wanted = host.replace("*", "shard-00")
    proxy = dump([listener("0.0.0.0", port, tcp(outbound(host, port), sni=[host]))], [cluster(host, port, kind)])
    made = entry("a", host, f"{port}/{protocol}", "NONE" if kind == "ORIGINAL_DST" else "DNS")
    return Mesh(proxy, made, pod({"HOSTS": env or f"{wanted}:{port}"}))


def by_address(port: int, address: str, kind: str = "ORIGINAL_DST", resolution: str = "NONE") -> Mesh:
    """A host taken by its address or range, with an answer inside it."""
    name = outbound("db.example", port)
    ranged = (
        listener("0.0.0.0", port, tcp(name, ranges=[address])) if "/" in address else listener(address, port, tcp(name))
    )
    made = entry("db", "db.example", f"{port}/TCP", resolution, addresses=[address])
    answer = address.rpartition(".")[0] + ".7" if "/" in address else address
    ips = [answer] if kind == "STRICT_DNS" else []
    proxy = dump([ranged], [cluster("db.example", port, kind, ips=ips)])
    return Mesh(proxy, made, pod({"DB": f"db.example:{port}"}), dns={"db.example": [answer]})


def originated() -> Mesh:
    """HTTP from the application, TLS from the sidecar."""
    proxy = dump(
        [listener("0.0.0.0", 80, http("80"))],
        [cluster("a.example", 80, tls="a.example", target=443, by="a")],
        [route_config("80", virtual_host("a.example", 80))],
    )
    rule = destination_rule("a", "a.example", portLevelSettings=[{"port": {"number": 80}, "tls": {"mode": "SIMPLE"}}])
    return Mesh(proxy, entry("a", "a.example", "80/HTTP>443"), rule, pod({"A": "http://a.example"}))


def captured_dns() -> Mesh:
    """Two TCP entries without addresses on one port, each with its virtual address."""
    hosts = {"a.example": "240.240.0.1", "b.example": "240.240.0.2"}
    entries = []
    for host, address in hosts.items():
        made = entry(host[0], host, "3306/TCP")
        made["status"] = {"addresses": [{"host": host, "value": address}]}
        entries.append(made)
    proxy = dump(
        [listener(a, 3306, tcp(outbound(h, 3306))) for h, a in hosts.items()],
        [cluster(h, 3306) for h in hosts],
        DNS_CAPTURE="true",
    )
    return Mesh(proxy, *entries, pod({"A": "mysql://a.example/x", "B": "mysql://b.example/x"}))


def in_the_cluster() -> Mesh:
    """Services, agents on the node, metadata, an alias, a virtual machine: nothing of it is outside."""
    machine = entry("billing", "billing.vm.example", "8080/HTTP", "STATIC", location="MESH_INTERNAL")
    machine["spec"]["endpoints"] = [{"address": "10.9.9.9"}]
    inside = cluster("billing.vm.example", 8080, "EDS", ips=["10.9.9.9"], mutual=True)
    inside["cluster"]["metadata"]["filter_metadata"]["istio"]["external"] = False
    reviews = "reviews.shop.svc.cluster.local"
    proxy = dump(
        [listener("0.0.0.0", 8080, http("8080")), listener("0.0.0.0", 9080, http("9080"))],
        [inside, cluster(reviews, 9080, "EDS", ips=["10.244.0.30"])],
        [
            route_config("8080", virtual_host("billing.vm.example", 8080)),
            route_config("9080", virtual_host(reviews, 9080)),
        ],
    )
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel-collector.observability:4317",
        "REVIEWS": "http://reviews:9080",
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
        "JAVA_OPTS": "-Xmx512m -Djava.rmi.server.hostname=127.0.0.1 -Dcom.sun.management.jmxremote.port=9010",
        "LISTEN": "0.0.0.0:8080",
        "BILLING": "http://billing.vm.example:8080",
    }
    wants = pod(env)
    on_node = {"name": "DD_AGENT_HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}
    wants["spec"]["containers"][0]["env"] += [on_node, {"name": "DD_URL", "value": "http://$(DD_AGENT_HOST):8126"}]
    return Mesh(
        proxy,
        machine,
        wants,
        service("reviews", {"name": "http", "port": 9080}),
        service("kubernetes", {"name": "https", "port": 443}, namespace="default", ip="10.96.0.1"),
        service("otel-collector", {"name": "grpc", "port": 4317}, namespace="observability"),
        service("legacy", {"port": 5432}, type="ExternalName", externalName="db.example", ip=""),
        namespace("observability"),
    )


def shared_platform() -> Mesh:
    """Entries of a platform namespace, shown by exportTo and taken in by the Sidecar; a neighbour's stay away."""
    proxy = dump(
        [listener("0.0.0.0", 443, tcp(outbound("a.example", 443), sni=["a.example"]))], [cluster("a.example", 443)]
    )
    return Mesh(
        proxy,
        entry("a", "a.example", "443/TLS", namespace="egress", exportTo=[".", "shop"]),
        entry("theirs", "b.example", "443/TCP", namespace="bank", exportTo=["."], created=NEW),
        sidecar("./*", "egress/*"),
        pod(DEPENDENCY),
    )


def metadata_service() -> Mesh:
    """The cloud's metadata address, registered."""
    host = "imds.aws.example"
    proxy = dump(
        [listener("0.0.0.0", 80, http("80"))],
        [cluster(host, 80, "EDS", ips=["169.254.169.254"])],
        [route_config("80", virtual_host(host, 80) | {"domains": [host, "169.254.169.254"]})],
    )
    made = entry("imds", host, "80/HTTP", "STATIC", addresses=["169.254.169.254"])
    made["spec"]["endpoints"] = [{"address": "169.254.169.254"}]
    return Mesh(proxy, made, pod({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://169.254.169.254:80"}))


BROKERS = "b-1.kafka.example:9094,b-2.kafka.example:9094"


def brokers() -> Mesh:
    """A list of Kafka brokers with TLS on one port."""
    hosts = [b.split(":")[0] for b in BROKERS.split(",")]
    chains = [tcp(outbound(h, 9094), sni=[h]) for h in hosts]
    proxy = dump([listener("0.0.0.0", 9094, *chains)], [cluster(h, 9094) for h in hosts])
    return Mesh(proxy, entry("kafka", " ".join(hosts), "9094/TLS"), pod({"KAFKA_BROKERS": BROKERS}))


HEALTHY = {
    "egress gateway": passed_through,
    "tls on 443": lambda: by_name(443, "a.example"),
    "https on 443, resolution NONE": lambda: by_name(443, "a.example", "ORIGINAL_DST", "HTTPS"),
    "tls on 8443": lambda: by_name(8443, "a.example"),
    "ldaps": lambda: by_name(636, "ldap.example"),
    "mongodb by wildcard": lambda: by_name(27017, "*.abcde.mongodb.example", "ORIGINAL_DST"),
    "postgres by range": lambda: by_address(5432, "203.0.113.0/24"),
    "mysql by address": lambda: by_address(3306, "203.0.113.1"),
    "redis by address with DNS": lambda: by_address(6379, "203.0.113.1", "STRICT_DNS", "DNS"),
    "smtp by address": lambda: by_address(587, "203.0.113.1"),
    "tls origination": originated,
    "kafka brokers": brokers,
    "dns capture": captured_dns,
    "inside the cluster": in_the_cluster,
    "platform namespace": shared_platform,
    "cloud metadata": metadata_service,
}


@pytest.mark.parametrize("make", HEALTHY.values(), ids=HEALTHY.keys())
def test_a_healthy_mesh_raises_no_alarm(make: Any) -> None:
    assert serious(make()) == []


@pytest.mark.parametrize("make", HEALTHY.values(), ids=HEALTHY.keys())
def test_what_a_healthy_mesh_connects_to_is_delivered(make: Any) -> None:
    """So that the silence above is not for want of anything to judge."""
    assert {c.verdict for c in make().facts("connections")} == {"delivered"}


# What never shows

MARK = "hunter2marker"
NAMES = ["DB_PASSWORD", "API_TOKEN", "SECRET_KEY", "MYSQL_PWD", "AUTH", "SOMETHING", "CONNECTION", "LICENSE_KEY"]
FORMS = [
    "{0}",
    "postgres://user:{0}@db.example:5432/x",
    "postgres://user:{0}/x@db.example:5432/x",
    "postgres://user:p@{0}@db.example:5432/x",
    "postgres://user:{0}:443@db.example:5432/x",
    "https://{0}@sentry.example/1",
    "https://a.example/hooks/{0}?token={0}",
    "Server=db.example,1433;User Id=sa;Password={0}",
    "host=db.example port=5432 password={0}",
    "user:{0}@tcp(db.example:3306)/x",
    "Bearer {0}",
    '{{"host": "db.example", "port": 5432, "password": "{0}"}}',
]


def outputs(mesh: Mesh) -> str:
    """Everything check, hosts and trace print, as text and as JSON."""
    case, page = mesh.case, TextWriter()
    diagnosis, hosts = doctor.diagnose(case), doctor.hosts(case)
    printed = [
        text.render(check.report(diagnosis, verbose=True), page),
        json_v1.check(diagnosis).decode(),
        text.render(hosts_view.report(hosts, verbose=True), page),
        json_v1.hosts(hosts).decode(),
    ]
    for row in hosts.hosts:
        traced = doctor.trace(case, POD, row.host, row.port or 443)
        printed += [text.render(trace_view.report(traced), page), json_v1.trace(traced).decode()]
    return "\n".join(printed)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(FORMS), min_size=1, max_size=5))
def test_no_secret_is_ever_printed(env: dict[str, str]) -> None:
    wants = pod({name: form.format(MARK) for name, form in env.items()})
    for policy in ("BlackHoleCluster", PASSTHROUGH):
        assert MARK not in outputs(Mesh(dump(policy=policy), wants, namespace("shop", injected="enabled")))


@pytest.mark.parametrize("name", ["DB_PASSWORD", "API_TOKEN", "MYSQL_PWD", "JWT_SECRET", "LICENSE_KEY"])
def test_a_password_that_reads_as_a_host_is_no_host(name: str) -> None:
    for value in (f"{MARK}.example", f"{MARK}.example:2024"):
        assert MARK not in outputs(Mesh(dump(), pod({name: value}), namespace("shop", injected="enabled")))


def test_a_password_in_arguments_and_annotations_is_not_printed() -> None:
    wants = pod({"A": "https://a.example"}, annotations={"example.com/db": f"postgres://u:{MARK}@db.example:5432/x"})
    wants["spec"]["containers"][0]["args"] = [f"--db=postgres://u:{MARK}@db.example:5432/x", f"--password={MARK}"]
    printed = outputs(Mesh(dump(), wants))
    assert "db.example" in printed
    assert MARK not in printed


def test_a_plain_password_is_found_and_only_its_name_is_told() -> None:
    wants: Tree = pod({"DB_PASSWORD": MARK})
    [finding] = [f for f in doctor.diagnose(Mesh(dump(), wants).case).findings if f.rule == "plaintext-credentials"]
    assert "DB_PASSWORD" in finding.message
    assert MARK not in repr(finding)
