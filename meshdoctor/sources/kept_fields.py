"""The fields of which a capture keeps the text: those that rules, trace, evidence, host table and prediction read.

Numbers, switches and times stay wherever they stand, and so do the names of fields; the text of every other field
becomes a mark. `tests/unit/sources/test_kept_fields.py` compares this with what is decoded (`facts.envoy.wire`,
`facts.resources`), and the diagnosis of every capture with that of what is kept of it.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct, field


class TextOf(Enum):
    """What is kept of a text."""

    NAME = "name"
    """All of it, but secrets of a form that can be recognised."""
    PATH = "path"
    """The path of a URL or a route: all but what looks like a token."""
    FREE = "free"
    """The hosts that it names."""
    NOTHING = "nothing"
    """Its length."""


class Kept(Struct, frozen=True):
    """What is kept of a value: of a text, of each item of a list, of each field of an object."""

    text: TextOf = TextOf.NOTHING
    fields: dict[str, Kept] = field(default_factory=dict)
    rest: Kept | None = None
    """Of fields that are not in `fields`; None: their texts become marks."""

    def of(self, name: str) -> Kept:
        """What is kept of the field of this name."""
        return self.fields.get(name) or self.rest or NOTHING


NOTHING = Kept()
NAME = Kept(TextOf.NAME)
PATH = Kept(TextOf.PATH)
FREE = Kept(TextOf.FREE)
NAMES_OF_ALL = Kept(TextOf.NAME, rest=NAME)
"""A map of texts: labels."""


def _object(*names: str, rest: Kept | None = None, **fields: Kept) -> Kept:
    """An object: the texts of its fields `names` are kept whole, of the others what is given for them."""
    return Kept(fields=dict.fromkeys(names, NAME) | fields, rest=rest)


def _also(kept: Kept, **fields: Kept) -> Kept:
    return Kept(kept.text, kept.fields | fields, kept.rest)


def _united(*many: Kept) -> Kept:
    """An object that is any of these."""
    fields: dict[str, Kept] = {}
    for one in many:
        fields |= one.fields
    return Kept(fields=fields)


# Envoy: config dumps, arrays that istioctl prints, /clusters, /server_info. `@type` stays everywhere.

_ADDRESS = _object(
    socket_address=_object("address", "protocol"),
    pipe=_object("path"),
    envoy_internal_address=_object("server_listener_name", "endpoint_id"),
)
_LOCALITY = _object("region", "zone", "sub_zone")
_METADATA = _object(
    filter_metadata=Kept(
        fields={
            "istio": _object("config", services=_object("host", "name", "namespace")),
            "envoy.transport_socket_match": NAMES_OF_ALL,
        }
    )
)
_STRING_MATCH_OF_A_NAME = _object("exact", "prefix", "suffix", "contains", safe_regex=_object("regex"))
_PERCENTAGE = _object("denominator")
_FAULT = _object(
    "type_url",
    abort=_object(percentage=_PERCENTAGE, percent=_PERCENTAGE),
    delay=_object("fixed_delay", percentage=_PERCENTAGE, percent=_PERCENTAGE),
)
_FAULT = _also(_FAULT, value=_FAULT)
_FAULTS = Kept(fields=dict.fromkeys(("envoy.filters.http.fault", "envoy.fault", "fault"), _FAULT))

_MATCH = _object(
    prefix=PATH,
    path=PATH,
    path_separated_prefix=PATH,
    regex=PATH,
    safe_regex=_object(regex=PATH),
    path_match_policy=_object("name", typed_config=_object()),
    headers=_object("name"),
    query_parameters=_object("name"),
    runtime_fraction=_object(default_value=_PERCENTAGE),
)
_WEIGHTED = _object(clusters=_object("name"))
_ROUTE = _object(
    "name",
    match=_MATCH,
    route=_object("cluster", "cluster_header", weighted_clusters=_WEIGHTED),
    redirect=_object("response_code"),
    metadata=_METADATA,
    typed_per_filter_config=_FAULTS,
    per_filter_config=_FAULTS,
)
ROUTES = _object(
    "name",
    virtual_hosts=_object("name", "domains", routes=_ROUTE, typed_per_filter_config=_FAULTS, per_filter_config=_FAULTS),
)

_SECRET_CONFIG = _object("name")
_FILE = _object("filename")
_VALIDATION = _object(
    "trust_chain_verification",
    trusted_ca=_FILE,
    match_subject_alt_names=_STRING_MATCH_OF_A_NAME,
    match_typed_subject_alt_names=_object("san_type", matcher=_STRING_MATCH_OF_A_NAME),
    verify_subject_alt_name=NAME,
)
_TLS = _object(
    "sni",
    common_tls_context=_object(
        "alpn_protocols",
        tls_certificates=_object(certificate_chain=_FILE, private_key=_FILE),
        tls_certificate_sds_secret_configs=_SECRET_CONFIG,
        validation_context=_VALIDATION,
        validation_context_sds_secret_config=_SECRET_CONFIG,
        combined_validation_context=_object(
            default_validation_context=_VALIDATION, validation_context_sds_secret_config=_SECRET_CONFIG
        ),
    ),
)
_SOCKET_CONFIG = _also(_TLS, type_url=NAME, value=_TLS)
_INNER_SOCKET = _object("name", typed_config=_SOCKET_CONFIG, config=_SOCKET_CONFIG)
_WRAPPED_CONFIG = _also(_SOCKET_CONFIG, transport_socket=_INNER_SOCKET)
_SOCKET = _object("name", typed_config=_WRAPPED_CONFIG, config=_WRAPPED_CONFIG)

_ENDPOINTS = _object(
    lb_endpoints=_object("health_status", endpoint=_object("hostname", address=_ADDRESS), metadata=_METADATA)
)
LOAD_ASSIGNMENT = _object("cluster_name", endpoints=_ENDPOINTS)
CLUSTER = _object(
    "name",
    "type",
    cluster_type=_object("name"),
    load_assignment=LOAD_ASSIGNMENT,
    hosts=_ADDRESS,
    eds_cluster_config=_object("service_name"),
    tls_context=_TLS,
    transport_socket=_SOCKET,
    transport_socket_matches=_object("name", match=NAMES_OF_ALL, transport_socket=_SOCKET),
    metadata=_METADATA,
)

_HTTP_FILTER = _object("name", typed_config=_FAULT, config=_FAULT)
_FILTER_CONFIG = _object(
    "cluster",
    "type_url",
    weighted_clusters=_WEIGHTED,
    prefix_routes=_object(catch_all_route=_object("cluster")),
    rds=_object("route_config_name"),
    route_config=ROUTES,
    http_filters=_HTTP_FILTER,
)
_FILTER_CONFIG = _also(_FILTER_CONFIG, value=_FILTER_CONFIG)
_CHAIN = _object(
    "name",
    filter_chain_match=_object(
        "server_names",
        "transport_protocol",
        "application_protocols",
        "source_type",
        prefix_ranges=_object("address_prefix"),
        direct_source_prefix_ranges=_object("address_prefix"),
        source_prefix_ranges=_object("address_prefix"),
    ),
    filters=_object("name", typed_config=_FILTER_CONFIG, config=_FILTER_CONFIG),
    tls_context=_TLS,
    transport_socket=_SOCKET,
    metadata=_METADATA,
)
LISTENER = _object(
    "name",
    "traffic_direction",
    "listener_filters_timeout",
    address=_ADDRESS,
    additional_addresses=_object(address=_ADDRESS),
    filter_chains=_CHAIN,
    default_filter_chain=_CHAIN,
    listener_filters=_object("name", typed_config=_object(), config=_object()),
    metadata=_METADATA,
)

_ANNOTATIONS_OF_ISTIO = (
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/kubevirtInterfaces",
    "istio.io/reroute-virtual-interfaces",
    "sidecar.istio.io/inject",
    "sidecar.istio.io/interceptionMode",
    "ambient.istio.io/redirection",
    "networking.istio.io/exportTo",
    "istio.io/rev",
)
_ANNOTATIONS_OF_OWNERS = (
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
    "argocd.argoproj.io/tracking-id",
    "objectset.rio.cattle.io/id",
    "configmanagement.gke.io/managed",
    "configsync.gke.io/resource-id",
    "operator-sdk/primary-resource",
    "kubectl.kubernetes.io/default-container",
)
ANNOTATIONS = Kept(
    fields=dict.fromkeys((*_ANNOTATIONS_OF_ISTIO, *_ANNOTATIONS_OF_OWNERS), NAME)
    | {"proxy.istio.io/config": _object(proxyMetadata=_object(rest=FREE))},
    rest=FREE,
)

_NODE = _object(
    "id",
    "cluster",
    "user_agent_name",
    metadata=_object(
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
    extensions=(_object("name", "category", "type_urls")),
    locality=_LOCALITY,
)
_BOOTSTRAP = _object(node=_NODE)
_STATE = _object("version_info", listener=LISTENER)
_ENTRY = _object(
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
    error_state=_object("details", failed_configuration=(_united(LISTENER, CLUSTER, ROUTES))),
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
_HOST_STATUS = _object(
    "hostname",
    address=_ADDRESS,
    health_status=_object("eds_health_status"),
    stats=_object("name", "value", "type"),
    locality=_LOCALITY,
)
CLUSTER_STATUS = _object("name", "eds_service_name", "observability_name", host_statuses=_HOST_STATUS)
_ONE_PAGE = _object(
    "version",
    "state",
    "hot_restart_version",
    configs=_SECTIONS,
    cluster_statuses=CLUSTER_STATUS,
    listener_statuses=_object("name", local_address=_ADDRESS, additional_local_addresses=_ADDRESS),
    node=_NODE,
)
_BARE_PARTS = _united(LISTENER, CLUSTER, ROUTES, _object(hostStatuses=_HOST_STATUS), _HOST_STATUS, LOAD_ASSIGNMENT)
ENVOY = _united(_ONE_PAGE, _SECTION, _also(_BARE_PARTS, bootstrap=_BOOTSTRAP))
"""Any page of Envoy's, the sections of a dump without `configs`, and the arrays that istioctl prints."""

DNS = _object("resolved_from", answers=Kept(rest=NAME))
"""dns.json."""

# Kubernetes and Istio.

_SELECTOR = _object(labels=NAMES_OF_ALL, matchLabels=NAMES_OF_ALL)
_PORT = _object("name", "protocol", "targetPort", "appProtocol")
_MATCHER = _object(exact=PATH, prefix=PATH, regex=PATH)
_DESTINATION = _object("host", "subset")
_ROUTED = _object(destination=_DESTINATION)
_L4 = _object(
    match=_object(
        "sniHosts",
        "destinationSubnets",
        "gateways",
        "sourceNamespace",
        "sourceSubnet",
        "sourceSubnets",
        sourceLabels=NAMES_OF_ALL,
    ),
    route=_ROUTED,
)
_HTTP = _object(
    "name",
    match=_object(
        "name",
        "gateways",
        "sourceNamespace",
        sourceLabels=NAMES_OF_ALL,
        uri=_MATCHER,
        scheme=_MATCHER,
        method=_MATCHER,
        authority=_MATCHER,
    ),
    route=_ROUTED,
    redirect=_object("authority", "scheme", uri=PATH),
    rewrite=_object("authority", uri=PATH),
    delegate=_object("name", "namespace"),
    mirror=_DESTINATION,
    mirrors=_ROUTED,
    retries=_object("retryOn"),
    fault=_object(abort=_object(), delay=_object("fixedDelay")),
)
_CLIENT_TLS = _object(
    "mode", "sni", "credentialName", "clientCertificate", "privateKey", "caCertificates", "subjectAltNames", "caCrl"
)
_POLICY_OF_PORT = _object(tls=_CLIENT_TLS, loadBalancer=_object("simple"), tunnel=_object("protocol", "targetHost"))
_POLICY = _also(_POLICY_OF_PORT, portLevelSettings=_POLICY_OF_PORT)
_WORKLOAD = _object("address", "network", "locality", "serviceAccount", labels=NAMES_OF_ALL)
_TARGETS = _object("group", "kind", "name", "namespace")
_STATUS = _object(addresses=_object("value", "host", "type"))
_EXPORTED = ("hosts", "exportTo")

_SPECS: dict[str, Kept] = {
    "ServiceEntry": _object(
        *_EXPORTED,
        "addresses",
        "resolution",
        "location",
        "configScope",
        "subjectAltNames",
        ports=_PORT,
        endpoints=_WORKLOAD,
        workloadSelector=_SELECTOR,
    ),
    "VirtualService": _object(*_EXPORTED, "gateways", http=_HTTP, tls=_L4, tcp=_L4),
    "DestinationRule": _object(
        "host",
        "exportTo",
        trafficPolicy=_POLICY,
        subsets=_object("name", labels=NAMES_OF_ALL, trafficPolicy=_POLICY),
        workloadSelector=_SELECTOR,
    ),
    "Sidecar": _object(
        workloadSelector=_SELECTOR,
        egress=_object("hosts", "bind", "captureMode", port=_PORT),
        ingress=_object("bind", "captureMode", "defaultEndpoint", port=_PORT),
        outboundTrafficPolicy=_object("mode", egressProxy=_DESTINATION),
    ),
    "Gateway": _object(
        "gatewayClassName",
        selector=NAMES_OF_ALL,
        servers=_object("hosts", "bind", "name", "defaultEndpoint", port=_PORT, tls=_CLIENT_TLS),
        targetRefs=_TARGETS,
    ),
    "EnvoyFilter": _object(
        workloadSelector=_SELECTOR,
        targetRefs=_TARGETS,
        configPatches=_object(
            "applyTo",
            match=_object(
                "context",
                proxy=_object("proxyVersion"),
                listener=_object(
                    "name",
                    "portName",
                    filterChain=_object(
                        "name", "sni", "transportProtocol", "applicationProtocols", filter=_object("name")
                    ),
                ),
                routeConfiguration=_object("name", "portName", "gateway", vhost=_object("name", route=_object("name"))),
                cluster=_object("name", "service", "subset"),
            ),
            patch=_object("operation", "filterClass", value=_object("name")),
        ),
    ),
    "WorkloadEntry": _WORKLOAD,
    "WorkloadGroup": _object(metadata=_object(labels=NAMES_OF_ALL), template=_WORKLOAD),
    "ProxyConfig": _object(selector=_SELECTOR, environmentVariables=Kept(rest=FREE)),
    "Service": _object(
        "type",
        "clusterIP",
        "clusterIPs",
        "externalName",
        "ipFamilies",
        "ipFamilyPolicy",
        ports=_PORT,
        selector=NAMES_OF_ALL,
    ),
}

MESH_CONFIG = _object(
    "rootNamespace",
    "defaultServiceExportTo",
    "defaultVirtualServiceExportTo",
    "defaultDestinationRuleExportTo",
    "trustDomain",
    "ingressService",
    "ingressSelector",
    "protocolDetectionTimeout",
    outboundTrafficPolicy=_object("mode"),
    serviceEntryVisibility=NAMES_OF_ALL,
    defaultConfig=_object("discoveryAddress", "interceptionMode", proxyMetadata=Kept(rest=FREE)),
    discoverySelectors=_SELECTOR,
)
"""Istio's mesh settings, key `mesh` of ConfigMap istio."""

_OBJECT_METADATA = _object(
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    labels=NAMES_OF_ALL,
    annotations=ANNOTATIONS,
    ownerReferences=_object("apiVersion", "kind", "name", "uid"),
)
_KEY_REF = _object("name", "key")
CONTAINER = _object(
    "name",
    "image",
    "restartPolicy",
    env=_object(
        "name",
        valueFrom=_object(
            configMapKeyRef=_KEY_REF, secretKeyRef=_KEY_REF, fieldRef=_object("fieldPath"), resourceFieldRef=_KEY_REF
        ),
    ),
    envFrom=_object("prefix", configMapRef=_KEY_REF, secretRef=_KEY_REF),
    ports=_object("name", "protocol"),
)
"""A container, but for the values of its environment and its command line, which belong together."""
_POD_SPEC = _object(
    "serviceAccountName", "restartPolicy", containers=CONTAINER, initContainers=CONTAINER, ephemeralContainers=CONTAINER
)
_POD_STATUS = _object(
    "phase",
    "podIP",
    podIPs=_object("ip"),
    containerStatuses=_object("name", "containerID"),
    initContainerStatuses=_object("name", "containerID"),
)
_COMMON = _object("apiVersion", "kind", metadata=_OBJECT_METADATA)
OBJECTS: dict[str, Kept] = {
    **{kind: _also(_COMMON, spec=spec, status=_STATUS) for kind, spec in _SPECS.items()},
    "Pod": _also(_COMMON, spec=_POD_SPEC, status=_POD_STATUS),
    "Namespace": _also(_COMMON, status=_object("phase")),
    "ConfigMap": _COMMON,
}
"""By kind. Of other kinds, `ANY_OBJECT`."""
ANY_OBJECT = _COMMON
