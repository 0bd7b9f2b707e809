"""What stays of settings: every host that they name, and no secret, in the forms that people write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshdoctor.semantics.clients.settings import Setting, named_hosts, settings_in_arguments
from meshdoctor.sources.kept.objects import kept_object
from meshdoctor.sources.kept.texts import kept_arguments, kept_path, kept_setting
from meshdoctor.sources.redact import Removals
from meshdoctor.text.secrets import form_of_secret

SECRET = "hunter2"
WITH_HOSTS = [
    ("DB_URL", "jdbc:mysql://db.example.com:3306/shop?user=app&password=hunter2"),
    ("DB_URL", "jdbc:postgresql://app:hunter2@db.example.com/shop"),
    ("DB_URL", "jdbc:oracle:thin:scott/hunter2@//ora.example.com:1521/SHOP"),
    ("DB_URL", "jdbc:sqlserver://sql.example.com:1433;databaseName=shop;user=sa;password=hunter2"),
    ("DSN", "app:hunter2@tcp(db.example.com:3306)/shop"),
    ("DSN", "host=db.example.com port=5432 user=app password=hunter2"),
    ("DSN", "Server=tcp:sql.example.com,1433;User ID=sa;Password=hunter2"),
    ("RPC", "https://mainnet.rpc.example/v3/9aa3d95b3bc440fa88ea12eaa445hunter2"),
    ("AMQP", "amqp://u:hunter2@r1.example.com,amqp://u:hunter2@r2.example.com:5673"),
    ("CONFIG", '{"host": "db.example.com", "port": 5432, "auth": "hunter2"}'),
    ("CONFIG", "see https://api.example.com/v1 and use hunter2"),
    ("BROKERS", "b1.example.com:9092,b2.example.com:9092"),
    ("CONFIG", "<bean url='jdbc:mysql://db.example.com:3306/x' password='hunter2'/>"),
]
WITHOUT = [
    ("REDIS_AUTH", "hunter2"),
    ("APITOKEN", "hunter2"),
    ("DB_PASSWORD", "${VAULT_PW:-hunter2}"),
    ("REDIS_AUTH", "${REDIS_AUTH:hunter2}"),
    ("TEMPLATE", "{{- if x }}\nlogin hunter2\n{{- end }}"),
    ("CONFIG", '{"url": "https://db.example.com", "password": "hunter2", "hunter2 key": 1}'),
    ("NOTE", "<login hunter2='x'>"),
]


def targets(name: str, value: str) -> list[Any]:
    return [(one.target.host, one.target.port, one.target.scheme) for one in named_hosts([Setting(name, value)])]


@pytest.mark.parametrize(("name", "value"), WITH_HOSTS)
def test_hosts_stay_and_secrets_do_not(name: str, value: str) -> None:
    kept = kept_setting(name, value)
    assert targets(name, kept) == targets(name, value) != []
    assert form_of_secret(name, kept) == form_of_secret(name, value)
    assert SECRET not in kept
    assert targets(name, kept_setting(name, kept)) == targets(name, value)


@pytest.mark.parametrize(("name", "value"), WITHOUT)
def test_a_text_without_hosts_leaves_no_secret(name: str, value: str) -> None:
    kept = kept_setting(name, value)
    assert SECRET not in kept
    assert form_of_secret(name, kept) == form_of_secret(name, value)


@pytest.mark.parametrize(
    "value", ["5432", "true", "10s", "203.0.113.7", "10.0.0.0/8", "$(DB_HOST):$(DB_PORT)", "$(DBH):5432", "info", ""]
)
def test_what_cannot_be_a_secret_stays(value: str) -> None:
    assert kept_setting("X", value) == value


def test_a_command_line_keeps_flags_and_hosts() -> None:
    line = ["run", "-h", "db.example.com", "-P", "3306", "-phunter2", "--requirepass", "hunter2", "-a", "hunter2"]
    line += ["-Ddb.host=ora.example.com", "-Dpw=hunter2", "curl -u a:hunter2 https://api.example.com/v1"]
    kept = kept_arguments(line)
    assert SECRET not in str(kept)
    assert [kept[at] for at in (1, 2, 3, 4, 6, 8, 10)] == [line[at] for at in (1, 2, 3, 4, 6, 8, 10)]
    before, after = ([one.target for one in named_hosts(list(settings_in_arguments(words)))] for words in (line, kept))
    assert after == before != []


def container(**env: str) -> dict[str, str]:
    listed = [{"name": name, "value": value} for name, value in env.items()]
    pod = {"kind": "Pod", "spec": {"containers": [{"name": "app", "env": listed}]}}
    kept = kept_object("p", json.loads(json.dumps(pod)), Removals())
    return {one["name"]: one["value"] for one in kept["spec"]["containers"][0]["env"]}


def test_a_variable_that_is_part_of_a_host_stays_and_a_login_does_not() -> None:
    url = "redis://:$(REDIS_AUTH)@$(REDIS_HOST).example.com:6379/0"
    kept = container(REDIS_AUTH=SECRET, REDIS_HOST="cache-eu", URL=url, DBPASS=SECRET, DBH="db.example.com")
    assert SECRET not in str(kept)
    assert kept["REDIS_HOST"] == "cache-eu"
    assert kept["DBH"] == "db.example.com"
    jdbc = "jdbc:postgresql://$(DBH):5432/shop?user=app&password=$(DBPASS)"
    assert SECRET not in str(container(DBPASS=SECRET, DBH="db.example.com", DBURL=jdbc))


def test_a_path_keeps_its_words_but_no_token_and_no_query() -> None:
    assert kept_path("/v1/orders/charge-customer-v2-endpoint") == "/v1/orders/charge-customer-v2-endpoint"
    assert "9aa3d95b3bc440fa88ea12eaa4456161" not in kept_path("/v3/9aa3d95b3bc440fa88ea12eaa4456161/x")
    assert SECRET not in kept_path("/x?token=hunter2")
    assert kept_path("/api/v[12]/?.*") == "/api/v[12]/?.*"
