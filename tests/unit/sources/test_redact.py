"""Secrets planted all over a capture: none of them is in what is saved, and the diagnosis is the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import bundled, doctor, yamlio
from meshdoctor.report import json_v1
from meshdoctor.sources.read_source import read_capture
from meshdoctor.sources.redact import Removals, redact_object
from meshdoctor.sources.redact_capture import redacted
from meshdoctor.sources.redaction import Redaction
from meshdoctor.text.marks import REDACTED

SECRET = "Tr0ub4dor-3"
PEM = f"-----BEGIN EC PRIVATE KEY-----\nMIIEow{SECRET}IBAAKCAQEA\n-----END EC PRIVATE KEY-----\n"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def env(**variables: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


POD = {
    "kind": "Pod",
    "metadata": {
        "name": "p",
        "namespace": "shop",
        "managedFields": [{"manager": SECRET}],
        "annotations": {
            "vault.token": SECRET,
            "config": json.dumps({"password": SECRET, "host": "db.example.com"}),
            LAST_APPLIED: json.dumps({"env": env(PASSWORD=SECRET)}),
        },
    },
    "spec": {
        "containers": [
            {
                "name": "app",
                "args": ["--password", SECRET, f"--db.password={SECRET}", f"-Dtoken={SECRET}", f"API_KEY={SECRET}"],
                "command": ["sh", "-c", f"run --token {SECRET} https://u:{SECRET}@api.example.com"],
                "env": env(
                    DB_PASSWORD=SECRET, URL=f"mysql://u:{SECRET}@db.example.com:3306", CONF=f"a: b\npwd={SECRET}"
                ),
                "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": f"Basic {SECRET}"}]}},
            }
        ],
        "initContainers": [{"name": "i", "env": env(KEY_PEM=PEM, STRIPE_KEY=SECRET)}],
    },
}
CONFIG_MAP = {
    "kind": "ConfigMap",
    "metadata": {"name": "c", "namespace": "shop"},
    "data": {
        "db.password": f"{SECRET}\n",
        "app.properties": f"host=db.example.com\r\npassword={SECRET}\r\n",
        "app.yaml": f"db:\n  users:\n  - password: {SECRET}\n  key: |\n    {PEM}",
        "app.json": json.dumps({"db": {"password": SECRET, "host": "db.example.com"}}),
        "url": f"postgres://u:{SECRET}@db.example.com/x",
        "tls.pem": PEM,
    },
    "binaryData": {"keystore.p12": SECRET},
}
VIRTUAL_SERVICE = {
    "kind": "VirtualService",
    "metadata": {"name": "v", "namespace": "shop", "annotations": {"x-secret": SECRET}},
    "spec": {
        "hosts": ["api.example.com"],
        "http": [
            {
                "headers": {"request": {"set": {"Authorization": f"Bearer {SECRET}", "x-api-key": SECRET}}},
                "match": [{"headers": {"x-api-key": {"exact": SECRET}}, "queryParams": {"token": {"exact": SECRET}}}],
            }
        ],
    },
}
ENVOY_FILTER = {
    "kind": "EnvoyFilter",
    "metadata": {"name": "e", "namespace": "shop"},
    "spec": {
        "value": {
            "inlineCode": f'h:add("authorization", "Bearer {SECRET}")\nlocal password = "{SECRET}"\n',
            "private_key": {"inline_string": PEM},
            "password": {"inlineString": SECRET},
            "add": [{"header": {"key": "x-api-key", "value": SECRET}}],
        }
    },
}
SECRET_OBJECT = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": SECRET}, "stringData": {"b": SECRET}}


@pytest.mark.parametrize(
    "body", [POD, CONFIG_MAP, VIRTUAL_SERVICE, ENVOY_FILTER, SECRET_OBJECT], ids=lambda body: str(body["kind"])
)
def test_no_secret_is_left_in_an_object(body: dict[str, Any]) -> None:
    removals = Removals()
    once = redact_object("p.yaml", json.loads(json.dumps(body)), removals)
    assert SECRET not in json.dumps(once)
    assert removals.listed()
    assert SECRET not in repr(removals)
    again = Removals()
    assert redact_object("p.yaml", json.loads(json.dumps(once)), again) == once
    assert again.listed() == ()


def test_hosts_stay_where_passwords_stood() -> None:
    text = json.dumps([redact_object("p", json.loads(json.dumps(body)), Removals()) for body in (POD, CONFIG_MAP)])
    assert text.count("db.example.com") == json.dumps([POD, CONFIG_MAP]).count("db.example.com")
    assert f"mysql://u:{REDACTED}@db.example.com:3306" in text
    assert f"https://u:{REDACTED}@api.example.com" in text


def test_what_only_refers_to_a_secret_stays() -> None:
    body: dict[str, Any] = {
        "kind": "Pod",
        "metadata": {"name": "p", "annotations": {"prometheus.io/path": "/token"}},
        "spec": {
            "serviceAccountName": "token-reader",
            "automountServiceAccountToken": True,
            "imagePullSecrets": [{"name": "pull-secret"}],
            "containers": [
                {
                    "image": "registry.example.com/vault-token:1.2.3",
                    "args": ["--password-file=/run/secrets/db", "--token", "$(TOKEN)", "--secret-name=web"],
                    "env": [
                        *env(PARTITION_KEY="customer", TOKEN_URL="https://auth.example.com/token", DB_PASSWORD="$(PW)"),
                        *env(KEYCLOAK_HOST="keycloak.example.com", TOKEN_SERVER="auth.example.com", TOKEN_TTL="5m"),
                        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                    ],
                }
            ],
            "volumes": [{"name": "v", "secret": {"secretName": "db-password"}}],
        },
    }
    removals = Removals()
    assert redact_object("p", json.loads(json.dumps(body)), removals) == body
    assert removals.listed() == ()


def planted(target: Path) -> Path:
    """A capture with secrets in every document that can hold one."""
    shutil.copytree(bundled.snapshots_dir() / "tcp-port-clash", target)
    (target / "snapshot.yaml").unlink()
    for plural, body in {"pods": POD, "configmaps": CONFIG_MAP, "virtualservices": VIRTUAL_SERVICE}.items():
        path = target / "resources" / f"{plural}.yaml"
        (tree,) = yamlio.load_documents(path.read_bytes(), str(path))
        path.write_text(yamlio.dump({"apiVersion": "v1", "kind": "List", "items": [*tree["items"], body]}))
    (dump,) = target.glob("proxies/*/*/config_dump.json")
    configs = json.loads(dump.read_bytes())
    metadata = {"DB_PASSWORD": SECRET, "ANNOTATIONS": {"conf": json.dumps({"token": SECRET}), LAST_APPLIED: SECRET}}
    configs["configs"][0]["bootstrap"]["node"]["metadata"] = metadata
    listener: dict[str, Any] = {
        "add": {"header": {"key": "authorization", "value": SECRET}},
        "match": {"name": "x-api-key", "string_match": {"exact": SECRET}},
        "tls": {"private_key": {"inline_string": PEM}},
        "url": f"http://u:{SECRET}@api.example.com",
    }
    configs["configs"].append({"@type": "type.example.com/More", "more": listener})
    dump.write_text(json.dumps(configs))
    (dump.parent / "istio-proxy.log").write_text(f'[x] "GET /login?password={SECRET} HTTP/1.1" Bearer {SECRET}\n')
    return target


@pytest.mark.parametrize("suffix", ["", ".tar.gz"])
def test_no_secret_is_in_a_saved_capture(tmp_path: Path, suffix: str) -> None:
    source = doctor.Source(path=planted(tmp_path / "planted"))
    saved = doctor.save_capture(source, tmp_path / f"saved{suffix}")
    capture = read_capture(saved.path)
    kept = {path: document.read().decode() for path, document in capture.documents.items()}
    assert not [path for path, text in kept.items() if SECRET in text]
    assert sum(text.count(REDACTED) for text in kept.values()) >= saved.removed - 1 > 10
    if not suffix:
        (card,) = yamlio.load_documents((saved.path / "capture.yaml").read_bytes(), "capture.yaml")
        assert sum(entry["count"] for entry in card["removed"]) == saved.removed
        assert SECRET not in str(card)
        assert {entry["path"] for entry in card["removed"]} <= {*kept}


def outcome(case: doctor.Case) -> tuple[Any, Any]:
    report = json.loads(json_v1.check(doctor.diagnose(case)))
    for found in report["findings"]:
        for piece in found["evidence"]:
            piece.pop("line", None)
    return report, json.loads(json_v1.hosts(doctor.hosts(case)))


@pytest.mark.parametrize("name", bundled.snapshot_names())
def test_the_diagnosis_stays_the_same(name: str) -> None:
    capture = read_capture(bundled.snapshots_dir() / name)
    assert outcome(doctor.Case(redacted(capture, Removals(), Redaction()))) == outcome(doctor.Case(capture))
