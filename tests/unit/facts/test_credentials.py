"""Plain-text passwords are found, and nothing that only talks about one."""

from __future__ import annotations

import pytest

from meshdoctor.facts.dependencies.from_configuration import credentials
from meshdoctor.model.mesh import Container, EnvVar, Pod
from tests.unit.facts.pod_builder import POINTER, config_map, pod, read_body


def form(name: str, value: str) -> str:
    return "".join(c.form for c in credentials([pod({name: value})]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MYSQL_DB_PASSWORD", "password"),
        ("PGPASSWORD", "x"),
        ("dbPassword", "x"),
        ("DB_PASS", "q"),
        ("DB_PWD", "hunter2"),
        ("SSH_PASSPHRASE", "a b"),
        ("TOKEN", "eyJhbGciOi"),
        ("CLIENT_SECRET", "abc"),
        ("API_KEY", "abc"),
        ("AWS_SECRET_ACCESS_KEY", "wJal/K7MD"),
        ("PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----"),
        ("SECRET_KEY_BASE", "f00"),
        ("DB_PASSWORD", "a$b"),
        ("DB_PASSWORD", "1234"),
        ("DB_PASSWORD", "[redacted by meshdoctor]"),
    ],
)
def test_literals(name: str, value: str) -> None:
    assert form(name, value) == "literal"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://u:p@h.example/db"),
        ("TOKEN_URL", "https://u:p@a.example/token"),
        ("JDBC", "jdbc:mysql://h:3306/db?user=a&password=b"),
        ("CONNECTION", "Server=h;User=sa;Password=b"),
        ("DSN", "root:s@tcp(h:3306)/x"),
        ("REDIS", "h.example:6379,password=b,ssl=True"),
        ("URL", "https://u:[redacted by meshdoctor]@h.example/"),
    ],
)
def test_urls_with_a_password(name: str, value: str) -> None:
    assert form(name, value) == "url"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PWD", "/app"),
        ("OLDPWD", "/"),
        ("PASSWORD_FILE", "/run/secrets/pw"),
        ("DB_PASSWORD", "/run/secrets/pw"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "$(FROM_SECRET)"),
        ("DB_PASSWORD", "${FROM_ELSEWHERE}"),
        ("DB_PASSWORD", "vault:secret/data/db#pw"),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:1:secret:x"),
        ("DB_PASSWORD", "projects/p/secrets/s/versions/1"),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
        ("TOKEN_TTL", "3600"),
        ("TOKEN_URL", "https://a.example/token"),
        ("MAX_TOKENS", "4096"),
        ("SECRET_NAME", "db"),
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("PUBLIC_KEY", "x"),
        ("KEY", "x"),
        ("COMPASS", "x"),
        ("MONKEY", "x"),
        ("DATABASE_URL", "postgres://u:$(PW)@h.example/db"),
        ("DATABASE_URL", "postgres://u@h.example/db"),
        ("URL", "https://h.example:8080/a@b"),
        ("URL", "https://h.example/?password=$(PW)"),
    ],
)
def test_silence(name: str, value: str) -> None:
    assert form(name, value) == ""


def test_secrets_config_maps_and_istios_own_containers_are_left_alone() -> None:
    body = {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "containers": [
                {
                    "name": "app",
                    "env": [
                        {"name": "A_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                        {"name": "B_PASSWORD", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
                        {"name": "C_URL", "value": "mysql://u:$(A_PASSWORD)@h.example/db"},
                    ],
                }
            ]
        },
    }
    assert credentials([read_body(body, config_map("c", k="x"))]) == ()
    proxy = Container("istio-proxy", env=(EnvVar("TOKEN", "x"),))
    assert credentials([Pod("shop", "web", containers=(proxy,))]) == ()


def test_the_value_is_nowhere_in_the_answer() -> None:
    [found] = credentials([pod({"DB_PASSWORD": "hunter2"})])
    assert (found.container, found.variable, found.pointer.document) == ("app", "DB_PASSWORD", POINTER.document)
    assert "hunter2" not in f"{found.container}{found.variable}{found.form}{found.pointer}"
