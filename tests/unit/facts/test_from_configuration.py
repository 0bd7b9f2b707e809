"""What pods want: everything that clients would connect to, and nothing that only looks like it."""

from __future__ import annotations

import pytest

from meshdoctor.facts.dependencies.from_configuration import configured_dependencies, ips_beside, service_test
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Container, Dependency, Pod, Service
from meshdoctor.model.object_ref import ObjectRef
from tests.unit.facts.pod_builder import POINTER, config_map, pod, read_body

Found = set[tuple[str, int | None]]


def everything(*pods: Pod) -> tuple[Dependency, ...]:
    return configured_dependencies(pods, lambda host, namespace: True)


def places(*pods: Pod) -> Found:
    return {(w.host, w.port) for w in everything(*pods)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mysql://root:pa55@db.x.example/orders", {("db.x.example", 3306)}),
        ("MySQL://DB.X.Example.:3307/orders", {("db.x.example", 3307)}),
        ("postgresql+psycopg2://u:p@db.x.example/x", {("db.x.example", 5432)}),
        ("redis://:pw@cache.x.example", {("cache.x.example", 6379)}),
        ("amqps://u:p%40@mq.x.example/v", {("mq.x.example", 5671)}),
        ("tcp://h.x.example:99", {("h.x.example", 99)}),
        ("zipkin://h.x.example:9411", {("h.x.example", 9411)}),
        ("ldaps://dir.x.example", {("dir.x.example", 636)}),
        ("sftp://files.x.example/in", {("files.x.example", 22)}),
        ("wss://live.x.example/ws", {("live.x.example", 443)}),
        ("http://httpbin.example", {("httpbin.example", 80)}),
        ("https://api.x.example:8443/v1?x=1#y", {("api.x.example", 8443)}),
        ("https://user:[redacted by meshdoctor]@api.x.example/", {("api.x.example", 443)}),
        ("https://203.0.113.7/x", {("203.0.113.7", 443)}),
        ("https://[2001:DB8::1]:8443/x", {("2001:db8::1", 8443)}),
        ("https://a.x.example,https://b.x.example:81", {("a.x.example", 443), ("b.x.example", 81)}),
        ("see (https://docs.x.example).", {("docs.x.example", 443)}),
        ('{"url":"https://api.x.example/v1","n":1}', {("api.x.example", 443)}),
        ('{"redis":{"host":"r.x.example","port":6379}}', {("r.x.example", 6379)}),
        ("mongodb://u:p@m1.x.example:27018,m2.x.example/db", {("m1.x.example", 27018), ("m2.x.example", 27017)}),
        ("mongodb+srv://u:p@cluster0.abc.example/db", {("cluster0.abc.example", None)}),
        ("b1.x.example:9092,b2.x.example:9093", {("b1.x.example", 9092), ("b2.x.example", 9093)}),
        ('["b1.x.example:9092", "b2.x.example:9092"]', {("b1.x.example", 9092), ("b2.x.example", 9092)}),
        ("SASL_SSL://b1.x.example:9092,SASL_SSL://b2.x.example:9092", {("b1.x.example", 9092), ("b2.x.example", 9092)}),
        ("jdbc:mysql://h.x.example:3306/db?user=a", {("h.x.example", 3306)}),
        ("jdbc:sqlserver://h.x.example:1434;databaseName=x", {("h.x.example", 1434)}),
        ("jdbc:sqlserver://h.x.example;databaseName=x", {("h.x.example", 1433)}),
        ("jdbc:oracle:thin:@//ora.x.example:1522/svc", {("ora.x.example", 1522)}),
        ("jdbc:oracle:thin:u/p@ora.x.example:1521:sid", {("ora.x.example", 1521)}),
        ("(ADDRESS=(PROTOCOL=TCP)(HOST=ora.x.example)(PORT=1521))", {("ora.x.example", 1521)}),
        ("root:secret@tcp(db.x.example:3306)/orders", {("db.x.example", 3306)}),
        ("Server=tcp:db.x.example,1433;Initial Catalog=d;Password=p", {("db.x.example", 1433)}),
        ("Host=db.x.example;Port=5433;Username=u", {("db.x.example", 5433)}),
        ("host=db.x.example port=5432 dbname=x", {("db.x.example", 5432)}),
        ("cache.x.example:6380,password=abc=,ssl=True", {("cache.x.example", 6380)}),
        ("dns:///grpc.x.example:443", {("grpc.x.example", 443)}),
        ("api.news.example:443", {("api.news.example", 443)}),
        ("api.news.example:443/v1", {("api.news.example", 443)}),
        ("db.prod.acme:5432", {("db.prod.acme", 5432)}),
        ("10.20.30.40:3306", {("10.20.30.40", 3306)}),
        ("[2001:db8::1]:5432", {("2001:db8::1", 5432)}),
        ("httpbin.example", {("httpbin.example", None)}),
        ("-Xmx1g -Dhttp.proxyHost=proxy.x.example -Dhttp.proxyPort=3128", {("proxy.x.example", 3128)}),
        ('<a xmlns="http://www.w3.org/2001/XMLSchema" href="https://api.x.example"/>', {("api.x.example", 443)}),
    ],
)
def test_values_that_name_a_destination(value: str, expected: Found) -> None:
    assert places(pod({"SETTING": value})) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "mysql:3306",
        "http://web/",
        "localhost:80",
        "http://localhost:8080",
        "127.0.0.1:80",
        "0.0.0.0:80",
        "[::1]:80",
        "http://169.254.169.254/latest/meta-data",
        "10.244.0.9:80",
        "ratings.bookinfo.svc:9080",
        "http://ratings.bookinfo.svc.cluster.local:9080",
        "printer.local:631",
        "host.docker.internal:80",
        "*.x.example:443",
        "ops@x.example",
        "Joe <ops@x.example>",
        "1.2.3",
        "v1.2.3-rc.1",
        "1.2.3.4",
        "10.0.0.0/8",
        "12:30",
        "app.jar",
        "config.yaml",
        "app.properties:10",
        "server.js",
        "com.example.Main",
        "com.example.Main:8080",
        "org.apache.kafka.common.serialization.StringSerializer",
        "C.UTF-8",
        "en_US.UTF-8",
        "Europe/Berlin",
        "gcr.io/team/app:1.2",
        "registry.x.example:5000/team/app:1.0",
        "docker.io/istio/proxyv2@sha256:0123",
        "github.com/org/repo",
        "git@github.com:org/x.git",
        "s3://my.bucket.name/x",
        "file:///etc/a.b/c",
        "unix:///run/x.sock",
        "spiffe://cluster.local/ns/x/sa/y",
        "oci://ghcr.example/x",
        "arn:aws:s3:::a.b",
        "weird://h.x.example",
        "udp://log.x.example:514",
        "https://$(X).x.example",
        "https://${HOST}:8443/",
        "https://{{ .Values.host }}/",
        "https://api.x.example:${PORT}/",
        "https://%s.x.example/",
        "api.x.example:0",
        "api.x.example:99999",
        "cpu.max:100",
        "a.b.c=DEBUG",
        "service.name=shop.web,service.version=1.2",
        "http://www.w3.org/2001/XMLSchema",
        "0.0.0.0:8080->10.0.0.1:80",
    ],
)
def test_values_that_name_none(value: str) -> None:
    assert places(pod({"SETTING": value})) == set()


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"MYSQL_DB_HOST": "db.x.example", "MYSQL_DB_PORT": "3306"}, {("db.x.example", 3306)}),
        ({"DB_HOSTNAME": "db.x.example", "DB_PORT": "3306"}, {("db.x.example", 3306)}),
        ({"DB_ADDR": "db.x.example", "DB_PORT": "3306"}, {("db.x.example", 3306)}),
        ({"DB_ADDRESS": "db.x.example", "DB_PORT": "3306"}, {("db.x.example", 3306)}),
        ({"API_ENDPOINT": "api.x.example", "API_PORT": "443"}, {("api.x.example", 443)}),
        ({"SMTP_SERVER": "mail.x.example", "SMTP_PORT": "587"}, {("mail.x.example", 587)}),
        ({"UP_URL": "tcp://up.x.example", "UP_PORT": "5000"}, {("up.x.example", 5000)}),
        ({"PGHOST": "db.x.example", "PGPORT": "5432"}, {("db.x.example", 5432)}),
        ({"dbHost": "db.x.example", "dbPort": "5432"}, {("db.x.example", 5432)}),
        ({"db.host": "db.x.example", "db.port": "5432"}, {("db.x.example", 5432)}),
        ({"HOST": "db.x.example", "PORT": "5432"}, {("db.x.example", 5432)}),
        ({"DB_HOST_1": "a.x.example", "DB_PORT_1": "1"}, {("a.x.example", 1)}),
        ({"DB_HOST_NAME": "a.x.example", "DB_PORT": "3306"}, {("a.x.example", 3306)}),
        ({"DB_IP": "203.0.113.7", "DB_PORT": "3306"}, {("203.0.113.7", 3306)}),
        ({"DB_HOST": "2001:db8::5", "DB_PORT": "3306"}, {("2001:db8::5", 3306)}),
        ({"DB_HOSTS": "a.x.example,b.x.example", "DB_PORT": "1"}, {("a.x.example", 1), ("b.x.example", 1)}),
        ({"DB_HOST": "db.x.example:3307", "DB_PORT": "3306"}, {("db.x.example", 3307)}),
        ({"DB_HOST": "db.x.example", "OTHER_PORT": "3306"}, {("db.x.example", None)}),
        ({"DB_HOST": "db.x.example", "DB_PORT": "$(SECRET)"}, {("db.x.example", None)}),
        ({"DB_HOST": "mysql", "DB_PORT": "3306"}, set()),
        ({"HOST": "0.0.0.0", "PORT": "8080"}, set()),
        ({"URL": "https://api.x.example", "PORT": "8080"}, {("api.x.example", 443)}),
        ({"D_HOST": "db.prod.acme"}, {("db.prod.acme", None)}),
        ({"NO_PROXY": "api.x.example:443", "no_proxy": "a.x.example"}, set()),
        ({"CORS_ORIGINS": "https://app.x.example", "OAUTH_REDIRECT_URI": "https://app.x.example/cb"}, set()),
        ({"LISTEN_ADDR": "10.0.0.1:80", "APP_IMAGE": "registry.x.example:5000/app"}, set()),
        ({"TOPIC": "orders.events.eu", "APP_VERSION": "1.2.3.4"}, set()),
    ],
)
def test_names_that_belong_together(env: dict[str, str], expected: Found) -> None:
    assert places(pod(env)) == expected


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--db=db.x.example:3306"], {("db.x.example", 3306)}),
        (["--url=https://api.x.example"], {("api.x.example", 443)}),
        (["--host", "db.x.example", "--port", "99"], {("db.x.example", 99)}),
        (["--db-host=db.x.example", "--db-port=99"], {("db.x.example", 99)}),
        (["-Ddb.host=db.x.example", "-Ddb.port=1521"], {("db.x.example", 1521)}),
        (["sh", "-c", "until nc -z db.x.example:3306; do sleep 1; done"], {("db.x.example", 3306)}),
        (["java", "-jar", "app.jar", "com.example.Main", "server.js", "/etc/a.yaml", "1.2.3"], set()),
        (["--image=registry.x.example:5000/app:1.0", "--bind=10.0.0.1:80"], set()),
    ],
)
def test_arguments(args: list[str], expected: Found) -> None:
    assert places(pod(args=args)) == expected


def test_annotations_of_the_application_only() -> None:
    ours = {"upstream": "api.x.example:443", "example.com/backend": "https://b.x.example"}
    theirs = {
        "traffic.sidecar.istio.io/x": "https://c.x.example",
        "kubectl.kubernetes.io/last-applied-configuration": '{"u":"https://d.x.example"}',
        "prometheus.io/scrape-host": "e.x.example:9090",
        "example.com/runbook": "https://wiki.x.example/web",
        "a8r.io/chat": "https://chat.x.example",
    }
    assert places(pod(annotations={**ours, **theirs})) == {("api.x.example", 443), ("b.x.example", 443)}


def test_the_same_dependency_is_told_once_with_every_place() -> None:
    env = {"DB_HOST": "db.x.example", "DB_PORT": "3306", "DB_URL": "mysql://u:hunter2@db.x.example:3306/x"}
    [dependency] = everything(pod(env, ["--db", "db.x.example:3306"], {"db": "db.x.example:3306"}))
    assert dependency.scheme == "mysql"
    assert [s.where for s in dependency.seen] == [
        "env DB_HOST and DB_PORT of container app",
        "env DB_URL of container app",
        "arg 2 of container app",
        "annotation db",
    ]
    assert dependency.seen[0].pointer == Pointer(POINTER.document, "$.items[0].spec.containers[0].env[0].value")
    assert dependency.seen[2].pointer.path == "$.items[0].spec.containers[0].args[1]"
    assert dependency.seen[3].pointer.path == "$.items[0].metadata.annotations['db']"
    assert "hunter2" not in str(dependency)


def test_a_bare_name_is_left_out_where_its_port_is_known() -> None:
    assert places(pod({"A": "db.x.example", "B": "db.x.example:3306"})) == {("db.x.example", 3306)}


def test_config_maps_are_named_with_their_key() -> None:
    source = {"name": "DB_URL", "valueFrom": {"configMapKeyRef": {"name": "db", "key": "url"}}}
    body = {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [{"name": "app", "env": [source]}]},
    }
    [dependency] = everything(read_body(body, config_map("db", url="mysql://db.x.example/x")))
    [seen] = dependency.seen
    assert seen.where == "ConfigMap shop/db key url (env DB_URL of container app)"
    assert seen.pointer == Pointer("resources/configmaps.yaml", "$.items[0].data['url']")
    assert everything(read_body(body)) == ()


def test_istios_containers_and_gateways_want_nothing() -> None:
    proxy = Container("istio-proxy", args=("proxy", "sidecar", "--url=https://a.x.example"))
    assert everything(Pod("shop", "web", containers=(proxy,))) == ()
    gateway = Container("istio-proxy", args=("proxy", "router"))
    app = Container("app", args=("https://a.x.example",))
    assert everything(Pod("shop", "gw", containers=(gateway, app))) == ()
    assert len(everything(Pod("shop", "web", containers=(proxy, app)))) == 1


def test_services_are_known_by_every_name() -> None:
    service = Service(ObjectRef("Service", "shop", "db"), "db.shop.svc.corp.example", cluster_ips=("10.96.0.7",))
    outside = service_test(lambda: [service], ["shop"])
    for inside in ("db.shop", "db-0.db.shop", "db.shop.svc.corp.example", "10.96.0.7"):
        assert not outside(inside, "shop")
    for host in ("db.payments.example", "other.shop", "10.96.0.8"):
        assert outside(host, "shop")


def test_services_are_read_only_when_a_host_may_be_one() -> None:
    def refuse() -> None:
        raise AssertionError

    assert service_test(refuse, ["shop"])("db.payments.example", "shop")


def test_where_services_were_not_read_the_namespaces_tell() -> None:
    outside = service_test(lambda: None, ["shop"])
    assert not outside("db.shop", "shop")
    assert outside("api.db.shop", "shop")
    assert outside("10.96.0.7", "shop")


def test_addresses_beside_a_name_belong_to_it_and_are_no_dependency() -> None:
    env = {
        "MYSQL_DB_HOST": "db.x.example",
        "MYSQL_DB_PORT": "3306",
        "MYSQL_DB_IPS": "203.0.113.11, 203.0.113.12",
        "OTHER_IP": "203.0.113.99",
        "VERSION": "1.2.3.4",
    }
    beside = pod(env)
    assert ips_beside([beside, beside]) == {"db.x.example": ("203.0.113.11", "203.0.113.12")}
    assert ("db.x.example", 3306) in places(beside)
    assert not {host for host, _ in places(beside)} & {"203.0.113.11", "203.0.113.12"}


@pytest.mark.parametrize(
    "text", ["a" * 300_000 + "://", "://" * 100_000, "a=" * 100_000, "jdbc:oracle:thin:" * 20_000, "(HOST=" * 50_000]
)
def test_hostile_values_end(text: str) -> None:
    assert places(pod({"A": text}, [text, f"sh {text}"], {"a": text})) == set()
