"""Pods as model types: containers, their environment resolved like the kubelet does, and the workload that owns each.

The environment follows kubernetes/kubernetes, pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables) and
third_party/forked/golang/expansion: envFrom first, then env in order; `$(VAR)` is what is known so far, `$$(VAR)` is
not expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from meshdoctor.facts.resources.core_objects import ConfigMap
from meshdoctor.facts.resources.object_metadata import ObjectSource, checked, reference
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Container, EnvVar, Pod
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.kubernetes.api_objects import (
    WireContainer,
    WireEnv,
    WireEnvFrom,
    WireMetadata,
    WireOwner,
    WirePod,
    WirePodStatus,
    WireSecurity,
)

MAX_EXPANDED = 1 << 20
"""Characters of a value after expansion: the size of the largest object that the API server takes."""

ConfigMaps = Mapping[tuple[str, str], ConfigMap]

_REFERENCE = re.compile(r"\$\$|\$\(([^()\s]+)\)")
# The API server makes name suffixes from this alphabet (k8s.io/apimachinery/pkg/util/rand, SafeEncodeString).
_HASH = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5,10}\Z")
_CRON_TIME = re.compile(r"-\d{8,10}\Z")


def read_pod(found: ObjectSource, config_maps: ConfigMaps) -> Pod:
    """Raises `ValueError` for an object that is no Pod. `config_maps` are those that were read."""
    wire = checked(found.body, WirePod)
    ref = reference(found, wire.metadata)
    status = wire.status or WirePodStatus()
    document, path = found.pointer.document, found.pointer.path
    lists = (("containers", False, wire.spec.containers), ("initContainers", True, wire.spec.init_containers or ()))
    return Pod(
        namespace=ref.namespace,
        name=ref.name,
        labels=wire.metadata.labels or {},
        annotations=wire.metadata.annotations or {},
        containers=tuple(
            _container(one, ref.namespace, Pointer(document, f"{path}.spec.{place}[{i}]"), config_maps, is_init)
            for place, is_init, containers in lists
            for i, one in enumerate(containers)
        ),
        host_network=bool(wire.spec.host_network),
        run_as_user=_user(wire.spec.security_context),
        run_as_group=_group(wire.spec.security_context),
        workload=_workload(ref.namespace, wire.metadata),
        ip=status.pod_ip or "",
        ips=tuple(entry.ip for entry in status.pod_ips or ()),
        phase=status.phase or "",
        pointer=found.pointer,
    )


def expand(text: str, known: Mapping[str, EnvVar]) -> str:
    """`text` with every `$(NAME)` with a known value expanded; the others are kept.

    A value that would exceed `MAX_EXPANDED` is not expanded, because each variable may contain the previous one twice.
    """
    if "$" not in text:
        return text

    def put_in(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        variable = known.get(match.group(1))
        return match.group() if variable is None or variable.value is None else variable.value

    sizes = (len(put_in(match)) for match in _REFERENCE.finditer(text))
    return _REFERENCE.sub(put_in, text) if len(text) + sum(sizes) <= MAX_EXPANDED else text


def _container(
    wire: WireContainer, namespace: str, pointer: Pointer, config_maps: ConfigMaps, is_init: bool
) -> Container:
    env = _environment(wire, namespace, pointer, config_maps)
    known = {variable.name: variable for variable in env}
    command = wire.command or []
    return Container(
        name=wire.name,
        args=tuple(expand(a, known) for a in (*command, *(wire.args or ()))),
        env=env,
        run_as_user=_user(wire.security_context),
        run_as_group=_group(wire.security_context),
        is_init=is_init,
        restart_always=is_init and wire.restart_policy == "Always",
        pointer=pointer,
        command_length=len(command),
    )


def _environment(wire: WireContainer, namespace: str, pointer: Pointer, config_maps: ConfigMaps) -> tuple[EnvVar, ...]:
    """Every variable once, in the order in which the kubelet sets them; of duplicates the last counts."""
    found: dict[str, EnvVar] = {}
    for index, source in enumerate(wire.env_from or ()):
        place = Pointer(pointer.document, f"{pointer.path}.envFrom[{index}]")
        found.update((v.name, v) for v in _all_keys(source, namespace, place, config_maps))
    for index, env in enumerate(wire.env or ()):
        place = Pointer(pointer.document, f"{pointer.path}.env[{index}]")
        found[env.name] = _variable(env, namespace, place, config_maps, found)
    return tuple(found.values())


def _all_keys(source: WireEnvFrom, namespace: str, place: Pointer, config_maps: ConfigMaps) -> Iterator[EnvVar]:
    """Variables of one envFrom. One with unknown names (a Secret, a ConfigMap not read) is named `PREFIX*`."""
    prefix = source.prefix or ""
    if source.secret_ref:
        yield EnvVar(f"{prefix}*", None, "secret", f"{namespace}/{source.secret_ref.name}", place)
    if not source.config_map_ref:
        return
    name = f"{namespace}/{source.config_map_ref.name}"
    config_map = config_maps.get((namespace, source.config_map_ref.name))
    if config_map is None:
        yield EnvVar(f"{prefix}*", None, "configmap", name, place)
        return
    for key, value in config_map.data.items():
        yield EnvVar(prefix + key, value, "configmap", f"{name} key {key}", config_map.key_pointer(key))


def _variable(
    env: WireEnv, namespace: str, place: Pointer, config_maps: ConfigMaps, known: Mapping[str, EnvVar]
) -> EnvVar:
    source = env.value_from
    if source is None:
        value_place = Pointer(place.document, place.path + ".value")
        return EnvVar(env.name, expand(env.value or "", known), "literal", "", value_place)
    if source.config_map_key_ref:
        wanted = source.config_map_key_ref
        name = f"{namespace}/{wanted.name} key {wanted.key}"
        config_map = config_maps.get((namespace, wanted.name))
        if config_map is None or wanted.key not in config_map.data:
            return EnvVar(env.name, None, "configmap", name, place)
        return EnvVar(env.name, config_map.data[wanted.key], "configmap", name, config_map.key_pointer(wanted.key))
    if source.secret_key_ref:
        secret = source.secret_key_ref
        return EnvVar(env.name, None, "secret", f"{namespace}/{secret.name} key {secret.key}", place)
    return EnvVar(env.name, None, "field", source.field_ref.field_path if source.field_ref else "", place)


def _user(security: WireSecurity | None) -> int | None:
    return security.run_as_user if security else None


def _group(security: WireSecurity | None) -> int | None:
    return security.run_as_group if security else None


def _workload(namespace: str, metadata: WireMetadata) -> ObjectRef | None:
    """The pod's workload. A ReplicaSet's Deployment and a Job's CronJob are recognised by the suffix of the name."""
    owners = metadata.owner_references or []
    owner: WireOwner | None = next((o for o in owners if o.controller), owners[0] if owners else None)
    if owner is None:
        return None
    template_hash = (metadata.labels or {}).get("pod-template-hash")
    if owner.kind == "ReplicaSet":
        name = owner.name.removesuffix(f"-{template_hash}") if template_hash else _HASH.sub("", owner.name)
        return ObjectRef("Deployment" if name != owner.name else "ReplicaSet", namespace, name)
    if owner.kind == "Job" and _CRON_TIME.search(owner.name):
        return ObjectRef("CronJob", namespace, _CRON_TIME.sub("", owner.name))
    return ObjectRef(owner.kind, namespace, owner.name)
