"""What is kept of Envoy's pages: config dumps, arrays that istioctl prints, /clusters, /server_info, and of dns.json.

The fields that `facts.envoy` reads, v2 and v3, and names that Envoy makes of them. `@type` stays everywhere.
"""

from __future__ import annotations

from meshdoctor.sources.kept.annotations import ANNOTATIONS
from meshdoctor.sources.kept.fields import NAME, NAMES_OF_ALL, PATH, Kept, also, obj, united

_ADDRESS = obj(
    socket_address=obj("address", "protocol"),
    pipe=obj("path"),
    envoy_internal_address=obj("server_listener_name", "endpoint_id"),
)
_LOCALITY = obj("region", "zone", "sub_zone")
_METADATA = obj(
    filter_metadata=Kept(
        fields={
            "istio": obj("config", services=obj("host", "name", "namespace")),
            "envoy.transport_socket_match": NAMES_OF_ALL,
        }
    )
)
_STRING_MATCH_OF_A_NAME = obj("exact", "prefix", "suffix", "contains", safe_regex=obj("regex"))
_PERCENTAGE = obj("denominator")
_FAULT = obj(
    "type_url",
    "upstream_cluster",
    "downstream_nodes",
    abort=obj(percentage=_PERCENTAGE, percent=_PERCENTAGE),
    delay=obj("fixed_delay", percentage=_PERCENTAGE, percent=_PERCENTAGE),
)
_FAULT = also(_FAULT, value=_FAULT)
_FAULT = also(_FAULT, config=_FAULT)
_FAULTS = Kept(fields=dict.fromkeys(("envoy.filters.http.fault", "envoy.fault", "fault"), _FAULT))

_MATCH = obj(
    prefix=PATH,
    path=PATH,
    path_separated_prefix=PATH,
    regex=PATH,
    safe_regex=obj(regex=PATH),
    path_match_policy=obj("name", typed_config=obj()),
    headers=obj("name"),
    query_parameters=obj("name"),
    runtime_fraction=obj(default_value=_PERCENTAGE),
)
_WEIGHTED = obj(clusters=obj("name", typed_per_filter_config=_FAULTS))
_ROUTE = obj(
    "name",
    match=_MATCH,
    route=obj(
        "cluster",
        "cluster_header",
        "cluster_not_found_response_code",
        "timeout",
        "idle_timeout",
        retry_policy=obj("retry_on", "per_try_timeout"),
        max_stream_duration=obj("max_stream_duration"),
        weighted_clusters=_WEIGHTED,
        upgrade_configs=obj("upgrade_type"),
    ),
    redirect=obj("response_code"),
    metadata=_METADATA,
    typed_per_filter_config=_FAULTS,
    per_filter_config=_FAULTS,
)
ROUTES = obj(
    "name",
    virtual_hosts=obj(
        "name", "domains", "require_tls", routes=_ROUTE, typed_per_filter_config=_FAULTS, per_filter_config=_FAULTS
    ),
)

_SECRET_CONFIG = obj("name")
_FILE = obj("filename")
_VALIDATION = obj(
    "trust_chain_verification",
    trusted_ca=_FILE,
    match_subject_alt_names=_STRING_MATCH_OF_A_NAME,
    match_typed_subject_alt_names=obj("san_type", matcher=_STRING_MATCH_OF_A_NAME),
    verify_subject_alt_name=NAME,
)
_TLS = obj(
    "sni",
    common_tls_context=obj(
        "alpn_protocols",
        tls_certificates=obj(certificate_chain=_FILE, private_key=_FILE),
        tls_certificate_sds_secret_configs=_SECRET_CONFIG,
        validation_context=_VALIDATION,
        validation_context_sds_secret_config=_SECRET_CONFIG,
        combined_validation_context=obj(
            default_validation_context=_VALIDATION, validation_context_sds_secret_config=_SECRET_CONFIG
        ),
    ),
)
_SOCKET_CONFIG = also(_TLS, type_url=NAME, value=_TLS)
_INNER_SOCKET = obj("name", typed_config=_SOCKET_CONFIG, config=_SOCKET_CONFIG)
_WRAPPED_CONFIG = also(_SOCKET_CONFIG, transport_socket=_INNER_SOCKET)
_SOCKET = obj("name", typed_config=_WRAPPED_CONFIG, config=_WRAPPED_CONFIG)

_ENDPOINTS = obj(lb_endpoints=obj("health_status", endpoint=obj("hostname", address=_ADDRESS), metadata=_METADATA))
LOAD_ASSIGNMENT = obj("cluster_name", endpoints=_ENDPOINTS)
CLUSTER = obj(
    "name",
    "type",
    "connect_timeout",
    circuit_breakers=obj(thresholds=obj("priority")),
    cluster_type=obj("name"),
    load_assignment=LOAD_ASSIGNMENT,
    hosts=_ADDRESS,
    eds_cluster_config=obj("service_name"),
    tls_context=_TLS,
    transport_socket=_SOCKET,
    transport_socket_matches=obj("name", match=NAMES_OF_ALL, transport_socket=_SOCKET),
    metadata=_METADATA,
)

_HTTP_FILTER = obj("name", typed_config=_FAULT, config=_FAULT)
_FILTER_CONFIG = obj(
    "cluster",
    "type_url",
    "path_with_escaped_slashes_action",
    "idle_timeout",
    "max_downstream_connection_duration",
    common_http_protocol_options=obj("max_connection_duration"),
    weighted_clusters=_WEIGHTED,
    tunneling_config=obj("hostname"),
    prefix_routes=obj(catch_all_route=obj("cluster")),
    rds=obj("route_config_name"),
    upgrade_configs=obj("upgrade_type"),
    route_config=ROUTES,
    http_filters=_HTTP_FILTER,
)
_FILTER_CONFIG = also(_FILTER_CONFIG, value=_FILTER_CONFIG)
_CHAIN = obj(
    "name",
    filter_chain_match=obj(
        "server_names",
        "transport_protocol",
        "application_protocols",
        "source_type",
        prefix_ranges=obj("address_prefix"),
        direct_source_prefix_ranges=obj("address_prefix"),
        source_prefix_ranges=obj("address_prefix"),
    ),
    filters=obj("name", typed_config=_FILTER_CONFIG, config=_FILTER_CONFIG),
    tls_context=_TLS,
    transport_socket=_SOCKET,
    metadata=_METADATA,
)
LISTENER = obj(
    "name",
    "traffic_direction",
    "listener_filters_timeout",
    address=_ADDRESS,
    additional_addresses=obj(address=_ADDRESS),
    filter_chains=_CHAIN,
    default_filter_chain=_CHAIN,
    listener_filters=obj("name", typed_config=obj(), config=obj()),
    metadata=_METADATA,
)

_NODE = obj(
    "id",
    "cluster",
    "user_agent_name",
    metadata=obj(
        "ISTIO_VERSION",
        "ISTIO_PROXY_VERSION",
        "NAME",
        "NAMESPACE",
        "INTERCEPTION_MODE",
        "DNS_CAPTURE",
        "DNS_AUTO_ALLOCATE",
        "INSTANCE_IPS",
        "CLUSTER_ID",
        "MESH_ID",
        "NETWORK",
        "WORKLOAD_NAME",
        "OWNER",
        LABELS=NAMES_OF_ALL,
        STATIC_LABELS=NAMES_OF_ALL,
        ANNOTATIONS=ANNOTATIONS,
    ),
    extensions=(obj("name", "category", "type_urls")),
    locality=_LOCALITY,
)
_BOOTSTRAP = obj(node=_NODE)
_STATE = obj("version_info", listener=LISTENER)
_ENTRY = obj(
    "name",
    "version_info",
    "client_status",
    listener=LISTENER,
    active_state=_STATE,
    warming_state=_STATE,
    draining_state=_STATE,
    cluster=CLUSTER,
    route_config=ROUTES,
    endpoint_config=LOAD_ASSIGNMENT,
    error_state=obj("details", failed_configuration=(united(LISTENER, CLUSTER, ROUTES))),
)
_LISTS = (
    "static_listeners",
    "dynamic_listeners",
    "dynamic_active_listeners",
    "dynamic_warming_listeners",
    "static_clusters",
    "dynamic_active_clusters",
    "dynamic_warming_clusters",
    "static_route_configs",
    "dynamic_route_configs",
    "static_endpoint_configs",
    "dynamic_endpoint_configs",
    "static_secrets",
    "dynamic_active_secrets",
    "dynamic_warming_secrets",
)
_SECTION = Kept(fields=dict.fromkeys(_LISTS, _ENTRY) | {"version_info": NAME, "bootstrap": _BOOTSTRAP})
_SECTIONS = Kept(fields=_SECTION.fields, rest=_SECTION)
"""A list of sections, or Envoy 1.7's map of sections."""
_HOST_STATUS = obj(
    "hostname",
    address=_ADDRESS,
    health_status=obj("eds_health_status"),
    stats=obj("name", "value", "type"),
    locality=_LOCALITY,
)
CLUSTER_STATUS = obj("name", "eds_service_name", "observability_name", host_statuses=_HOST_STATUS)
_ONE_PAGE = obj(
    "version",
    "state",
    "hot_restart_version",
    configs=_SECTIONS,
    cluster_statuses=CLUSTER_STATUS,
    listener_statuses=obj("name", local_address=_ADDRESS, additional_local_addresses=_ADDRESS),
    node=_NODE,
)
_BARE_PARTS = united(LISTENER, CLUSTER, ROUTES, obj(hostStatuses=_HOST_STATUS), _HOST_STATUS, LOAD_ASSIGNMENT)
ENVOY = united(_ONE_PAGE, _SECTION, also(_BARE_PARTS, bootstrap=_BOOTSTRAP))
"""Any page of Envoy's, the sections of a dump without `configs`, and the arrays that istioctl prints."""

DNS_ANSWERS = obj("resolved_from", answers=Kept(rest=NAME))
"""dns.json."""
