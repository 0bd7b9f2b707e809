"""Plants secrets into the pages of a proxy."""

from __future__ import annotations

from tests.planting import FORMS, RECOGNISABLE, Json, Planter


def plant_in_dump(secret: Planter, dump: Json) -> None:
    """Into the node, a listener, a cluster, and sections that are not read."""
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
    listener, cluster = _listener(secret), _cluster(secret)
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


def _header(secret: Planter) -> Json:
    return {"header": {"key": "x-api-key", "value": secret("header to add")}}


def _listener(secret: Planter) -> Json:
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
        "request_headers_to_add": [_header(secret)],
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
    return {
        "name": "planted",
        "address": {"socket_address": {"address": "203.0.113.77", "port_value": 9999}},
        "filter_chains": [
            {
                "filters": [{"name": "hcm", "typed_config": hcm}],
                "metadata": {"filter_metadata": {"x": {"y": secret("chain metadata")}}},
            }
        ],
    }


def _cluster(secret: Planter) -> Json:
    check = {
        "http_health_check": {
            "path": secret("health-check path", "/health/{}"),
            "request_headers_to_add": [_header(secret)],
        }
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
    return {
        "name": "planted",
        "type": "STATIC",
        "health_checks": [check],
        "transport_socket": tls,
        "metadata": {"filter_metadata": {"x": {"y": secret("cluster metadata")}}},
    }
