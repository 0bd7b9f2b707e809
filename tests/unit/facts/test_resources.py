"""Objects of a capture: every API version and old form, one bad object costs only itself, nothing parsed unasked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from meshdoctor.facts.resources.resource_reader import Resources
from meshdoctor.model.evidence import Capture, Document, Pointer, Unread
from meshdoctor.model.mesh import Container, EgressListener, Port, Service
from meshdoctor.model.object_ref import ObjectRef
from tests.unit.facts.pod_builder import config_map, pod, read_body

Tree = dict[str, Any]


def capture(**files: str | bytes | Tree) -> Capture:
    """A capture of these documents; `resources__pods_yaml` is `resources/pods.yaml`."""
    documents: dict[str, Document] = {}
    for name, content in files.items():
        path = name.replace("__", "/")
        path = ".".join(path.rsplit("_", 1))
        data = msgspec.json.encode(content) if isinstance(content, dict) else content
        raw = data.encode() if isinstance(data, str) else data
        documents[path] = Document(path, lambda raw=raw: raw, len(raw))  # type: ignore[misc]
    return Capture("capture", "here", documents)


def resources(**files: str | bytes | Tree) -> tuple[Resources, list[Unread]]:
    problems: list[Unread] = []
    return Resources(capture(**files), problems), problems


def listed(*items: Tree, kind: str = "List") -> Tree:
    return {"apiVersion": "v1", "kind": kind, "items": list(items)}


def istio(kind: str, name: str, spec: Tree, version: str = "v1", **metadata: Any) -> Tree:
    return {
        "apiVersion": f"networking.istio.io/{version}",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "spec": spec,
    }


ENTRY_SPEC = {"hosts": ["db.x.example"], "ports": [{"number": 3306, "name": "tcp", "protocol": "TCP"}]}


@pytest.mark.parametrize("version", ["v1alpha3", "v1beta1", "v1"])
def test_every_api_version_of_a_service_entry(version: str) -> None:
    read, problems = resources(resources__serviceentries_json=listed(istio("ServiceEntry", "db", ENTRY_SPEC, version)))
    [entry] = read.service_entries
    assert entry.ref == ObjectRef("ServiceEntry", "shop", "db")
    assert (entry.resolution, entry.location) == ("NONE", "MESH_EXTERNAL")
    assert entry.ports == (Port(3306, "tcp", "TCP"),)
    assert entry.manifest["apiVersion"] == f"networking.istio.io/{version}"
    assert problems == []


def test_all_of_a_service_entry_and_its_old_forms() -> None:
    spec = {
        **ENTRY_SPEC,
        "ports": [{"number": "443", "name": "tls", "protocol": "tls", "targetPort": 8443}],
        "addresses": ["203.0.113.1/32"],
        "resolution": "static",
        "location": "MESH_INTERNAL",
        "endpoints": [{"address": "203.0.113.9", "ports": {"tls": 8443}, "labels": {"v": "1"}}],
        "workloadSelector": {"labels": {"app": "db"}},
        "exportTo": ["."],
        "configScope": "private",
    }
    status = {"addresses": [{"value": "240.240.0.1", "host": "db.x.example"}, {"value": "2001:2::1"}]}
    body = {**istio("ServiceEntry", "db", spec, creationTimestamp="2026-11-21T10:00:00Z"), "status": status}
    read, _ = resources(resources__serviceentries_json=listed(body))
    [entry] = read.service_entries
    assert entry.ports == (Port(443, "tls", "tls", 8443),)
    assert (entry.resolution, entry.location, entry.config_scope) == ("STATIC", "MESH_INTERNAL", "PRIVATE")
    assert entry.endpoints[0].ports == {"tls": 8443}
    assert entry.workload_selector == {"app": "db"}
    assert entry.status_addresses == {"db.x.example": ("240.240.0.1", "2001:2::1")}
    assert (entry.export_to, entry.created) == ((".",), "2026-11-21T10:00:00Z")
    assert entry.pointer == Pointer("resources/serviceentries.json", "$.items[0]")


def test_a_manifest_is_what_a_person_would_write() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x"}
    server_made: Tree = {
        "uid": "u",
        "resourceVersion": "1",
        "generation": 2,
        "managedFields": [],
        "creationTimestamp": "t",
    }
    body = {**istio("ServiceEntry", "db", ENTRY_SPEC, annotations=annotations, **server_made), "status": {}}
    read, _ = resources(resources__serviceentries_json=listed(body))
    assert read.service_entries[0].manifest == {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "db", "namespace": "shop", "annotations": {"note": "x"}},
        "spec": ENTRY_SPEC,
    }


def test_the_other_istio_kinds() -> None:
    sidecar = istio(
        "Sidecar",
        "default",
        {"egress": [{"hosts": ["./*"], "port": {"number": 80, "protocol": "HTTP"}}], "outboundTrafficPolicy": {}},
    )
    rule = istio(
        "DestinationRule",
        "r",
        {
            "host": "h.x",
            "workloadSelector": {"matchLabels": {"a": "b"}},
            "trafficPolicy": {"tls": {"mode": "SIMPLE"}},
        },
    )
    read, problems = resources(
        resources__virtualservices_json=listed(
            istio("VirtualService", "v", {"hosts": ["h.x"], "tls": [{"match": []}]})
        ),
        resources__destinationrules_json=listed(rule),
        resources__sidecars_json=listed(sidecar, istio("Sidecar", "plain", {"workloadSelector": {}})),
        resources__gateways_json=listed(istio("Gateway", "g", {"selector": {"istio": "egress"}, "servers": [{}]})),
    )
    [service] = read.virtual_services
    assert (service.hosts, service.gateways, service.tls) == (("h.x",), ("mesh",), ({"match": []},))
    assert read.destination_rules[0].workload_selector == {"a": "b"}
    first, plain = read.sidecars
    assert first.egress == (EgressListener(("./*",), Port(80, "", "HTTP")),)
    assert (first.outbound_policy, first.selector) == ("REGISTRY_ONLY", None)
    assert (plain.outbound_policy, plain.selector) == (None, {})
    assert read.gateways[0].selector == {"istio": "egress"}
    assert problems == []


def test_services_as_istio_reads_them() -> None:
    spec = {
        "clusterIP": "10.96.0.7",
        "clusterIPs": ["10.96.0.7"],
        "ports": [
            {"port": 3306, "name": "db", "targetPort": "mysql"},
            {"port": 80, "name": "web", "appProtocol": "http", "targetPort": 8080},
            {"port": 81, "name": "grpc-x"},
        ],
    }
    annotations = {"networking.istio.io/exportTo": "., other"}
    body = {
        "kind": "Service",
        "metadata": {"name": "db", "namespace": "shop", "annotations": annotations},
        "spec": spec,
    }
    headless = {"metadata": {"name": "h", "namespace": "shop"}, "spec": {"clusterIP": "None"}}
    read, _ = resources(resources__services_json=listed(body, headless, kind="ServiceList"))
    first, second = read.services
    assert first.host == "db.shop.svc.cluster.local"
    assert first.ports == (Port(3306, "db", "TCP"), Port(80, "web", "HTTP", 8080), Port(81, "grpc-x", "GRPC"))
    assert first.export_to == (".", "other")
    assert second.cluster_ips == ("None",)


def test_one_bad_object_costs_only_itself() -> None:
    bad = istio("ServiceEntry", "bad", {"hosts": "no list"})
    nameless = {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {}, "spec": {}}
    read, problems = resources(
        resources__serviceentries_json=listed(bad, nameless, istio("ServiceEntry", "db", ENTRY_SPEC), 7)  # type: ignore[arg-type]
    )
    assert [e.ref.name for e in read.service_entries] == ["db"]
    assert [p.path for p in problems] == ["resources/serviceentries.json"] * 3
    told = "\n".join(p.because for p in problems)
    assert "ServiceEntry shop/bad: Expected" in told
    assert "ServiceEntry at $.items[1]: metadata.name is missing" in told
    assert "$.items[3] is not a Kubernetes object" in told


def test_one_bad_document_costs_only_its_kind() -> None:
    read, problems = resources(
        resources__serviceentries_yaml="a: [1,", resources__sidecars_yaml="just text", resources__pods_json=listed()
    )
    assert read.service_entries == ()
    assert not read.is_read("serviceentries")
    assert not read.is_read("sidecars")
    assert read.is_read("pods")
    assert {p.path for p in problems} == {"resources/serviceentries.yaml", "resources/sidecars.yaml"}


def test_an_empty_list_was_read_and_a_missing_file_was_not() -> None:
    read, problems = resources(resources__gateways_json=listed(), resources__pods_yaml="kind: PodList\nitems: null\n")
    assert read.kinds_read == {"gateways", "pods"}
    assert (read.gateways, read.pods, read.services, problems) == ((), {}, (), [])


def test_nothing_is_parsed_unasked() -> None:
    def refuse() -> bytes:
        raise AssertionError

    documents = {
        "resources/services.yaml": Document("resources/services.yaml", refuse, 1),
        "resources/deployments.yaml": Document("resources/deployments.yaml", refuse, 1),
    }
    read = Resources(Capture("capture", "here", documents), [])
    assert read.pods == {}
    assert read.kinds_read == {"services", "deployments"}


MANIFESTS = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: one, namespace: shop}
spec: {hosts: [one.x.example], ports: [{number: 443, name: tls, protocol: TLS}]}
---
apiVersion: v1
kind: List
items:
- apiVersion: networking.istio.io/v1
  kind: ServiceEntry
  metadata: {name: two}
  spec: {hosts: [two.x.example]}
- {apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: knative}}
- {apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: other}}
- {apiVersion: example.com/v1, kind: Unheard, metadata: {name: x}}
"""


def test_manifests_of_any_kind_in_one_file() -> None:
    read, problems = resources(manifests__all_yaml=MANIFESTS)
    one, two = read.service_entries
    assert one.pointer.path == "$[0]"
    assert two.pointer.path == "$[1].items[0]"
    assert two.ref.namespace == "default"
    assert (read.services, read.gateways, problems) == ((), (), [])
    assert read.kinds_read == {"serviceentries"}


def test_a_manifest_beside_a_capture_replaces_the_object_of_that_name() -> None:
    changed = istio("ServiceEntry", "db", {**ENTRY_SPEC, "resolution": "DNS"})
    read, _ = resources(
        resources__serviceentries_json=listed(istio("ServiceEntry", "db", ENTRY_SPEC)), manifests__fix_json=changed
    )
    assert [e.resolution for e in read.service_entries] == ["DNS"]


MESH = "outboundTrafficPolicy:\n  mode: REGISTRY_ONLY\ndefaultServiceExportTo: ['.']\nunknownField: 1\n"


def test_mesh_settings_of_the_default_revision_and_of_another() -> None:
    def made(name: str, namespace: str, text: str) -> Tree:
        return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": {"mesh": text}}

    read, _ = resources(
        resources__configmaps_json=listed(
            made("istio-canary", "istio-system", "trustDomain: x"), made("istio", "istio-system", MESH)
        )
    )
    config = read.mesh_config
    assert config is not None
    assert (config.outbound_policy, config.default_service_export_to) == ("REGISTRY_ONLY", (".",))
    assert config.root_namespace == "istio-system"
    assert config.pointer == Pointer("resources/configmaps.json", "$.items[1].data['mesh']")
    elsewhere, problems = resources(resources__configmaps_json=listed(made("istio-1-30", "mesh", "trustDomain: x")))
    assert elsewhere.mesh_config is not None
    assert (elsewhere.mesh_config.outbound_policy, elsewhere.mesh_config.root_namespace) == (None, "mesh")
    assert problems == []
    broken, problems = resources(resources__configmaps_json=listed(made("istio", "istio-system", "mode: [")))
    assert broken.mesh_config is None
    assert len(problems) == 1


def test_dns_answers_are_addresses() -> None:
    read, problems = resources(dns_json='{"answers": {"DB.x.example.": ["203.0.113.1", "oops"], "none.example": null}}')
    assert read.dns is not None
    assert read.dns.resolved_from is None
    assert read.dns.answers == {"db.x.example": ("203.0.113.1",), "none.example": ()}
    assert len(problems) == 1
    wrong, problems = resources(dns_json="[]")
    assert wrong.dns is None
    assert len(problems) == 1
    absent, _ = resources()
    assert absent.dns is None


def env(*variables: Tree, env_from: tuple[Tree, ...] = ()) -> Container:
    container = {"name": "app", "env": list(variables), "envFrom": list(env_from)}
    body = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"containers": [container]}}
    return read_body(body, config_map("db", host="db.x.example", PORT="3306")).containers[0]


def test_the_environment_as_the_kubelet_makes_it() -> None:
    got = env(
        {"name": "HOST", "valueFrom": {"configMapKeyRef": {"name": "db", "key": "host"}}},
        {"name": "URL", "value": "mysql://u:$(PW)@$(HOST):$(DB_PORT)/$(LATER)$$(HOST)"},
        {"name": "LATER", "value": "x"},
        {"name": "PW", "valueFrom": {"secretKeyRef": {"name": "s", "key": "pw"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "GONE", "valueFrom": {"configMapKeyRef": {"name": "db", "key": "gone", "optional": True}}},
        {"name": "LATER", "value": "y"},
        env_from=({"prefix": "DB_", "configMapRef": {"name": "db"}}, {"secretRef": {"name": "s"}}),
    )
    by_name = {v.name: v for v in got.env}
    assert by_name["DB_host"].value == "db.x.example"
    assert by_name["DB_PORT"].source == "configmap"
    assert by_name["HOST"].source_name == "shop/db key host"
    assert by_name["URL"].value == "mysql://u:$(PW)@db.x.example:3306/$(LATER)$(HOST)"
    assert by_name["LATER"].value == "y"
    assert (by_name["PW"].value, by_name["PW"].source, by_name["PW"].source_name) == (None, "secret", "shop/s key pw")
    assert (by_name["IP"].value, by_name["IP"].source) == (None, "field")
    assert by_name["GONE"].value is None
    assert by_name["*"].source == "secret"


def test_expansion_cannot_grow_without_end() -> None:
    variables = [{"name": "V0", "value": "x" * 1000}]
    variables += [{"name": f"V{n}", "value": f"$(V{n - 1})" * 10} for n in range(1, 12)]
    assert max(len(v.value or "") for v in env(*variables).env) <= 1 << 20


def test_arguments_are_expanded_and_pointed_at() -> None:
    got = pod({"PORT": "3306"}, ["--db=h:$(PORT)", "$(NONE)"], command=["run"]).containers[0]
    assert got.args == ("run", "--db=h:3306", "$(NONE)")
    assert got.arg_pointer(0).path.endswith(".command[0]")
    assert got.arg_pointer(1).path.endswith(".args[0]")


@pytest.mark.parametrize(
    ("owner", "labels", "workload"),
    [
        (("ReplicaSet", "web-6c8d9f7b5"), {"pod-template-hash": "6c8d9f7b5"}, "Deployment shop/web"),
        (("ReplicaSet", "web-6c8d9f7b5"), {}, "Deployment shop/web"),
        (("ReplicaSet", "by-hand"), {}, "ReplicaSet shop/by-hand"),
        (("StatefulSet", "db"), {}, "StatefulSet shop/db"),
        (("Job", "nightly-28391040"), {}, "CronJob shop/nightly"),
        (("Job", "once"), {}, "Job shop/once"),
    ],
)
def test_the_workload_behind_a_pod(owner: tuple[str, str], labels: dict[str, str], workload: str) -> None:
    reference = {"kind": owner[0], "name": owner[1], "controller": True}
    metadata = {"name": "web-x", "namespace": "shop", "labels": labels, "ownerReferences": [reference]}
    assert str(read_body({"metadata": metadata, "spec": {"containers": []}}).workload) == workload


def test_the_rest_of_a_pod() -> None:
    spec = {
        "hostNetwork": True,
        "securityContext": {"runAsUser": 1000},
        "containers": [{"name": "app", "securityContext": {"runAsUser": 1337}}],
        "initContainers": [{"name": "istio-proxy", "restartPolicy": "Always"}, {"name": "istio-init"}],
    }
    status = {"podIP": "10.244.0.9", "phase": "Running"}
    got = read_body({"metadata": {"name": "web", "namespace": "default"}, "spec": spec, "status": status})
    assert (got.key, got.host_network, got.run_as_user) == ("default/web", True, 1000)
    assert (got.ip, got.phase, got.workload) == ("10.244.0.9", "Running", None)
    app, proxy, init = got.containers
    assert (app.run_as_user, app.is_init) == (1337, False)
    assert (proxy.is_init, proxy.restart_always) == (True, True)
    assert not init.restart_always
    assert got.proxy_container is proxy
    assert init.pointer.path == "$.items[0].spec.initContainers[1]"


def test_a_service_has_its_mesh_host() -> None:
    body = {"metadata": {"name": "db", "namespace": "shop"}, "spec": {}}
    read = Resources(capture(resources__services_json=listed(body)), [])
    assert [s.host for s in read.services] == ["db.shop.svc.cluster.local"]
    assert isinstance(read.services[0], Service)


@pytest.mark.parametrize(
    "policy",
    [
        {"portLevelSettings": {}},
        {"portLevelSettings": [{"port": True}]},
        {"portLevelSettings": [{"port": {"number": "x"}}]},
        {"tls": "SIMPLE"},
    ],
)
def test_a_traffic_policy_of_another_shape_makes_the_rule_unreadable(policy: Tree) -> None:
    good = istio("DestinationRule", "good", {"host": "a.example", "trafficPolicy": None})
    for spec in ({"trafficPolicy": policy}, {"subsets": [{"name": "v1", "trafficPolicy": policy}]}):
        bad = istio("DestinationRule", "bad", {"host": "b.example", **spec})
        read, problems = resources(resources__destinationrules_yaml=listed(good, bad))
        assert [rule.ref.name for rule in read.destination_rules] == ["good"]
        assert "DestinationRule" in problems[0].because


def test_a_pod_without_containers_was_not_read_whole() -> None:
    with pytest.raises(ValueError, match="containers"):
        read_body({"metadata": {"name": "web", "namespace": "shop"}, "spec": {}})
