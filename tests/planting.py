"""Plants secrets into Kubernetes objects, by every form that people write them in."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


class Planter:
    """Gives out secrets, each one different, and remembers where it was put."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def __call__(self, place: str, form: str = "{}") -> str:
        secret = f"Zq{len(self.places):04d}xW7kPq"
        self.places[secret] = place
        return form.format(secret)


FORMS = {
    "plain": "{}",
    "with blanks": "the {} of all",
    "gho": "gho_16C7e42F292c6912E7{}",
    "ghp": "ghp_16C7e42F292c6912E7{}",
    "stripe": "sk_live_51H8{}",
    "npm": "npm_1aB2c3D4e5F6g7H8{}",
    "google": "AIzaSyA1B2C3D4E5F6G7H8I9J0K{}",
    "vault": "hvs.CAESIJ1aB2c3D4e5{}",
    "slack": "xoxb-123456789012-{}",
    "gitlab": "glpat-1aB2c3D4e5{}",
    "webhook": "https://hooks.slack.com/services/T00000000/B00000000/{}",
    "token in a URL": "https://{}@git.example.com/shop.git",
    "login in a URL": "postgres://app:{}@db.example.com:5432/shop",
    "user in a URL": "redis://{}:x@cache.example.com:6379",
    "query": "https://api.example.com/v1?token={}&x=1",
    "fragment": "https://api.example.com/v1#{}",
    "oracle": "jdbc:oracle:thin:scott/{}@//ora.example.com:1521/SHOP",
    "go": "app:{}@tcp(db.example.com:3306)/shop",
    "sql server": "Server=tcp:sql.example.com,1433;User ID=sa;Password={};Database=shop",
    "libpq": "host=db.example.com port=5432 user=app password={}",
    "mysql": "mysql -h db.example.com -u app -p{} shop",
    "curl": "curl -u app:{} https://api.example.com/v1",
    "redis-cli": "redis-cli -h cache.example.com -a {}",
    "requirepass": "redis-server --requirepass {}",
    "bearer": "Bearer {}",
    "basic": "Authorization: Basic {}",
    "json": '{{"host":"db.example.com","auth":"{}"}}',
    "netrc": "machine git.example.com\nlogin app\npassword {}\n",
    "pgpass": "db.example.com:5432:shop:app:{}\n",
    "xml": "<server><username>app</username><password>{}</password></server>",
    "redis.conf": "port 6379\nrequirepass {}\nmasterauth {}\n".replace("masterauth {}", "masterauth x"),
    "kubeconfig": "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    token: {}\n",
    "pem": "-----BEGIN PRIVATE KEY-----\nMIIEvQ{}\n-----END PRIVATE KEY-----\n",
}
RECOGNISABLE = ("gho", "ghp", "stripe", "npm", "google", "vault", "slack", "gitlab", "webhook", "pem", "login in a URL")
"""Forms that are secrets wherever they stand, also in names that are kept."""

ENV_NAMES = ("REDIS_AUTH", "APITOKEN", "DBPASS", "GITHUB_PAT", "SMTP_CRED", "CONFIG", "API_HOST", "DB_URL", "X")


def annotated(secret: Planter, kind: str) -> Json:
    keys = {
        "kubectl.kubernetes.io/last-applied-configuration": '{{"spec":{{"x":"{}"}}}}',
        "kapp.k14s.io/original": '{{"spec":{{"x":"{}"}}}}',
        "shop.example.com/notes": "call {}",
        "description": "{}",
        "app.kubernetes.io/config": "{}",
    }
    return {
        "name": f"planted-{kind.lower()}",
        "namespace": "shop",
        "annotations": {key: secret(f"{kind} annotation {key}", form) for key, form in keys.items()},
        "managedFields": [{"manager": secret(f"{kind} managedFields")}],
        "labels": {"app": "planted", "team": secret(f"{kind} label", FORMS["gho"])},
    }


def pod(secret: Planter) -> Json:
    env = [
        {"name": f"{name}_{number}", "value": secret(f"env {name} as {form}", text)}
        for number, (form, text) in enumerate(FORMS.items())
        for name in (ENV_NAMES[number % len(ENV_NAMES)], "VALUE")
    ]
    arguments = [secret(f"argument as {form}", text) for form, text in FORMS.items()]
    flags = [
        part for flag in ("--requirepass", "-a", "-u", "--api-key", "-p") for part in (flag, secret(f"after {flag}"))
    ]
    glued = [secret("glued -p", "-p{}"), secret("--token=", "--token={}"), secret("-Dkey=", "-Djavax.key={}")]
    probe = {
        "httpGet": {
            "path": secret("probe path", "/health?key={}"),
            "httpHeaders": [{"name": "X", "value": secret("probe header")}],
        }
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": annotated(secret, "Pod"),
        "spec": {
            "nodeSelector": {"x": secret("node selector")},
            "containers": [
                {"name": "app", "image": "x", "env": env, "args": arguments, "livenessProbe": probe},
                {"name": "two", "image": "x", "command": ["run", *flags], "args": glued},
            ],
            "initContainers": [
                {"name": "i", "command": ["sh", "-c", *(secret(f"script as {f}", t) for f, t in FORMS.items())]}
            ],
            "volumes": [{"name": "v", "csi": {"driver": "d", "volumeAttributes": {"k": secret("volume attribute")}}}],
        },
        "status": {"phase": "Running", "message": secret("pod status message")},
    }


def config_map(secret: Planter) -> Json:
    names = (
        "application.properties",
        ".netrc",
        ".pgpass",
        ".dockerconfigjson",
        "redis.conf",
        "server.xml",
        "config",
        "REDIS_AUTH",
    )
    data = {
        f"{names[n % len(names)]}.{n}": secret(f"ConfigMap as {form}", text)
        for n, (form, text) in enumerate(FORMS.items())
    }
    auth = base64.b64encode(secret("dockerconfigjson", "app:{}").encode()).decode()
    data[".dockerconfigjson"] = json.dumps({"auths": {"registry.example.com": {"auth": auth}}})
    secret.places[auth] = "ConfigMap dockerconfigjson"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": annotated(secret, "ConfigMap"),
        "data": data,
        "binaryData": {"key.p12": secret("binary data")},
    }


def virtual_service(secret: Planter) -> Json:
    headers = {
        "request": {
            "set": {
                "authorization": secret("VirtualService header set", "Bearer {}"),
                "x-key": secret("VirtualService header"),
            }
        }
    }
    match = {
        "uri": {"prefix": secret("VirtualService uri", "/hooks/{}AbCdEfGh")},
        "headers": {"x-api-key": {"exact": secret("VirtualService header match")}},
        "withoutHeaders": {"x-api-key": {"prefix": secret("VirtualService withoutHeaders")}},
        "queryParams": {"token": {"exact": secret("VirtualService queryParams")}},
    }
    http = {
        "name": secret("VirtualService route name", FORMS["npm"]),
        "match": [match],
        "headers": headers,
        "directResponse": {"status": 200, "body": {"string": secret("VirtualService body")}},
        "corsPolicy": {"allowHeaders": [secret("VirtualService cors")]},
    }
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": annotated(secret, "VirtualService"),
        "spec": {"hosts": ["api.planted.example"], "http": [http]},
    }


def envoy_filter(secret: Planter) -> Json:
    code = 'function envoy_on_request(h)\n  h:headers():add("x", "{}")\nend\n'
    value = {
        "name": "envoy.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "inlineCode": secret("EnvoyFilter Lua", code),
            "default_source_code": {"inline_string": secret("EnvoyFilter inline string", code)},
        },
        "config": {
            "token": secret("EnvoyFilter token"),
            "list": [secret("EnvoyFilter list")],
            "anything": secret("EnvoyFilter any"),
        },
    }
    patch = {"applyTo": "HTTP_FILTER", "patch": {"operation": "INSERT_BEFORE", "value": value}}
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": annotated(secret, "EnvoyFilter"),
        "spec": {"configPatches": [patch]},
    }


def others(secret: Planter) -> Iterator[tuple[str, Json]]:
    specs: dict[str, Json] = {
        "serviceentries": {"hosts": ["planted.example"], "ports": [], "x": secret("ServiceEntry unknown field")},
        "destinationrules": {
            "host": "planted.example",
            "trafficPolicy": {"loadBalancer": {"consistentHash": {"httpHeaderName": secret("DestinationRule hash")}}},
        },
        "sidecars": {"egress": [{"hosts": ["*/*"]}], "x": secret("Sidecar unknown field")},
        "gateways": {
            "servers": [
                {
                    "port": {"number": 443, "name": "tls", "protocol": "TLS"},
                    "hosts": ["x.example"],
                    "tls": {"x": secret("Gateway tls")},
                }
            ]
        },
        "services": {"ports": [], "x": secret("Service unknown field")},
        "workloadentries": {"address": "203.0.113.9", "x": secret("WorkloadEntry unknown field")},
        "proxyconfigs": {
            "environmentVariables": {"KEY": secret("ProxyConfig variable"), "Y": secret("ProxyConfig other")}
        },
    }
    kinds = {
        "serviceentries": "ServiceEntry",
        "destinationrules": "DestinationRule",
        "sidecars": "Sidecar",
        "gateways": "Gateway",
        "services": "Service",
        "workloadentries": "WorkloadEntry",
        "proxyconfigs": "ProxyConfig",
    }
    for plural, spec in specs.items():
        version = "v1" if plural == "services" else "networking.istio.io/v1"
        kind = kinds[plural]
        yield (
            plural,
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": annotated(secret, kind),
                "spec": spec,
                "status": {"conditions": [{"message": secret(f"{kind} condition")}]},
            },
        )
    yield "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": annotated(secret, "Namespace")}
