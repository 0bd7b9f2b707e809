"""Secrets planted in hundreds of places of a capture, by every form that people write them in: none is left."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import bundled, doctor, yamlio
from meshdoctor.sources.read_source import read_capture

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


def plant_in_dump(secret: Planter, dump: Json) -> None:
    node = dump["configs"][0]["bootstrap"]["node"]["metadata"]
    node |= {name: secret(f"node metadata {name}") for name in ("PROXY_TOKEN", "CUSTOM", "POD_ANNOTATION")}
    node["ANNOTATIONS"] = {
        "notes": secret("node annotation"),
        "kapp.k14s.io/original": secret("node kapp", '{{"a":"{}"}}'),
    }
    node["PROXY_CONFIG"] = {
        "tracing": {"lightstep": {"accessToken": secret("tracing token")}},
        "proxyMetadata": {"K": secret("proxy metadata")},
    }
    header = {"header": {"key": "x-api-key", "value": secret("header to add")}}
    lua = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "inline_code": secret("Lua in the dump", 'x("{}")\n'),
    }
    route = {
        "name": secret("route name", FORMS["stripe"]),
        "match": {
            "prefix": secret("route prefix", "/bot{}AAAAbbbb1111"),
            "headers": [{"name": "x", "string_match": {"exact": secret("header match")}}],
            "query_parameters": [{"name": "t", "string_match": {"exact": secret("query match")}}],
        },
        "route": {"cluster": "PassthroughCluster", "host_rewrite_literal": secret("host rewrite")},
        "metadata": {"filter_metadata": {"custom": {"key": secret("route metadata")}}},
        "request_headers_to_add": [header],
        "typed_per_filter_config": {"envoy.filters.http.lua": lua},
        "direct_response": {"status": 200, "body": {"inline_string": secret("direct response")}},
    }
    hcm = {
        "@type": "type.googleapis.com/example.v3.HttpConnectionManager",
        "route_config": {"name": "x", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "envoy.filters.http.lua", "typed_config": lua},
            {
                "name": "ext_authz",
                "typed_config": {
                    "@type": "x/ExtAuthz",
                    "http_service": {"server_uri": {"uri": secret("ext_authz", "https://a:{}@x.example")}},
                },
            },
            {"name": "wasm", "typed_config": {"config": {"configuration": {"value": secret("wasm configuration")}}}},
        ],
        "access_log": [
            {
                "typed_config": {
                    "log_format": {"text_format_source": {"inline_string": secret("log format", "x {} \\n")}}
                }
            }
        ],
    }
    listener = {
        "name": "planted",
        "address": {"socket_address": {"address": "203.0.113.77", "port_value": 9999}},
        "filter_chains": [
            {
                "filters": [{"name": "hcm", "typed_config": hcm}],
                "metadata": {"filter_metadata": {"x": {"y": secret("chain metadata")}}},
            }
        ],
    }
    check = {
        "http_health_check": {"path": secret("health-check path", "/health/{}"), "request_headers_to_add": [header]}
    }
    tls = {
        "name": "tls",
        "typed_config": {
            "common_tls_context": {
                "tls_certificates": [
                    {
                        "private_key": {"inline_bytes": secret("inline key")},
                        "password": {"inline_string": secret("key password")},
                    }
                ]
            }
        },
    }
    cluster = {
        "name": "planted",
        "type": "STATIC",
        "health_checks": [check],
        "transport_socket": tls,
        "metadata": {"filter_metadata": {"x": {"y": secret("cluster metadata")}}},
    }
    for section in dump["configs"]:
        if "dynamic_listeners" in section:
            section["dynamic_listeners"].append({"name": "planted", "active_state": {"listener": listener}})
        if "dynamic_active_clusters" in section:
            section["dynamic_active_clusters"].append({"cluster": cluster})
    secrets = {
        "name": "default",
        "secret": {"name": "default", "generic_secret": {"secret": {"inline_string": secret("SDS secret")}}},
    }
    dump["configs"] += [
        {"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump", "dynamic_active_secrets": [secrets]},
        {
            "@type": "type.googleapis.com/envoy.admin.v3.EcdsConfigDump",
            "ecds_filters": [{"ecds_filter": {"x": secret("ECDS")}}],
        },
        {
            "@type": "type.example.com/More",
            "more": [secret(f"unknown section as {form}", text) for form, text in FORMS.items()],
        },
    ]
    for form in RECOGNISABLE:
        text = secret(f"kept name as {form}", FORMS[form])
        dump["configs"][1].setdefault("dynamic_active_clusters", []).append({"cluster": {"name": text}})


def planted(target: Path, secret: Planter) -> Path:
    shutil.copytree(bundled.snapshots_dir() / "egress-gateway", target)
    (target / "snapshot.yaml").unlink()
    bodies = {"pods": pod(secret), "configmaps": config_map(secret), "virtualservices": virtual_service(secret)}
    for plural, body in [*bodies.items(), ("envoyfilters", envoy_filter(secret)), *others(secret)]:
        path = target / "resources" / f"{plural}.yaml"
        items = yamlio.load_documents(path.read_bytes(), str(path))[0]["items"] if path.exists() else []
        path.write_text(yamlio.dump({"apiVersion": "v1", "kind": "List", "items": [*items, body]}))
    folder = sorted(target.glob("proxies/*/*"))[0]
    dump = json.loads((folder / "config_dump.json").read_bytes())
    plant_in_dump(secret, dump)
    (folder / "config_dump.json").write_text(json.dumps(dump, indent=1))
    info = {
        "command_line_options": {"config_yaml": secret("config_yaml"), "service_node": secret("service node")},
        "node": {"metadata": {"X": secret("server_info node")}},
    }
    (folder / "server_info.json").write_text(json.dumps(info))
    page = json.loads((folder / "clusters.json").read_bytes())
    page["cluster_statuses"].append(
        {"name": "x", "x": secret("clusters page"), "host_statuses": [{"hostname": secret("hostname", FORMS["gho"])}]}
    )
    (folder / "clusters.json").write_text(json.dumps(page))
    (folder / "stats.txt").write_text(f"cluster.x.upstream_cx_total: 1\n{secret('stats line', 'a line with {}')}\n")
    (folder / "istio-proxy.log").write_text(f'[x] "GET /login?p={secret("access log")} HTTP/1.1"\n')
    return target


@pytest.mark.parametrize("suffix", ["", ".tar.zst"])
def test_none_of_the_planted_secrets_is_in_a_saved_capture(tmp_path: Path, suffix: str) -> None:
    secret = Planter()
    source = doctor.Source(path=planted(tmp_path / "planted", secret))
    assert len(secret.places) >= 300
    saved = doctor.save_capture(source, tmp_path / f"saved{suffix}")
    capture = read_capture(saved.path)
    text = "\n".join(document.read().decode() for document in capture.documents.values())
    if not suffix:
        text += (saved.path / "capture.yaml").read_text()
    assert [place for planted_one, place in secret.places.items() if planted_one in text] == []
    assert saved.removed > 50
    assert saved.replaced > 200


def test_with_keep_all_the_recognisable_ones_are_still_removed(tmp_path: Path) -> None:
    secret = Planter()
    source = doctor.Source(path=planted(tmp_path / "planted", secret))
    saved = doctor.save_capture(source, tmp_path / "saved", keep_all=True)
    text = "\n".join(document.read().decode() for document in read_capture(saved.path).documents.values())
    left = [place for planted_one, place in secret.places.items() if planted_one in text]
    known = tuple(f" as {form}" for form in RECOGNISABLE)
    assert [place for place in left if place.endswith(known)] == []
    assert "env X as plain" not in left or saved.replaced == 0
