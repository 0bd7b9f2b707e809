"""What is kept of Kubernetes and Istio objects, by kind: the fields that `facts.resources` and the prediction read."""

from __future__ import annotations

from meshdoctor.sources.kept.annotations import ANNOTATIONS
from meshdoctor.sources.kept.fields import FREE, NAMES_OF_ALL, PATH, Kept, also, obj

_SELECTOR = obj(labels=NAMES_OF_ALL, matchLabels=NAMES_OF_ALL)
_PORT = obj("name", "protocol", "targetPort", "appProtocol")
_MATCHER = obj(exact=PATH, prefix=PATH, regex=PATH)
_DESTINATION = obj("host", "subset")
_ROUTED = obj(destination=_DESTINATION)
_L4 = obj(
    match=obj(
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
_HTTP = obj(
    "name",
    match=obj(
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
    redirect=obj("authority", "scheme", uri=PATH),
    rewrite=obj("authority", uri=PATH),
    delegate=obj("name", "namespace"),
    mirror=_DESTINATION,
    mirrors=_ROUTED,
    retries=obj("retryOn"),
    fault=obj(abort=obj(), delay=obj("fixedDelay")),
)
_CLIENT_TLS = obj("mode", "sni", "credentialName", "subjectAltNames", "caCrl")
_POLICY_OF_PORT = obj(tls=_CLIENT_TLS, loadBalancer=obj("simple"), tunnel=obj("protocol", "targetHost"))
_POLICY = also(_POLICY_OF_PORT, portLevelSettings=_POLICY_OF_PORT)
_WORKLOAD = obj("address", "network", "locality", "serviceAccount", labels=NAMES_OF_ALL)
_TARGETS = obj("group", "kind", "name", "namespace")
_STATUS = obj(addresses=obj("value", "host", "type"))
_EXPORTED = ("hosts", "exportTo")

_SPECS: dict[str, Kept] = {
    "ServiceEntry": obj(
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
    "VirtualService": obj(*_EXPORTED, "gateways", http=_HTTP, tls=_L4, tcp=_L4),
    "DestinationRule": obj(
        "host",
        "exportTo",
        trafficPolicy=_POLICY,
        subsets=obj("name", labels=NAMES_OF_ALL, trafficPolicy=_POLICY),
        workloadSelector=_SELECTOR,
    ),
    "Sidecar": obj(
        workloadSelector=_SELECTOR,
        egress=obj("hosts", "bind", "captureMode", port=_PORT),
        ingress=obj("bind", "captureMode", "defaultEndpoint", port=_PORT),
        outboundTrafficPolicy=obj("mode", egressProxy=_DESTINATION),
    ),
    "Gateway": obj(
        "gatewayClassName",
        selector=NAMES_OF_ALL,
        servers=obj("hosts", "bind", "name", "defaultEndpoint", port=_PORT, tls=_CLIENT_TLS),
        targetRefs=_TARGETS,
    ),
    "EnvoyFilter": obj(
        workloadSelector=_SELECTOR,
        targetRefs=_TARGETS,
        configPatches=obj(
            "applyTo",
            match=obj(
                "context",
                proxy=obj("proxyVersion"),
                listener=obj(
                    "name",
                    "portName",
                    filterChain=obj("name", "sni", "transportProtocol", "applicationProtocols", filter=obj("name")),
                ),
                routeConfiguration=obj("name", "portName", "gateway", vhost=obj("name", route=obj("name"))),
                cluster=obj("name", "service", "subset"),
            ),
            patch=obj("operation", "filterClass", value=obj("name")),
        ),
    ),
    "WorkloadEntry": _WORKLOAD,
    "WorkloadGroup": obj(metadata=obj(labels=NAMES_OF_ALL), template=_WORKLOAD),
    "ProxyConfig": obj(selector=_SELECTOR, environmentVariables=Kept(rest=FREE)),
    "Service": obj(
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

MESH_CONFIG = obj(
    "rootNamespace",
    "defaultServiceExportTo",
    "defaultVirtualServiceExportTo",
    "defaultDestinationRuleExportTo",
    "trustDomain",
    "ingressService",
    "ingressSelector",
    "protocolDetectionTimeout",
    outboundTrafficPolicy=obj("mode"),
    serviceEntryVisibility=NAMES_OF_ALL,
    defaultConfig=obj("discoveryAddress", "interceptionMode", proxyMetadata=Kept(rest=FREE)),
    discoverySelectors=_SELECTOR,
)
"""Istio's mesh settings, key `mesh` of ConfigMap istio."""

_OBJECT_METADATA = obj(
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    labels=NAMES_OF_ALL,
    annotations=ANNOTATIONS,
    ownerReferences=obj("apiVersion", "kind", "name", "uid"),
)
_KEY_REF = obj("name", "key")
CONTAINER = obj(
    "name",
    "image",
    "restartPolicy",
    env=obj(
        "name",
        valueFrom=obj(
            configMapKeyRef=_KEY_REF, secretKeyRef=_KEY_REF, fieldRef=obj("fieldPath"), resourceFieldRef=_KEY_REF
        ),
    ),
    envFrom=obj("prefix", configMapRef=_KEY_REF, secretRef=_KEY_REF),
    ports=obj("name", "protocol"),
)
"""A container, but for the values of its environment and its command line, which belong together."""
_POD_SPEC = obj(
    "serviceAccountName", "restartPolicy", containers=CONTAINER, initContainers=CONTAINER, ephemeralContainers=CONTAINER
)
_POD_STATUS = obj(
    "phase",
    "podIP",
    podIPs=obj("ip"),
    containerStatuses=obj("name", "containerID"),
    initContainerStatuses=obj("name", "containerID"),
)
_COMMON = obj("apiVersion", "kind", metadata=_OBJECT_METADATA)
OBJECTS: dict[str, Kept] = {
    **{kind: also(_COMMON, spec=spec, status=_STATUS) for kind, spec in _SPECS.items()},
    "Pod": also(_COMMON, spec=_POD_SPEC, status=_POD_STATUS),
    "Namespace": also(_COMMON, status=obj("phase")),
    "ConfigMap": _COMMON,
}
"""By kind. Of other kinds, `ANY_OBJECT`."""
ANY_OBJECT = _COMMON
